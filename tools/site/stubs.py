"""The Python reference: signatures from the stubs, texts from the module itself."""

from __future__ import annotations

import inspect
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import griffe
import lambdatotp

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[2]
WIDTH = 76
SECTIONS = {
    "parameters": "Args",
    "returns": "Returns",
    "raises": "Raises",
    "attributes": "Attributes",
}

_described: set[str] = {"__version__"}


def undescribed() -> list[str]:
    """List what is public and was not rendered."""
    return [name for name in lambdatotp.__all__ if name not in _described]


def render(names: str) -> str:
    """Describe some names of the module."""
    pieces: list[str] = []
    for name in names.split():
        _described.add(name)
        thing = getattr(lambdatotp, name)
        found = _package()[name]
        found = found.final_target if isinstance(found, griffe.Alias) else found
        if isinstance(found, griffe.Class):
            pieces += _class(name, found, thing)
        else:
            pieces += _function(name, found, thing, level=3)
    return "\n\n".join(pieces) + "\n"


@cache
def _package() -> griffe.Module:
    found = griffe.load("lambdatotp", search_paths=[ROOT / "python"], allow_inspection=False)
    if not isinstance(found, griffe.Module):
        raise TypeError("lambdatotp is a module")
    return found


def _function(path: str, found: Any, thing: Any, *, level: int) -> Iterator[str]:
    yield f"{'#' * level} `{path}` {{ #{path.lower()} }}"
    signature = found.signature(name=path.rsplit(".", 1)[-1]).replace("self, ", "")
    prefix = "async def " if "async" in found.labels else "def "
    yield f"```python\n{_folded(prefix + signature.replace('(self)', '()'))}\n```"
    yield from _text(thing, found)


def _class(name: str, found: griffe.Class, thing: type) -> Iterator[str]:
    yield f"### `{name}` {{ #{name.lower()} }}"
    if issubclass(thing, Exception):
        bases = ", ".join(base.__name__ for base in thing.__bases__)
        yield f"```python\nclass {name}({bases})\n```"
        yield from _text(thing, None)
        return
    members = _members(found)
    made = members.get("__new__")
    if made is not None:
        signature = made.signature(name=name, return_type=False)
        signature = "class " + signature.replace("cls, ", "")
        yield f"```python\n{_folded(signature)}\n```"
    yield from _text(thing, made)
    rows = []
    for member, described in members.items():
        if not member.startswith("_") and described.is_attribute:
            text = inspect.cleandoc(getattr(thing, member).__doc__ or "")
            rows.append(
                f"| `.{member}` | `{described.annotation}` | {_line(text)} |".replace(
                    " | None`", " \\| None`"
                )
            )
    if rows:
        yield "\n".join(["| property | type | |", "|---|---|---|", *rows])
    for member, described in members.items():
        if not member.startswith("_") and described.is_function:
            yield from _function(f"{name}.{member}", described, getattr(thing, member), level=4)


def _members(found: griffe.Class) -> dict[str, Any]:
    """List a class's members, each asynchronous twin after its sibling."""
    members: dict[str, Any] = {}
    for base in found.bases:
        if str(base).startswith("_lambdatotp."):
            native: Any = _package()[str(base)]
            members.update(native.members)
    for name in [name for name in members if f"{name}_async" in found.members]:
        rest = {
            other: members.pop(other) for other in list(members)[list(members).index(name) + 1 :]
        }
        members.update({f"{name}_async": found.members[f"{name}_async"], **rest})
    return {**members, **{name: one for name, one in found.members.items() if name not in members}}


def _folded(signature: str) -> str:
    """Break a signature that is too long for a line: an argument a line."""
    if len(signature) <= WIDTH:
        return signature
    start, _, rest = signature.partition("(")
    arguments, _, end = rest.rpartition(")")
    return f"{start}(\n    " + arguments.replace(", ", ",\n    ") + f",\n){end}"


def _line(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


def _text(thing: Any, parent: Any) -> Iterator[str]:
    """Turn a docstring, in Google's style, into Markdown."""
    docstring = griffe.Docstring(inspect.getdoc(thing) or "", parent=parent)
    for section in docstring.parse("google", warnings=False):
        kind = section.kind.value
        if kind == "text":
            yield section.value
            continue
        yield f"**{SECTIONS[kind]}**"
        if kind == "returns":
            yield " ".join(_line(one.description) for one in section.value)
        elif kind == "raises":
            yield "\n".join(
                f"- {_error(str(one.annotation))}: {_line(one.description)}"
                for one in section.value
            )
        else:
            yield "\n".join(f"- `{one.name}`: {_line(one.description)}" for one in section.value)


def _error(name: str) -> str:
    return f"[`{name}`](#{name.lower()})" if name in lambdatotp.__all__ else f"`{name}`"
