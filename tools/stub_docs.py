"""Copy the native module's docstrings to where editors look for them.

    python tools/stub_docs.py

They are written once, as comments in src/python/. The stub repeats them, and so do the
module's own functions; a test holds that all are equal.
"""

from __future__ import annotations

import ast
import inspect
from pathlib import Path
from typing import TYPE_CHECKING

from lambdatotp import _lambdatotp

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

PACKAGE = Path(__file__).parents[1] / "python" / "lambdatotp"

Node = ast.ClassDef | ast.FunctionDef


def in_the_stub(path: str) -> str | None:
    """Return what the module says of a name of the stub.

    A class describes its `__new__`, and Python itself the other special methods.
    """
    thing: object = _lambdatotp
    for name in path.split("."):
        if name.startswith("__"):
            return None
        thing = getattr(thing, name)
    return inspect.cleandoc(thing.__doc__) if thing.__doc__ else None


def in_the_module(path: str) -> str | None:
    """Return what the verifier's method says for which one of the module's functions stands."""
    return None if path.startswith("_") else in_the_stub(f"Verifier.{path}")


# Each file, and where its docstrings are from. None leaves a docstring alone.
FILES: dict[str, Callable[[str], str | None]] = {
    "_lambdatotp.pyi": in_the_stub,
    "__init__.py": in_the_module,
}


def nodes(text: str) -> Iterator[tuple[str, Node]]:
    """Name the classes, functions and methods of a file."""
    for node in ast.parse(text).body:
        if isinstance(node, Node):
            yield node.name, node
            for member in node.body if isinstance(node, ast.ClassDef) else []:
                if isinstance(member, ast.FunctionDef):
                    yield f"{node.name}.{member.name}", member


def written(text: str, doc_of: Callable[[str], str | None]) -> str:
    """Return a file's text with the module's docstrings in it."""
    lines = text.splitlines()
    for path, node in sorted(nodes(text), key=lambda found: -found[1].lineno):
        doc, first = doc_of(path), node.body[0]
        if doc is None:
            continue
        at = first.lineno - 1 - len(getattr(first, "decorator_list", ()))
        if ast.get_docstring(node) is not None:
            del lines[at : first.end_lineno]
        elif ast.unparse(first) == "...":
            # It stands in the line of the function, and goes.
            lines[at] = lines[at][: first.col_offset].rstrip()
            at += 1
        lines[at:at] = _quoted(doc, " " * (node.col_offset + 4))
    return "\n".join(lines) + "\n"


def _quoted(doc: str, indent: str) -> list[str]:
    first, *rest = doc.splitlines()
    if not rest:
        return [f'{indent}"""{first}"""']
    return [f'{indent}"""{first}', *(f"{indent}{line}".rstrip() for line in rest), f'{indent}"""']


if __name__ == "__main__":
    for name, doc_of in FILES.items():
        file = PACKAGE / name
        file.write_text(written(file.read_text(), doc_of))
