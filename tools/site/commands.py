"""The command line's reference, from the commands themselves."""

from __future__ import annotations

import inspect
import re
from typing import TYPE_CHECKING

import click
from lambdatotp.cli import main

if TYPE_CHECKING:
    from collections.abc import Iterator


def render(_: str = "") -> str:
    """Describe every command there is."""
    context = click.Context(main, info_name="lambdatotp")
    pieces: list[str] = []
    for name in main.list_commands(context):
        command = main.get_command(context, name)
        if command is not None and not command.hidden:
            pieces += _command(command, click.Context(command, info_name=name, parent=context))
    return "\n\n".join(pieces) + "\n"


def _command(command: click.Command, context: click.Context) -> Iterator[str]:
    yield f"## {command.name}"
    usage = " ".join([context.command_path, *command.collect_usage_pieces(context)])
    yield f"```text\n{usage}\n```"
    yield from _prose(command.help or "")
    records = [parameter.get_help_record(context) for parameter in command.get_params(context)]
    rows = [f"| {_names(names)} | {_cell(text)} |" for names, text in filter(None, records)]
    yield "\n".join(["| option | |", "|---|---|", *rows])
    yield from _prose(command.epilog or "")


def _names(names: str) -> str:
    """Write each way to name an option as code."""
    return " ".join(f"`{name.strip()}`" for name in names.split(", ")).replace("|", "\\|")


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("<", "&lt;")


def _prose(text: str) -> Iterator[str]:
    """Turn a help text into Markdown; what it says to leave alone becomes code."""
    for paragraph in re.split(r"\n\s*\n", inspect.cleandoc(text)):
        if not paragraph.startswith("\b"):
            yield _cell(re.sub(r"\s+", " ", paragraph)).replace("*", "\\*").replace("_", "\\_")
            continue
        first, _, rest = paragraph.removeprefix("\b").strip("\n").partition("\n")
        if first.startswith("Example"):
            yield f"```sh\n{inspect.cleandoc(rest)}\n```"
        else:
            yield f"```text\n{inspect.cleandoc(first + chr(10) + rest)}\n```"
