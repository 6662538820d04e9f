"""`lambdatotp list` and `lambdatotp check-table`."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any, TypeAlias

import click
from rich.console import Console
from rich.table import Table
from rich.text import Text

from lambdatotp import UserStatus
from lambdatotp._lambdatotp import _list, _survey

from .options import FIELDS, as_json, engine, tell, time_of, verifier
from .progress import bar
from .table import counted

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lambdatotp import Verifier

# A user's id, and what is known of them, or why nothing is.
Listed: TypeAlias = tuple[str, UserStatus | None, str | None]

PAGE = 500

# What fits on a terminal, and then some.
SCREEN = 50


def _pages(verifier: Verifier, after: str | None, limit: int) -> Iterator[list[Listed]]:
    """Read users, so many or all, page by page."""
    left = limit or None
    while left is None or left > 0:
        after, users = _list(verifier, after, PAGE if left is None else min(PAGE, left))
        if users:
            yield users
        if after is None:
            return
        left = None if left is None else left - len(users)


def _state(status: UserStatus) -> str:
    if status.locked:
        return "[red]locked[/]"
    if status.retry_after:
        return f"[yellow]waits {status.retry_after} s[/]"
    if status.confirmed_at:
        return "[green]in use[/]"
    if status.registered_at is None:
        return "of the original"
    return f"lapses {time_of(status.expires_at)}" if status.expires_at else "not used yet"


def _table(users: list[Listed]) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    for title in ("user", "state", "registered", "recovery codes", "sealed by"):
        table.add_column(title, overflow="fold" if title == "user" else "ellipsis")
    for user, status, problem in users:
        # Markup is ours: a user's name holds none.
        name = Text(user)
        if status is None:
            table.add_row(name, Text(problem or "", style="red"))
        else:
            table.add_row(
                name,
                _state(status),
                time_of(status.registered_at) or "",
                str(status.recovery_codes_left),
                status.sealed_by or "",
            )
    return table


@click.command("list")
@engine
@click.option(
    "--limit",
    type=click.IntRange(min=0),
    help=f"How many at the most, 0 for all; {SCREEN} on a terminal, all of them in a pipe.",
)
@click.option("--after", help="Go on after this user, whom the page before ended with.")
@as_json
def list_(limit: int | None, after: str | None, *, as_json: bool, **where: str | None) -> None:
    """List users: no secret, no code. The order is DynamoDB's, by a hash.

    On a terminal a page of a table; in a pipe one user id a line. With --json one object
    a line, with what `lambdatotp show --json` has. What cannot be read is named, and the
    exit code is 1.

    Needs the permission dynamodb:Scan. Reads the table, at a read unit for each 4 kB.

    \b
    Examples:
      lambdatotp list
      lambdatotp list --after ana@example.com --limit 20
      lambdatotp list --json | jq -r 'select(.locked) | .user'
    """
    made = verifier(**where)
    in_a_terminal = sys.stdout.isatty() and not as_json
    if limit is None:
        limit = SCREEN if in_a_terminal else 0
    problems, last, count = 0, None, 0
    for page in _pages(made, after, limit):
        if in_a_terminal:
            Console().print(_table(page))
        for user, status, problem in page:
            problems += status is None
            if as_json:
                click.echo(json.dumps(_object(user, status, problem)))
            elif not in_a_terminal:
                click.echo(user)
        last, count = page[-1][0], count + len(page)
    if count and count == limit:
        click.echo(f"lambdatotp: there may be more: --after {json.dumps(last)}", err=True)
    if problems:
        raise SystemExit(1)


def _object(user: str, status: UserStatus | None, problem: str | None) -> dict[str, Any]:
    if status is None:
        return {"user": user, "problem": problem}
    return {"user": user, **{name: getattr(status, name) for name in FIELDS}}


@click.command()
@engine
@as_json
def check_table(*, as_json: bool, **where: str | None) -> None:
    """Say who could log in, and who could not.

    Reads every user as a login would, and changes nothing. A table of the original
    lambdatotp needs no import: its users are counted, and each one's secret is read.

    Needs the permissions dynamodb:Scan and, for the bar, dynamodb:DescribeTable. Exits
    with 1 if a user cannot be read; each is named.

    \b
    Examples:
      lambdatotp check-table
      lambdatotp check-table --table-name the_old_table
    """
    made = verifier(**where)
    counts = {"original": 0, "lambdatotp": 0, "sealed": 0}
    problems: list[str] = []
    with bar("Checking", counted(made), quiet=as_json) as shown:
        after: str | None = None
        while True:
            after, original, ours, sealed, found = _survey(made, after, PAGE)
            counts["original"] += original
            counts["lambdatotp"] += ours
            counts["sealed"] += sealed
            problems += found
            users = counts["original"] + counts["lambdatotp"] + len(problems)
            shown.at(users, users)
            if after is None:
                break
    if as_json:
        click.echo(json.dumps({**counts, "unreadable": len(problems), "problems": problems}))
    else:
        ready = counts["original"] + counts["lambdatotp"]
        click.echo(f"can log in: {ready}")
        click.echo(f"  registered by lambdatotp: {counts['lambdatotp']}")
        click.echo(f"  written by the original application, fine as they are: {counts['original']}")
        click.echo(f"  with a sealed secret: {counts['sealed']}")
        click.echo(f"cannot be read: {len(problems)}")
        tell(problems)
    if problems:
        raise SystemExit(1)
