"""Write the references in docs/ from what they describe.

    python -m tools.site.references

The pages docs/reference-*.md are wholly written here: from the docstrings of the package, from
openapi.json, and from `--help`. They are in git, so that they can be read there, too; a test
holds that they are up to date.
"""

from __future__ import annotations

import inspect
import re
from pathlib import Path
from typing import TYPE_CHECKING

import click
import griffe

from tools.site import openapi

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[2]

# Longer signatures get a line for each parameter.
WIDTH = 88

PYTHON = {
    "Functions": "register register_async verify verify_async delete delete_async",
    "The verifier": "Verifier Enrollment Verification UserStatus AuditEvent",
    "Errors and warnings": "LambdaTotpError UserExistsError UserNotFoundError"
    " TooManyAttemptsError LockedError NoRotationError InvalidUserError InvalidLabelError"
    " InvalidSecretError StoreUnavailableError StoreCorruptError ConfigurationError"
    " InternalError LambdaTotpWarning",
    "Building blocks": "Totp Hotp Secret KeyUri qr_svg qr_png qr_data_uri qr_terminal",
}


def render() -> dict[str, str]:
    """Return the text of each page."""
    return {
        "docs/reference-python.md": _page(
            "Python reference",
            "The names of the module `lambdatotp`, as `help(lambdatotp)` describes them."
            " [From Python](python.md) shows them at work.",
            _python(),
        ),
        "docs/reference-http.md": _page(
            "HTTP reference",
            "Every operation and body, as [openapi.json](../openapi.json) tells programs."
            " [Over HTTP](http.md) is the overview.",
            [openapi.render()],
        ),
        "docs/reference-commands.md": _page(
            "Command reference",
            "What each command says with `--help`. [Command line](commands.md) is the overview.",
            _commands(),
        ),
    }


def _page(title: str, about: str, pieces: Iterator[str] | list[str]) -> str:
    note = "<!-- Written by `python -m tools.site.references`. -->"
    return "\n\n".join([f"# {title}", note, about, *pieces]).rstrip() + "\n"


def _commands() -> Iterator[str]:
    from lambdatotp.cli import main  # noqa: PLC0415 - it asks for the extra `cli`

    def described(command: click.Command, context: click.Context) -> Iterator[str]:
        yield f"## `{context.command_path}`"
        yield f"```text\n{command.get_help(context).rstrip()}\n```"
        if isinstance(command, click.Group):
            for name in command.list_commands(context):
                child = command.get_command(context, name)
                if child and not child.hidden:
                    yield from described(child, _context(child, name, context))

    yield from described(main, _context(main, "lambdatotp"))


def _context(
    command: click.Command, name: str, parent: click.Context | None = None
) -> click.Context:
    # With the settings a real call would have: -h is one of them.
    settings = {**command.context_settings, "terminal_width": 80, "max_content_width": 80}
    return command.context_class(command, info_name=name, parent=parent, **settings)


def _python() -> Iterator[str]:
    package = griffe.load(
        "lambdatotp",
        search_paths=[ROOT / "python"],
        extensions=griffe.load_extensions(str(Path(__file__).with_name("signatures.py"))),
        docstring_parser="google",
        docstring_options={"returns_multiple_items": False, "returns_named_value": False},
        allow_inspection=False,
    )
    for title, names in PYTHON.items():
        yield f"## {title}"
        for name in names.split():
            thing = package[name]
            thing = thing.final_target if thing.is_alias else thing
            yield from _described(thing, name)


def _described(thing: griffe.Object, name: str) -> Iterator[str]:
    yield f"### `{name}`"
    members = [one for one in _members(thing) if one.docstring]
    if isinstance(thing, (griffe.Class, griffe.Function)) and (shown := _signature(thing, name)):
        yield shown
    yield from _docstring(thing)
    attributes = [one for one in members if not one.is_function]
    if attributes:
        rows = [f"| `{one.name}` | {_type(one)} | {_inline(one)} |" for one in attributes]
        yield "\n".join(["| attribute | type | |", "|---|---|---|", *rows])
    for method in members:
        if isinstance(method, griffe.Function):
            yield f"#### `{name}.{method.name}`"
            yield _signature(method, method.name)
            yield from _docstring(method)


def _members(thing: griffe.Object) -> list[griffe.Object]:
    if not isinstance(thing, griffe.Class):
        return []
    found = [one for name, one in thing.all_members.items() if not name.startswith("_")]
    return [one.final_target if isinstance(one, griffe.Alias) else one for one in found]


def _signature(thing: griffe.Class | griffe.Function, name: str) -> str:
    parameters = [one for one in thing.parameters if one.name not in {"self", "cls"}]
    if isinstance(thing, griffe.Class) and not parameters:
        return ""
    pieces, star = [], False
    for one in parameters:
        kind = one.kind
        if kind is griffe.ParameterKind.keyword_only and not star:
            pieces.append("*")
            star = True
        text = one.name
        if kind is griffe.ParameterKind.var_positional:
            text, star = f"*{one.name}", True
        if kind is griffe.ParameterKind.var_keyword:
            text = f"**{one.name}"
        text += f": {one.annotation}" if one.annotation else ""
        if one.default is not None and not text.startswith("*"):
            text += f" = {one.default}"
        pieces.append(text)
    returns = getattr(thing, "returns", None)
    arrow = f" -> {returns}" if returns and not isinstance(thing, griffe.Class) else ""
    prefix = "async " if "async" in thing.labels else ""
    line = f"{prefix}{name}({', '.join(pieces)}){arrow}"
    if len(line) > WIDTH:
        inside = "".join(f"    {piece},\n" for piece in pieces)
        line = f"{prefix}{name}(\n{inside}){arrow}"
    return f"```python\n{line}\n```"


def _type(thing: griffe.Object) -> str:
    annotation = str(getattr(thing, "annotation", None) or "")
    return f"`{annotation}`".replace("|", "\\|") if annotation else ""


def _inline(thing: griffe.Object) -> str:
    text = " ".join(inspect.cleandoc(thing.docstring.value).split()) if thing.docstring else ""
    return text.replace("|", "\\|")


def _docstring(thing: griffe.Object) -> Iterator[str]:
    if not thing.docstring:
        return
    for section in thing.docstring.parsed:
        if section.kind is griffe.DocstringSectionKind.text:
            yield section.value
        elif section.kind is griffe.DocstringSectionKind.examples:
            yield "\n\n".join(
                f"```pycon\n{value}\n```" if kind.value == "examples" else value
                for kind, value in section.value
            )
        elif isinstance(section.value, list):
            yield f"**{section.kind.value.capitalize()}**"
            returns = section.kind is griffe.DocstringSectionKind.returns
            of = str(getattr(thing, "returns", "") or "") if returns else ""
            yield "\n".join(_entry(one, of) for one in section.value)


def _entry(one: griffe.DocstringElement, returns: str) -> str:
    name = getattr(one, "name", None)
    text = re.sub(r"\s+", " ", one.description).strip()
    if returns and str(one.annotation) != returns:
        # A sentence with a colon in it, and no type before it.
        name, text = returns, f"{one.annotation}: {text}"
    label = f"`{name}`" if name else f"`{one.annotation}`" if one.annotation else ""
    return f"- {label}: {text}" if label else f"- {text}"


def main() -> None:
    """Write the pages."""
    for name, text in render().items():
        (ROOT / name).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
