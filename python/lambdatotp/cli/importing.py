"""`lambdatotp import`."""

from __future__ import annotations

import csv
import json
import os
import time
from collections import deque
from contextlib import nullcontext
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
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

# How many users are written, and kept in memory, at once.
BATCH = 256

# Seconds to wait between tries for a table that throttles: on-demand
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
    filtered: int = 0
    # Rows that the reader found, counted separately: the other counts add up to it.
    read: int = 0
    # The place up to which everything is done.
    last: Row | None = None
    problems: list[tuple[Row, str]] = field(default_factory=list)
    report: _Report | None = None

    @property
    def settled(self) -> int:
        """Rows of which it is known what became of them."""
        return self.new + self.same + self.refused + self.filtered

    def refuse(self, row: Row, problem: str) -> None:
        """Count a row that is not imported, and remember why."""
        self.refused += 1
        if len(self.problems) < SHOWN:
            self.problems.append((row, problem))
        if self.report:
            cells = (row.line, row.shown, problem, row.unit, row.file)
            self.report.writerow([neutral(_written(str(cell))) for cell in cells])


class Importer:
    """Takes rows in, batch by batch."""

    def __init__(
        self, verifier: Verifier, tally: Tally, *, rehearsal: bool, rate: int | None = None
    ) -> None:
        self._verifier = verifier
        self._rate = rate
        # Equal parts of a second's rate.
        self._size = rate // -(-rate // BATCH) if rate else BATCH
        # When batches were sent, and how large they were, within the last second.
        self._sent: deque[tuple[float, int]] = deque()
        self._tally = tally
        self._rehearsal = rehearsal
        self._batch: dict[str, tuple[Row, StoredUser]] = {}
        # A dry run writes nothing that a second row for the same user could meet.
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
        if row.user in self._batch or len(self._batch) == self._size:
            self.flush()
        self._batch[row.user] = row, user

    def flush(self) -> None:
        """Write what has been taken in. What the table has no answer for, again later."""
        waits = iter(WAITS)
        last = next(reversed(self._batch.values()), None)
        while self._batch:
            self._keep_to_rate()
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
            self._tally.last = last[0]

    def _keep_to_rate(self) -> None:
        """Wait until no second has more than it may have, what is sent again included."""
        if not self._rate:
            return
        while sum(count for _, count in self._sent) + len(self._batch) > self._rate:
            began, _ = self._sent.popleft()
            time.sleep(max(0.0, began + 1 - time.monotonic()))
        self._sent.append((time.monotonic(), len(self._batch)))

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
@click.argument("file", type=click.Path(exists=True, allow_dash=True))
@engine
@click.option(
    "--format",
    "form",
    type=click.Choice(readers.FORMATS),
    default="auto",
    metavar="NAME",
    help="The format of FILE, if its content does not show it.",
)
@click.option("--dry-run", is_flag=True, help="Say what would happen, and write nothing.")
@click.option("--issuer", help="Import only the entries of this issuer.")
@click.option(
    "--from-line",
    type=click.IntRange(min=1),
    default=1,
    help="Skip everything before this line or entry.",
)
@click.option(
    "--rate",
    type=click.IntRange(min=1),
    help="Write at most this many users a second, for a table with provisioned capacity.",
)
@click.option(
    "--report",
    type=click.Path(),
    help="Write every refused row to this new CSV file: line, user, reason.",
)
@as_json
def import_(
    file: str,
    form: str,
    issuer: str | None,
    from_line: int,
    rate: int | None,
    report: str | None,
    *,
    dry_run: bool,
    as_json: bool,
    **where: str | None,
) -> None:
    """Import users from FILE; their phones keep working.

    \b
    FILE is "-" for standard input, or a file of one of these formats. The content
    shows which:
      csv        a first line that names columns: user and secret (base32), or
                 user and uri. Optional: issuer, algorithm, digits, period;
                 secret_hex instead of secret. An apostrophe before =, +, - or @
                 is dropped. Bitwarden, KeePassXC, Apple, 1Password, LastPass, ...
      jsonl      one JSON object a line with such names: what `lambdatotp export`
                 writes, and Vault's replies (data.url)
      uri        otpauth:// key URIs, one a line, such as Ente's export
      migration  otpauth-migration:// payloads of Google Authenticator's QR codes
      oath       OATH CSV (privacyIDEA): serial, key, type, digits, seconds
      2fas, 2fauth, aegis, andotp, authy, bitwarden, freeotp, proton, raivo,
      stratum    an export of that program, unencrypted
      auth0, fusionauth, keycloak, supertokens
                 users in bulk, as that service imports or exports them
      pskc       RFC 6030's XML, with plain keys
      picture    PNG or JPEG with QR codes, or a folder of pictures: needs
                 pip install 'lambdatotp[pictures]'
      django     `manage.py dumpdata`: django-otp's and django-allauth's keys

    docs/migration.md says how to get each. A table of the original lambdatotp needs no
    import: see `lambdatotp check-table`.

    Each user is written as a whole or not at all, and no existing user is ever overwritten. A
    user who exists with the same secret is counted and left as they are. So if an import was
    interrupted, run it again. A row that cannot be imported is named, and the others are
    imported. Every row is counted as imported, already there, refused, or filtered out by an
    option; the counts add up.

    Needs the permission dynamodb:PutItem; with --dry-run, dynamodb:GetItem. Exits with 1 if
    a row was refused.

    \b
    Examples:
      lambdatotp import users.csv --dry-run
      lambdatotp import users.csv --report refused.csv
      lambdatotp import aegis.json --issuer ACME
      lambdatotp import screenshots/
    """
    embedded = where.get("embedded") or os.environ.get("LAMBDATOTP_EMBEDDED") or ""
    if os.path.exists(embedded) and os.path.exists(file) and os.path.samefile(embedded, file):  # noqa: PTH110, PTH121 - a name may be ""
        raise click.UsageError(f"{file} is the table itself: nothing is imported into its source")
    if Path(file).is_dir() and not readers.has_pictures(Path(file)):
        raise click.UsageError(f"{file} is a directory without pictures")
    tally = Tally()
    importer = Importer(verifier(**where), tally, rehearsal=dry_run, rate=rate)

    def wanted(row: Row) -> bool:
        # An unreadable row is reported, whatever its issuer.
        return row.line >= from_line and (row.problem is not None or issuer in {None, row.issuer})

    source = None
    try:
        with readers.opened(file) as source, bar("Importing", source.size, quiet=as_json) as shown:
            _run(importer, tally, source, readers.read(source, form), wanted, report, shown)
    except UnreadableError as error:
        raise click.ClickException(f"{file}: {error}") from None
    except (KeyboardInterrupt, LambdaTotpError):
        if tally.last:
            tell(
                f"everything up to {tally.last.place} is done; run it again to go on, "
                f"with --from-line {tally.last.line + 1} to begin there"
            )
        raise
    finally:
        if tally.settled and source:
            _print(tally, source, dry_run=dry_run, as_json=as_json)
    if tally.read != tally.settled:
        raise RuntimeError("the counts do not add up")
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
        others = f": {source.without_key} entries have no key for codes" * bool(source.without_key)
        raise UnreadableError(f"there is no user in the file{others}")
    with nullcontext() if report is None else new_file(report) as to:
        if to:
            tally.report = csv.writer(to)
            tally.report.writerow(("line", "user", "problem", "unit", "file"))
        for row in chain([first], rows):
            tally.read += 1
            if wanted(row):
                importer.take(row)
            else:
                tally.filtered += 1
            if tally.read % BATCH == 0:
                shown.at(source.position(), tally.settled, tally.refused)
        importer.flush()
        shown.at(source.position(), tally.settled, tally.refused)


