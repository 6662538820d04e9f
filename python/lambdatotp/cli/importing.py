"""`lambdatotp import`."""

from __future__ import annotations

import csv
import json
import time
from contextlib import nullcontext
from dataclasses import dataclass, field
from itertools import chain
from typing import TYPE_CHECKING, Any, Protocol

import click

from lambdatotp import LambdaTotpError, StoreUnavailableError
from lambdatotp._lambdatotp import ImportOutcome, import_users

from .files import new_file
from .formats import readers
from .formats.cells import neutral
from .formats.rows import UnreadableError
from .options import as_json, engine, verifier
from .output import tell
from .progress import Bar, bar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from lambdatotp import Verifier
    from lambdatotp._lambdatotp import StoredUser

    from .formats.rows import Row

# Users that are written, and kept in memory, together.
BATCH = 256

# Seconds to wait, again and again, for a table that has had enough for now: on-demand
# tables take minutes to grow.
WAITS = (1, 2, 4, 8, 16, 32)

# Refused rows that are named on the screen; --report has them all.
SHOWN = 20


class _Report(Protocol):
    def writerow(self, cells: Iterable[Any], /) -> object: ...


@dataclass
class Tally:
    """What has become of the rows so far."""

    new: int = 0
    same: int = 0
    refused: int = 0
    passed_over: int = 0
    line: int = 0
    problems: list[dict[str, Any]] = field(default_factory=list)
    report: _Report | None = None

    @property
    def seen(self) -> int:
        """Rows looked at."""
        return self.new + self.same + self.refused + self.passed_over

    def refuse(self, row: Row, problem: str) -> None:
        """Count a row that is not imported, and remember why."""
        self.refused += 1
        if len(self.problems) < SHOWN:
            self.problems.append({"line": row.line, "user": row.user, "problem": problem})
        if self.report:
            self.report.writerow((row.line, neutral(row.user), neutral(problem)))


class Importer:
    """Takes rows in, batch by batch."""

    def __init__(self, verifier: Verifier, tally: Tally, *, rehearsal: bool) -> None:
        self._verifier = verifier
        self._tally = tally
        self._rehearsal = rehearsal
        self._batch: dict[str, tuple[Row, StoredUser]] = {}
        # A rehearsal writes nothing that a second row of a user could run into.
        self._rehearsed: dict[int, int] = {}

    def take(self, row: Row) -> None:
        """Take a row in, with others, soon."""
        if row.problem is not None:
            self._tally.refuse(row, row.problem)
            return
        try:
            user = row.stored()
        except UnreadableError as error:
            self._tally.refuse(row, str(error))
            return
        if row.user in self._batch or len(self._batch) == BATCH:
            self.flush()
        self._batch[row.user] = row, user

    def flush(self) -> None:
        """Write what has been taken in. What the table has no answer for, again later."""
        waits = iter(WAITS)
        last = next(reversed(self._batch.values()), None)
        while self._batch:
            batch = list(self._batch.values())
            users = [user for _, user in batch]
            answers = import_users(self._verifier, users, rehearsal=self._rehearsal)
            self._batch = {}
            unavailable = ""
            for (row, user), answer in zip(batch, answers, strict=True):
                if answer.outcome == ImportOutcome.UNAVAILABLE:
                    self._batch[row.user] = row, user
                    unavailable = answer.problem
                else:
                    self._settle(row, user, answer.outcome, answer.problem)
            if self._batch:
                wait = next(waits, None)
                if wait is None:
                    raise StoreUnavailableError(unavailable)
                time.sleep(wait)
        if last is not None:
            self._tally.line = last[0].line

    def _settle(self, row: Row, user: StoredUser, outcome: ImportOutcome, problem: str) -> None:
        if outcome == ImportOutcome.NEW and self._rehearsal:
            outcome = self._rehearsed_twice(user)
            problem = "the user is in the file twice, with differing secrets or parameters"
        if outcome == ImportOutcome.REFUSED:
            self._tally.refuse(row, problem)
        elif outcome == ImportOutcome.NEW:
            self._tally.new += 1
        else:
            self._tally.same += 1

    def _rehearsed_twice(self, user: StoredUser) -> ImportOutcome:
        totp = user.totp
        digest = hash((bytes(totp.secret), totp.algorithm, totp.digits, totp.period))
        before = self._rehearsed.get(hash(user.user))
        if before is None:
            self._rehearsed[hash(user.user)] = digest
            return ImportOutcome.NEW
        return ImportOutcome.SAME if before == digest else ImportOutcome.REFUSED


