"""A setting has one name, wherever it is named, and stands in the same order everywhere."""

from __future__ import annotations

import ast
import inspect
import re

import lambdatotp
import pytest

from tests.python.support import ROOT

# Settings that AWS's own tools have variables for.
OF_AWS = ("region", "endpoint_url")

# An argument that is not a setting: no text, and so no variable, can say it.
NO_SETTING = "audit"


def source(path: str) -> str:
    return (ROOT / path).read_text()


def fields(path: str, struct: str) -> set[str]:
    """Return the fields of a struct in Rust."""
    (body,) = re.findall(rf"pub struct {struct} {{\n(.*?)\n}}", source(path), re.DOTALL)
    return set(re.findall(r"^    (?:pub )?(\w+):", body, re.MULTILINE))


def names() -> list[str]:
    """Return the names that `Config::set` and `Config::from_environment` go by."""
    (body,) = re.findall(
        r"const NAMES: \[&str; \d+\] = \[(.*?)\];", source("src/verifier/config.rs"), re.DOTALL
    )
    return re.findall(r'"(\w+)"', body)


def in_rust() -> set[str]:
    config = fields("src/verifier/config.rs", "Config")
    policy = fields("src/policy.rs", "Policy")
    assert {"policy", "store"} < config
    return (config - {"policy", "store"}) | policy | fields("src/store/settings.rs", "Settings")


def set_from_text() -> set[str]:
    """Return the names that `Config::set` has an arm for."""
    arms = re.findall(r'^            ("[^=]*") => ', source("src/verifier/config.rs"), re.MULTILINE)
    return {name for arm in arms for name in re.findall(r'"(\w+)"', arm)}


def in_the_binding() -> list[str]:
    return list(inspect.signature(lambdatotp._lambdatotp.Verifier).parameters)


def in_python() -> list[str]:
    *settings, last = inspect.signature(lambdatotp.Verifier).parameters
    assert last == NO_SETTING
    return settings


def handed_on_in_python() -> list[str]:
    """Return the names that `Verifier.__new__` hands on to the binding."""
    text = inspect.getsource(lambdatotp.Verifier.__new__)
    pairs = re.findall(r"^            (\w+)=(\w+),$", text, re.MULTILINE)
    assert all(name == argument for name, argument in pairs)
    return [name for name, _ in pairs]


def handed_on_by_the_binding() -> list[str]:
    """Return the pairs of name and argument that the binding hands to `Config::set`."""
    (body,) = re.findall(
        r"let arguments = \[(.*?)\n        \];", source("src/python/verifier.rs"), re.DOTALL
    )
    pairs = re.findall(r'\("(\w+)", Kind::\w+, (\w+)\)', body)
    assert all(name == argument for name, argument in pairs)
    return [name for name, _ in pairs]


def in_the_stub() -> list[str]:
    for node in ast.walk(ast.parse(source("python/lambdatotp/_lambdatotp.pyi"))):
        if isinstance(node, ast.ClassDef) and node.name == "Verifier":
            for method in node.body:
                if isinstance(method, ast.FunctionDef) and method.name == "__new__":
                    return [argument.arg for argument in method.args.kwonlyargs]
    raise AssertionError("the stub has no Verifier")


def in_the_docstring() -> list[str]:
    text = inspect.getdoc(lambdatotp.Verifier) or ""
    (arguments,) = re.findall(r"\nArgs:\n(.*?)\n\n", text, re.DOTALL)
    *settings, last = re.findall(r"^    (\w+): ", arguments, re.MULTILINE)
    assert last == NO_SETTING
    return settings


def documented() -> list[tuple[str, str]]:
    """Return the arguments and variables of the table in docs/deploy.md."""
    rows = re.findall(r"^\| `(\w+)` \| `(\w+)`.* \|$", source("docs/deploy.md"), re.MULTILINE)
    return [(argument, variable) for argument, variable in rows if argument.islower()]


@pytest.mark.parametrize(
    "place",
    [
        in_the_binding,
        handed_on_by_the_binding,
        in_python,
        handed_on_in_python,
        in_the_stub,
        in_the_docstring,
        lambda: [argument for argument, _ in documented()],
    ],
)
def test_the_same_settings_in_the_same_order(place):
    assert len(names()) == len(set(names())) > 0
    assert place() == names()


@pytest.mark.parametrize("place", [in_rust, set_from_text])
def test_the_same_settings(place):
    assert place() == set(names())


@pytest.mark.parametrize("name", [name for name in names() if name not in OF_AWS])
def test_each_has_its_variable(name, monkeypatch):
    variable = f"LAMBDATOTP_{name.upper()}"
    assert (name, variable) in documented()
    # No setting is a text with a line break: the variable is read, and named.
    monkeypatch.setenv(variable, "no\nsuch")
    if name == "embedded":
        pytest.skip("any text is a file's name")
    with pytest.raises(lambdatotp.ConfigurationError, match=f"{variable}|{name}"):
        lambdatotp.Verifier()
