"""What editors show of the native module is what the module says of itself."""

from __future__ import annotations

import ast
import inspect

import lambdatotp
import pytest

from tools import stub_docs


@pytest.mark.parametrize("name", stub_docs.FILES)
def test_every_docstring_is_the_modules(name):
    """If not: python tools/stub_docs.py."""
    doc_of = stub_docs.FILES[name]
    text = (stub_docs.PACKAGE / name).read_text()
    docs = {path: (ast.get_docstring(node), doc_of(path)) for path, node in stub_docs.nodes(text)}
    assert {path: both for path, both in docs.items() if both[1] and both[0] != both[1]} == {}
    assert len([1 for _, wanted in docs.values() if wanted]) >= 3


def test_a_docstring_that_differs_is_written_anew():
    text = 'def qr_svg(text: str, /) -> str: ...\ndef qr_png() -> bytes:\n    """Old."""\n'
    written = stub_docs.written(text, stub_docs.in_the_stub)
    tree = {node.name: ast.get_docstring(node) for node in ast.parse(written).body}
    assert tree == {
        name: inspect.cleandoc(getattr(lambdatotp, name).__doc__) for name in ("qr_svg", "qr_png")
    }


def test_every_public_name_has_one():
    """And what the package exports says what each argument is."""
    text = (stub_docs.PACKAGE / "_lambdatotp.pyi").read_text()
    found = dict(stub_docs.nodes(text))
    for path, node in found.items():
        if any(part.startswith("_") for part in path.split(".")):
            continue
        doc = ast.get_docstring(node)
        assert doc, path
        made = found.get(f"{path}.__new__", node)
        # A verifier is described where it gets its asynchronous half.
        exported = path.split(".")[0] in lambdatotp.__all__
        if not exported or not isinstance(made, ast.FunctionDef) or path == "Verifier":
            continue
        wanted = {one.arg for one in made.args.posonlyargs + made.args.args + made.args.kwonlyargs}
        for name in wanted - {"self", "cls"}:
            said = f"\n    {name}: " in doc or f"{path}.{name}" in found
            assert said, f"{path} says nothing of {name}"
