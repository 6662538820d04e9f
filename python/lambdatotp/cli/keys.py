"""`lambdatotp new-key` and `lambdatotp reseal`."""

from __future__ import annotations

import json
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import click

from lambdatotp import ConfigurationError, LambdaTotpError
from lambdatotp._lambdatotp import describe_table, reseal_users
from lambdatotp._lambdatotp import new_key as make_key

from .group import INTERRUPTED
from .options import as_json, verifier, where
from .output import tell
from .pages import pages
from .progress import bar

if TYPE_CHECKING:
    from lambdatotp import Verifier
    from lambdatotp._lambdatotp import Resealed

PAGE = 100
SEGMENTS = 8


@click.command()
@click.argument("name", default="")
def new_key(name: str) -> None:
    """Make a key for LAMBDATOTP_KEYS.

    It is 256 random bits with a NAME before them: the date and time, unless you give one.
    All your keys need different names.

    \b
    Examples:
      lambdatotp new-key
      lambdatotp new-key 2026-11
      export LAMBDATOTP_KEYS="$LAMBDATOTP_KEYS,$(lambdatotp new-key)"
    """
    try:
        # To the second: two keys made on one day need two names.
        click.echo(make_key(name or time.strftime("%Y-%m-%d-%H%M%S", time.gmtime())))
    except ValueError as error:
        raise click.BadParameter(str(error)) from None


@dataclass
class Tally:
    """What all threads have done so far."""

    sealed: int = 0
    already: int = 0
    refused: list[str] = field(default_factory=list)
    stop: threading.Event = field(default_factory=threading.Event)
    lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def seen(self) -> int:
        """Users looked at."""
        return self.sealed + self.already + len(self.refused)


@click.command()
@where
@click.option("--keys", help="The keys; the first one seals.  [env: LAMBDATOTP_KEYS]")
@as_json
def reseal(keys: str | None, *, as_json: bool, **where: str | None) -> None:
    """Seal every secret in the table with the first key.

    To start sealing, set LAMBDATOTP_KEYS everywhere that codes are verified, then run
    this. To change keys, first add the new key at the end of LAMBDATOTP_KEYS everywhere.
    Then move it to the front everywhere, run this, and remove the old key.

    Logins continue meanwhile. You can interrupt it and run it again: it continues with
    what is left. It also removes what deletions left behind, once it has expired, for
    tables without time to live (TTL).

    Needs dynamodb:Scan, DescribeTable and UpdateItem, and DeleteItem to remove something.
    Exits with 1 if a secret could not be sealed; each is named.

    \b
    Examples:
      lambdatotp reseal
      lambdatotp reseal --table-name my_users --keys file:/run/secrets/keys
    """
    made = verifier(**where, keys=keys)
    tally = Tally()
    try:
        _run(made, tally, quiet=as_json)
    except (KeyboardInterrupt, LambdaTotpError) as error:
        if tally.seen:
            _print(tally, as_json=as_json)
        if isinstance(error, LambdaTotpError):
            raise
        tell("interrupted; run it again to go on")
        raise SystemExit(INTERRUPTED) from None
    _print(tally, as_json=as_json)
    if tally.refused:
        raise SystemExit(1)


def _print(tally: Tally, *, as_json: bool) -> None:
    counts = {"sealed": tally.sealed, "already": tally.already, "refused": len(tally.refused)}
    if as_json:
        click.echo(json.dumps({**counts, "problems": tally.refused}, indent=2))
    else:
        click.echo(", ".join(f"{name}: {count}" for name, count in counts.items()))
        tell(*tally.refused)


def _run(verifier: Verifier, tally: Tally, *, quiet: bool) -> None:
    table = describe_table(verifier)
    if table is None:
        raise ConfigurationError(f"there is no table {verifier.table_name!r} here")
    with (
        bar("Sealing", table.items, quiet=quiet) as shown,
        ThreadPoolExecutor(SEGMENTS) as pool,
    ):

        def walk(segment: int) -> None:
            def read(after: str | None) -> Resealed:
                return reseal_users(verifier, after, limit=PAGE, segment=segment, segments=SEGMENTS)

            for page in pages(read):
                with tally.lock:
                    tally.sealed += page.sealed
                    tally.already += page.already
                    tally.refused += page.refused
                    shown.at(tally.seen, tally.seen)
                if tally.stop.is_set():
                    return

        walks = [pool.submit(walk, segment) for segment in range(SEGMENTS)]
        try:
            for done in walks:
                done.result()
        finally:
            tally.stop.set()
