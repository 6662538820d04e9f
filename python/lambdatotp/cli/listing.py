"""`lambdatotp list`."""

from __future__ import annotations

import json
import shlex
import shutil
import sys
import time
from typing import TYPE_CHECKING, Any

import click
from rich.cells import cell_len

from lambdatotp._lambdatotp import list_users
from lambdatotp._verifier import STATUS

from .options import FEW_CODES, Command, as_json, engine, verifier
from .output import one_line, printable, tell, time_of
from .pages import pages

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from lambdatotp import UserStatus, Verifier
    from lambdatotp._lambdatotp import ListedUser, TablePage

PAGE = 500

# Somewhat more than a terminal shows.
SCREEN = 50

# The filters, each with an option of its own.
FILTERS: dict[str, tuple[str, Callable[[UserStatus], object]]] = {
    "locked": ("who are locked after too many misses", lambda status: status.locked),
    "unconfirmed": (
        "who have never used a code",
        lambda status: status.registered_at is not None and status.confirmed_at is None,
    ),
    "pending": ("who have started a change of phone", lambda status: status.rotation_expires_at),
    "low_codes": (
        f"who have {FEW_CODES} recovery codes or fewer",
        lambda status: status.recovery_codes_left <= FEW_CODES,
    ),
}

TITLES = ("user", "state", "registered", "recovery", "sealed by")


def _pages(verifier: Verifier, after: str | None, limit: int) -> Iterator[list[ListedUser]]:
    """Read users, so many or all, page by page."""
    left = limit

    def read(after: str | None) -> TablePage:
        return list_users(verifier, after, limit=min(PAGE, left) if limit else PAGE)

    for page in pages(read, after):
        users = page.users
        left -= len(users)
        if users:
            yield users
        if limit and left <= 0:
            return


def filters(command: Command) -> Command:
    """Add an option for each of the filters."""
    for name, (who, _) in reversed(FILTERS.items()):
        option = click.option(
            f"--{name.replace('_', '-')}", is_flag=True, help=f"Only users {who}."
        )
        command = option(command)
    return command


