"""What several commands have in common."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

import click

from lambdatotp import Verifier

if TYPE_CHECKING:
    from collections.abc import Callable

Command = TypeVar("Command", bound="Callable[..., Any]")


# A user with this many recovery codes or fewer should get new ones.
FEW_CODES = 2


def as_json(command: Command) -> Command:
    """Add the option --json."""
    option = click.option("--json", "as_json", is_flag=True, help="Print the outcome as JSON.")
    return option(command)


def where(command: Command) -> Command:
    """Add the options that say where the table is."""
    for name, text in (
        ("--endpoint-url", "An endpoint other than AWS's own, such as DynamoDB Local."),
        ("--region", "The AWS region; found by AWS's usual rules."),
        ("--table-name", "The table's name.  [env: LAMBDATOTP_TABLE_NAME; default: totp_users]"),
    ):
        command = click.option(name, help=text)(command)
    return command


def engine(command: Command) -> Command:
    """Add the options of `where`, and the one for a table in a file."""
    text = "Keep the table in this file instead of DynamoDB.  [env: LAMBDATOTP_EMBEDDED]"
    return where(click.option("--embedded", help=text)(command))


def verifier(**where: str | None) -> Verifier:
    """Make the verifier that these options mean."""
    return Verifier(**{name: value for name, value in where.items() if value})  # type: ignore[arg-type]