@click.command("import")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, allow_dash=True))
@engine
@click.option(
    "--format",
    "form",
    type=click.Choice(readers.FORMATS),
    default="auto",
    show_default=True,
    help="What FILE is; auto looks at how it begins.",
)
@click.option("--dry-run", is_flag=True, help="Tell what would happen, and write nothing.")
@click.option("--issuer", help="Only entries of this issuer, of a file that holds several.")
@click.option(
    "--from-line",
    type=click.IntRange(min=1),
    default=1,
    help="Pass over what stands before this line: it was imported before.",
)
@click.option(
    "--report",
    type=click.Path(),
    help="Write every refused row to this new file: line, user, why (CSV).",
)
@as_json
def import_(
    file: str,
    form: str,
    issuer: str | None,
    from_line: int,
    report: str | None,
    *,
    dry_run: bool,
    as_json: bool,
    **where: str | None,
) -> None:
    """Take users in from FILE; their phones go on working.

    \b
    FILE is "-" for standard input, or one of these:
      csv        a first line that names columns: user and secret (base32), or
                 uri; and perhaps issuer, algorithm, digits, period; secret_hex
                 instead of secret. An apostrophe before =, +, - or @ is dropped
      jsonl      one JSON object a line with such names: what `lambdatotp export`
                 writes, and Vault's replies (data.url)
      uri        otpauth:// key URIs, one a line: django-otp's config_url, Vault's
                 url
      migration  otpauth-migration:// payloads of Google Authenticator's QR codes
      freeotp    an export of FreeOTP+
      aegis      an export of Aegis, unencrypted
      django     what `manage.py dumpdata otp_totp` writes

    A table of the original lambdatotp needs no import: see `lambdatotp check-table`.

    Each user is written whole or not at all, and never over one who is there. One who is
    there with the same secret is fine. So an import that was interrupted is simply run
    again. A row that cannot be imported is named, and the others are imported.

    Needs the permission dynamodb:PutItem; with --dry-run, dynamodb:GetItem. Exits with 1 if
    a row was refused.

    \b
    Examples:
      lambdatotp import users.csv --dry-run
      lambdatotp import users.csv --report refused.csv
      lambdatotp import aegis.json --issuer ACME
      zbarimg --quiet --raw transfer.png | lambdatotp import -
    """
    tally = Tally()
    importer = Importer(verifier(**where), tally, rehearsal=dry_run)

    def wanted(row: Row) -> bool:
        return row.line >= from_line and issuer in {None, row.issuer}

    try:
        with readers.opened(file) as source, bar("Importing", source.size, quiet=as_json) as shown:
            _run(importer, tally, source, readers.read(source, form), wanted, report, shown)
    except UnreadableError as error:
        raise click.ClickException(f"{file}: {error}") from None
    except (KeyboardInterrupt, LambdaTotpError):
        if tally.line:
            tell(
                f"everything up to line {tally.line} is done; run it again to go on, "
                f"with --from-line {tally.line + 1} to begin there"
            )
        raise
    finally:
        if tally.seen:
            _print(tally, dry_run=dry_run, as_json=as_json)
    if tally.refused:
        raise SystemExit(1)


def _run(
    importer: Importer,
    tally: Tally,
    source: readers.Source,
    rows: Iterator[Row],
    wanted: Callable[[Row], bool],
    report: str | None,
    shown: Bar,
) -> None:
    first = next(rows, None)
    if first is None:
        raise UnreadableError("there is no user in the file")
    with nullcontext() if report is None else new_file(report) as to:
        if to:
            tally.report = csv.writer(to)
            tally.report.writerow(("line", "user", "problem"))
        for number, row in enumerate(chain([first], rows)):
            if wanted(row):
                importer.take(row)
            else:
                tally.passed_over += 1
            if number % BATCH == 0:
                shown.at(source.position(), tally.seen)
        importer.flush()
        shown.at(source.position(), tally.seen)


def _print(tally: Tally, *, dry_run: bool, as_json: bool) -> None:
    counts = {
        "new": tally.new,
        "same": tally.same,
        "refused": tally.refused,
        "passed_over": tally.passed_over,
    }
    if as_json:
        outcome = {**counts, "dry_run": dry_run, "problems": tally.problems}
        click.echo(json.dumps(outcome, indent=2))
        return
    click.echo(f"{'would be imported' if dry_run else 'imported'}: {tally.new}")
    if tally.same:
        click.echo(f"there already, with the same secret: {tally.same}")
    if tally.passed_over:
        click.echo(f"passed over: {tally.passed_over}")
    if tally.refused:
        click.echo(f"refused: {tally.refused}")
        for problem in tally.problems:
            user = f" ({json.dumps(problem['user'], ensure_ascii=False)})" * bool(problem["user"])
            tell(f"line {problem['line']}{user}: {problem['problem']}")
        if tally.refused > len(tally.problems):
            more = tally.refused - len(tally.problems)
            tell(f"and {more} more: --report FILE has them all")
