"""`lambdatotp check-table`."""

from __future__ import annotations

import json
import sys
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import click

from lambdatotp import UserNotFoundError
from lambdatotp._lambdatotp import delete_unusable, survey_users

from .options import as_json, engine, verifier
from .output import tell
from .pages import counted, pages
from .progress import bar

if TYPE_CHECKING:
    from lambdatotp import Verifier
    from lambdatotp._lambdatotp import UnusableUser

    from .progress import Bar

PAGE = 500


@dataclass
class Tally:
    """What the table holds, as far as it was read."""

    original: int = 0
    lambdatotp: int = 0
    sealed: int = 0
    problems: list[str] = field(default_factory=list)
    # Users whose id is invalid.
    unusable: list[UnusableUser] = field(default_factory=list)
    removed: int = 0

    @property
    def ready(self) -> int:
        """Users who can log in."""
        return self.original + self.lambdatotp

    @property
    def seen(self) -> int:
        """Users looked at."""
        return self.ready + len(self.problems) + len(self.unusable)


@click.command()
@engine
@click.option(
    "--remove-unusable", is_flag=True, help="Remove users whose id is invalid; asks first."
)
@click.option("--yes", is_flag=True, help="Do not ask first.")
@as_json
def check_table(*, remove_unusable: bool, yes: bool, as_json: bool, **where: str | None) -> None:
    """Say which users can log in, and which cannot.

    Reads every user as a login would, and changes none. It also reads a table of the original
    lambdatotp, whose users can log in without an import.

    The original accepted some ids that are invalid today: longer than 256 bytes, or with
    control characters. Nobody can log in with such an id, and `lambdatotp delete` does not
    accept it. They are listed; --remove-unusable removes them, and nothing else.

    Also removes what deletions left behind, once it has expired, for tables without time to
    live (TTL).

    Needs the permissions dynamodb:Scan and, for the progress bar, dynamodb:DescribeTable; to remove
    something, dynamodb:UpdateItem and dynamodb:DeleteItem. Exits with 1 if a user cannot
    log in; each is named.

    \b
    Examples:
      lambdatotp check-table
      lambdatotp check-table --table-name the_old_table
      lambdatotp check-table --remove-unusable
    """
    if remove_unusable and not yes and not sys.stdin.isatty():
        raise click.UsageError(
            "there is no terminal to ask on: confirm with --yes",
            click.get_current_context(),
        )
    made = verifier(**where)
    tally = Tally()
    with bar("Checking", counted(made), quiet=as_json) as shown:
        _survey_all(made, tally, shown)
    if remove_unusable and tally.unusable:
        _remove(made, tally, ask=not yes)
    _print(tally, as_json=as_json)
    if tally.problems or len(tally.unusable) > tally.removed:
        raise SystemExit(1)


def _survey_all(verifier: Verifier, tally: Tally, shown: Bar) -> None:
    for page in pages(lambda after: survey_users(verifier, after, limit=PAGE)):
        tally.original += page.original
        tally.lambdatotp += page.registered
        tally.sealed += page.sealed
        tally.problems += page.problems
        tally.unusable += page.unusable
        shown.at(tally.seen, tally.seen)


def _named(tally: Tally) -> list[str]:
    return [
        f"user {json.dumps(found.user)}: this id is invalid: {found.problem}"
        for found in tally.unusable
    ]


def _remove(verifier: Verifier, tally: Tally, *, ask: bool) -> None:
    if ask:
        tell(*_named(tally))
        if not click.confirm(f"Remove these users ({len(tally.unusable)})?", err=True):
            raise click.ClickException("nothing was removed")
    for found in tally.unusable:
        # Another process may be quicker, which is fine.
        with suppress(UserNotFoundError):
            delete_unusable(verifier, found.user)
        tally.removed += 1


def _print(tally: Tally, *, as_json: bool) -> None:
    if as_json:
        outcome = {
            "original": tally.original,
            "lambdatotp": tally.lambdatotp,
            "sealed": tally.sealed,
            "unreadable": len(tally.problems),
            "problems": tally.problems,
            "unusable": [
                {"user": found.user, "problem": found.problem} for found in tally.unusable
            ],
            "removed": tally.removed,
        }
        click.echo(json.dumps(outcome))
        return
    click.echo(f"can log in: {tally.ready}")
    click.echo(f"  registered by lambdatotp: {tally.lambdatotp}")
    click.echo(f"  written by the original application, fine as they are: {tally.original}")
    click.echo(f"  with a sealed secret: {tally.sealed}")
    click.echo(f"cannot log in: {len(tally.problems)}")
    if tally.removed:
        click.echo(f"removed, because their id is invalid: {tally.removed}")
    elif tally.unusable:
        click.echo(f"with an invalid id (--remove-unusable): {len(tally.unusable)}")
    tell(*tally.problems)
    if not tally.removed:
        tell(*_named(tally))
