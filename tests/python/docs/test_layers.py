"""The sentences of src/lib.rs on who knows whom: layers know only those below them."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.python.support import ROOT

LAYERS = [
    {"config_error", "environment", "policy", "process", "qr", "random", "simulation"},
    {"otp"},
    {"store"},
    {"verifier"},
    {"python"},
]
# On a developer's machine: by Chalice's own local server, and by its own deployment.
USE_CHALICE = {
    "python/lambdatotp/cli/local_server.py",
    "python/lambdatotp/cli/chalice_deploy.py",
}


def rust() -> dict[str, str]:
    """Every source file but lib.rs, without its comments, by its path below src."""
    source = ROOT / "src"
    return {
        str(file.relative_to(source)): re.sub(r"//.*", "", file.read_text())
        for file in source.rglob("*.rs")
        if file != source / "lib.rs"
    }


def layer(file: str) -> int:
    """Count from the leaves up."""
    top = Path(file).parts[0].removesuffix(".rs")
    (number,) = (number for number, names in enumerate(LAYERS) if top in names)
    return number


def upward(file: str, text: str) -> set[str]:
    """Return the layers above its own that a file names."""
    above = set().union(*LAYERS[layer(file) + 1 :])
    named = set(re.findall(r"\bcrate::(\w+)", text))
    for group in re.findall(r"\bcrate::\{(.*?)\};", text, re.DOTALL):
        named |= set(re.findall(r"(?:^|,)\s*(\w+)", group))
    return named & above


def outside(folder: str, pattern: str) -> list[str]:
    """Return the files outside of one layer that hold a pattern."""
    inside = (f"{folder}.rs", f"{folder}/")
    return [
        file
        for file, text in rust().items()
        if re.search(pattern, text) and not file.startswith(inside)
    ]


def test_every_folder_is_in_one_layer():
    assert {Path(file).parts[0].removesuffix(".rs") for file in rust()} == set().union(*LAYERS)


def test_no_arrow_runs_up():
    assert {file: up for file, text in rust().items() if (up := upward(file, text))} == {}


@pytest.mark.parametrize(
    ("file", "text"),
    [
        ("policy.rs", "use crate::verifier::Policy;"),
        ("store/reserve.rs", "use crate::verifier::{Charge, Policy};"),
        ("otp/secret.rs", "let made = crate::store::item::made();"),
        ("store.rs", "use crate::{\n    otp::Totp,\n    verifier::Policy,\n};"),
    ],
)
def test_an_upward_arrow_is_seen(file, text):
    assert upward(file, text)


def test_only_the_store_names_aws():
    assert outside("store", r"\baws_\w") == []


def test_only_the_binding_names_pyo3():
    assert outside("python", r"\bpyo3") == []


def test_only_the_app_names_chalice():
    pattern = re.compile(r"^\s*(?:import|from) chalice\b", re.MULTILINE)
    files = [ROOT / "app.py"]
    files += [file for folder in ("chalicelib", "python") for file in (ROOT / folder).rglob("*.py")]
    # The app once more, for `lambdatotp new`.
    files = [file for file in files if "scaffold" not in file.relative_to(ROOT).parts]
    naming = {str(file.relative_to(ROOT)) for file in files if pattern.search(file.read_text())}
    assert "app.py" in naming
    assert {file for file in naming if file.startswith("python/")} <= USE_CHALICE