def _span(seconds: float) -> str:
    """Write a length of time in its largest unit, rounded up: a screen has 80 columns."""
    for unit, length in (("s", 1), ("min", 60), ("h", 3600)):
        if seconds < 100 * length:
            return f"{-(-seconds // length):.0f} {unit}"
    days = -(-seconds // 86400)
    return f"{days:.0f} d" if days < 100_000 else "100000 d or more"  # noqa: PLR2004


def _state(status: UserStatus) -> tuple[str, str | None]:  # noqa: PLR0911 - one a state
    """Say in a word how a user is, and in which colour."""
    if status.locked:
        return "locked", "red"
    if status.ahead:
        return f"a clock was {_span(status.ahead)} fast", "red"
    if status.retry_after:
        return f"waits {_span(status.retry_after)}", "yellow"
    if status.rotation_expires_at:
        return "changes phone", "yellow"
    if status.confirmed_at:
        return "in use", "green"
    if status.registered_at is None:
        return "of the original", None
    if status.expires_at is None:
        return "not used yet", None
    left = status.expires_at - time.time()
    return f"expires in {_span(left)}" if left > 0 else "expired", None


def _cells(listed: ListedUser) -> tuple[list[str], str | None]:
    user, status = printable(listed.user), listed.status
    if status is None:
        return [user, "cannot be read", "", "", ""], "red"
    state, colour = _state(status)
    registered = time_of(status.registered_at, "%Y-%m-%d") or ""
    codes = str(status.recovery_codes_left)
    return [user, state, registered, codes, printable(status.sealed_by or "")], colour


def _print_table(users: list[ListedUser]) -> None:
    """Print a table as wide as the terminal.

    An id that is too long for its column has a line of its own, whole: anyone who needs it can
    copy it.
    """
    rows = [_cells(listed) for listed in users]
    widths = [
        max(cell_len(title), *(cell_len(cells[place]) for cells, _ in rows))
        for place, title in enumerate(TITLES)
    ]
    room = shutil.get_terminal_size().columns - sum(width + 2 for width in widths[1:])
    widths[0] = min(widths[0], max(room, cell_len(TITLES[0])))

    def line(cells: list[str], colour: str | None = None, *, bold: bool = False) -> str:
        padded = [
            cell + " " * (width - cell_len(cell)) for cell, width in zip(cells, widths, strict=True)
        ]
        padded[1] = click.style(padded[1], fg=colour)
        return click.style("  ".join(padded).rstrip(), bold=bold)

    click.echo(line(list(TITLES), bold=True))
    for cells, colour in rows:
        if cell_len(cells[0]) > widths[0]:
            click.echo(cells[0])
            cells[0] = ""
        click.echo(line(cells, colour))
    tell(*(listed.problem for listed in users if listed.problem is not None))


@click.command("list")
@engine
@click.option(
    "--limit",
    type=click.IntRange(min=0),
    help=f"How many at most; 0 means all. By default {SCREEN} on a terminal, and all in a pipe.",
)
@click.option("--after", help="Continue after this user, the last one on the previous page.")
@filters
@as_json
def list_(limit: int | None, after: str | None, *, as_json: bool, **options: Any) -> None:  # noqa: ANN401 - switches, and where the table is
    """List users: no secret, no code. The order is DynamoDB's, by a hash.

    On a terminal, prints a page of a table; in a pipe, one user id a line. With --json, prints
    one object a line, with the fields of `lambdatotp show --json`. An item that cannot be read
    is named, and the exit code is 1.

    With several of --locked, --unconfirmed, --pending and --low-codes, lists the users of any
    of these kinds. It searches the whole table, or --limit users.

    Ids are never cut. On a terminal, characters that it would act on or not show are escaped
    (\\x1b, \\n, \\u202e). In a pipe, only control characters are, which no valid id has.

    Needs the permission dynamodb:Scan. Reading costs a read unit for each 4 kB.

    \b
    Examples:
      lambdatotp list
      lambdatotp list --after ana@example.com --limit 20
      lambdatotp list --locked
      lambdatotp list --json | jq -r 'select(.attempts_left == 0) | .user'
    """
    wanted = [test for name, (_, test) in FILTERS.items() if options.pop(name)]
    made = verifier(**options)
    in_a_terminal = sys.stdout.isatty() and not as_json
    if limit is None:
        limit = SCREEN if in_a_terminal and not wanted else 0
    show = _print_json if as_json else _print_table if in_a_terminal else _print_ids
    problems, last, count = 0, "", 0
    for page in _pages(made, after, limit):
        if chosen := _chosen(page, wanted):
            show(chosen)
        problems += sum(listed.problem is not None for listed in page)
        last, count = page[-1].user, count + len(page)
    if count and count == limit:
        tell(f"there may be more: --after {_shell_word(last)}")
    if problems:
        raise SystemExit(1)


def _chosen(
    users: list[ListedUser], wanted: list[Callable[[UserStatus], object]]
) -> list[ListedUser]:
    """Return those who are asked for. Of one who cannot be read nothing is known."""
    if not wanted:
        return users
    tell(*(listed.problem for listed in users if listed.problem is not None))
    return [one for one in users if one.status and any(test(one.status) for test in wanted)]


def _print_ids(users: list[ListedUser]) -> None:
    for listed in users:
        click.echo(one_line(listed.user))
        if listed.problem is not None:
            tell(listed.problem)


def _print_json(users: list[ListedUser]) -> None:
    for listed in users:
        click.echo(json.dumps(_object(listed)))


def _shell_word(text: str) -> str:
    """Quote a text for the shell, so that it can be copied from a terminal."""
    if text.isprintable():
        return shlex.quote(text)
    symbols = (
        symbol if symbol.isprintable() and symbol not in "\\'" else f"\\U{ord(symbol):08x}"
        for symbol in text
    )
    return f"$'{''.join(symbols)}'"


def _object(listed: ListedUser) -> dict[str, object]:
    if listed.status is None:
        return {"user": listed.user, "problem": listed.problem}
    return {"user": listed.user, **{name: getattr(listed.status, name) for name in STATUS}}