def _written(text: str) -> str:
    """Escape what UTF-8 cannot hold."""
    return text.encode("utf-8", "backslashreplace").decode()


def _told(row: Row, problem: str) -> dict[str, object]:
    file = {"file": row.file} if row.file else {}
    return {**file, row.unit: row.line, "user": row.shown, "problem": problem}


def _print(tally: Tally, source: readers.Source, *, dry_run: bool, as_json: bool) -> None:
    counts = {
        "read": tally.read,
        "new": tally.new,
        "same": tally.same,
        "refused": tally.refused,
        "filtered": tally.filtered,
        # Zero unless the import stopped early.
        "unsettled": tally.read - tally.settled,
    }
    if as_json:
        unread = {"unused": list(source.unused), "without_key": source.without_key}
        problems = [_told(row, problem) for row, problem in tally.problems]
        outcome = {**counts, **unread, "dry_run": dry_run, "problems": problems}
        click.echo(json.dumps(outcome, indent=2))
        return
    titles = {
        "read": "read",
        "new": "would be imported" if dry_run else "imported",
        "same": "already registered with this secret",
        "refused": "refused",
        "filtered": "filtered out (--issuer, --from-line)",
        "unsettled": "read, but without an outcome",
    }
    for name, title in titles.items():
        if counts[name] or name in {"read", "new"}:
            click.echo(f"{title}: {counts[name]}")
    for row, problem in tally.problems:
        user = f" ({_written(json.dumps(row.shown, ensure_ascii=False))})" * bool(row.user)
        tell(f"{row.place}{user}: {problem}")
    if tally.refused > len(tally.problems):
        more = tally.refused - len(tally.problems)
        tell(f"and {more} more: --report FILE has them all")
    if source.without_key:
        tell(f"entries without a key for codes, which were not counted: {source.without_key}")
    if source.unused:
        tell(f"not used: {', '.join(source.unused)}")
