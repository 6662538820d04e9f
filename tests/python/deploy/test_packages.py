"""What is in the sdist and in the crate: all that building and testing need, nothing else."""

from __future__ import annotations

import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

from tests.python.support import ROOT
from tools.release import notices, source

MATURIN = Path(sys.executable).parent / "maturin"
RUST = {"src", "tests", "Cargo.toml", "Cargo.lock", "CHANGELOG.md", "DESIGN.md", "LICENSE",
        "README.md"}  # fmt: skip
MADE = {".cargo_vcs_info.json", "Cargo.toml.orig"}
# Links to the app at the root are files of their own in there.
SCAFFOLD = "python/lambdatotp/scaffold/"


def unexpected(files: set[str]) -> set[str]:
    """Whatever git does not know of, or tests of another language."""
    known = {*tracked(), *(SCAFFOLD + name for name in tracked("app.py", "chalicelib", ".chalice"))}
    return {name for name in files if name not in known or name.startswith("tests/python")}


def tracked(*paths: str) -> list[str]:
    return subprocess.check_output(
        ["git", "ls-files", *paths],  # noqa: S607 - whichever git there is
        cwd=ROOT,
        text=True,
    ).splitlines()


@pytest.mark.parametrize("released", [False, True], ids=["of the clone", "of a release"])
def test_the_sdist(tmp_path, released):
    root = tmp_path / "source" if released else ROOT
    if released:
        source.copy(root)
    subprocess.run([MATURIN, "sdist", "--out", tmp_path], cwd=root, check=True, capture_output=True)
    with tarfile.open(next(tmp_path.glob("*.tar.gz"))) as sdist:
        files = {name.partition("/")[2] for name in sdist.getnames()}
    files.remove("PKG-INFO")
    assert (notices.NAME in files) == released
    files -= {notices.NAME}
    assert {name.partition("/")[0] for name in files} == RUST | {
        "macros",
        "pyproject.toml",
        "python",
    }
    assert unexpected(files) == set()
    assert "python/lambdatotp/py.typed" in files
    # `lambdatotp new` makes a project of them.
    shared = tracked("app.py", "chalicelib", ".chalice")
    assert {name for name in shared if SCAFFOLD + name not in files} == set()


def test_the_crate():
    listed = subprocess.check_output(
        ["cargo", "package", "--list", "--allow-dirty", "--locked"],  # noqa: S607
        cwd=ROOT,
        text=True,
    )
    files = set(listed.splitlines()) - MADE
    assert {name.partition("/")[0] for name in files} == RUST
    assert unexpected(files) == set()
    assert "tests/vectors/rfc6238.json" in files
