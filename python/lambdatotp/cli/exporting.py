"""`lambdatotp export`."""

from __future__ import annotations

import codecs
import json
import sys
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TextIO, cast

import click

from lambdatotp._lambdatotp import export_users

from .files import whole_file
from .formats.writers import WRITERS
from .options import as_json, engine, verifier
from .output import tell
from .pages import counted, pages
from .progress import Bar, bar

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lambdatotp import Verifier
    from lambdatotp._lambdatotp import StoredUser

    from .formats.writers import Writer

PAGE = 500


@dataclass
class Tally:
    """What has become of the users so far."""

    exported: int = 0
    problems: list[str] = field(default_factory=list)


@contextmanager
def _opened(file: str) -> Iterator[TextIO]:
    """Open a new file, or standard output for "-"; in UTF-8, whatever the locale says."""
    if file != "-":
        with whole_file(file) as stream:
            yield stream
        return
    sys.stdout.flush()
    # Unlike a TextIOWrapper, it does not close the stream below it.
    yield cast("TextIO", codecs.getwriter("utf-8")(sys.stdout.buffer))


@click.command()
@click.argument("file", type=click.Path(dir_okay=False, allow_dash=True))
@engine
@click.option(
    "--format",
    "form",
    type=click.Choice(list(WRITERS)),
    default="jsonl",
    show_default=True,
    help="What to write.",
)
@click.option(
    "--yes-export-secrets",
    is_flag=True,
    help="Confirm that every secret is written in plaintext.",
)
@as_json
def export(
    file: str, form: str, *, yes_export_secrets: bool, as_json: bool, **where: str | None
) -> None:
    """Write every user and their secret to FILE.

    FILE is "-" for standard output. Anyone who reads it has everybody's second factor. Only
    its owner can read it (mode 0600). It gets its name when it is complete, and never
    replaces another file.

    \b
    Formats:
      jsonl      everything: used codes stay used, misses stay counted, recovery
                 codes keep working
      csv, uri, migration
                 secrets and their parameters only; see `lambdatotp import --help`
      keycloak, auth0, fusionauth, oath
                 the same, for Keycloak's partial import, Auth0's and FusionAuth's
                 imports of users, and readers of OATH CSV (privacyIDEA)

    In csv, a cell that a spreadsheet would run as a formula gets an apostrophe in front;
    the import drops it.

    With every format but jsonl, a code that was used here a moment ago could work once more
    in the new place.

    Needs the permission dynamodb:Scan and, for the progress bar, dynamodb:DescribeTable. Exits with
    1 if a user could not be exported; each is named.

    \b
    Examples:
      lambdatotp export users.jsonl --yes-export-secrets
      lambdatotp export - --yes-export-secrets | gpg -e -r admin > users.gpg
    """
    if not yes_export_secrets:
        raise click.UsageError(
            "this writes every secret in plaintext: confirm with --yes-export-secrets"
        )
    made = verifier(**where)
    tally = Tally()
    with _opened(file) as stream, bar("Exporting", counted(made), quiet=as_json) as shown:
        _write(made, WRITERS[form](made.issuer), stream, tally, shown)
    if as_json and file != "-":
        outcome = {"exported": tally.exported, "refused": len(tally.problems)}
        click.echo(json.dumps({**outcome, "problems": tally.problems}, indent=2))
    else:
        click.echo(f"exported: {tally.exported}", err=True)
        tell(*tally.problems)
    if tally.problems:
        raise SystemExit(1)


def _text(writer: Writer, user: StoredUser, tally: Tally) -> str | None:
    try:
        return writer.write(user)
    except ValueError as error:
        tally.problems.append(f"user {json.dumps(user.user, ensure_ascii=False)}: {error}")
        return None


def _write(verifier: Verifier, writer: Writer, stream: TextIO, tally: Tally, shown: Bar) -> None:
    stream.write(writer.head)
    for page in pages(lambda after: export_users(verifier, after, limit=PAGE)):
        tally.problems += page.problems
        for user in page.users:
            text = _text(writer, user, tally)
            stream.write(text or "")
            tally.exported += text is not None
        shown.at(tally.exported + len(tally.problems), tally.exported)
    stream.write(writer.end())
    stream.flush()
