"""`lambdatotp create-table`."""

from __future__ import annotations

import json
import os
import time
from contextlib import suppress
from typing import TYPE_CHECKING

import click
from rich.console import Console

from lambdatotp import ConfigurationError, LambdaTotpError, StoreUnavailableError
from lambdatotp._lambdatotp import _create_table, _describe_table, _switch, _table_requests

from .options import verifier, where

if TYPE_CHECKING:
    from lambdatotp import Verifier

# A table is active within seconds; nothing announces it, so it is asked for.
PATIENCE_SECONDS = 300
INTERVAL_SECONDS = 1.0

SWITCHES = {
    "backups": "point-in-time recovery",
    "expiry": "expiry by expires_at",
}


@click.command()
@where
@click.option("--dry-run", is_flag=True, help="Print the requests as JSON, and send none.")
@click.option("--json", "as_json", is_flag=True, help="Print the outcome as JSON.")
def create_table(
    table_name: str | None,
    region: str | None,
    endpoint_url: str | None,
    *,
    dry_run: bool,
    as_json: bool,
) -> None:
    """Make the table, with everything that should be on.

    On-demand billing, encryption by AWS KMS, protection from deletion, point-in-time
    recovery, and expiry of items by expires_at. Waits until it can be used. On a table
    that is there, switches recovery and expiry on where they are off, and changes
    nothing else: run it as often as you like.

    \b
    Examples:
      lambdatotp create-table
      lambdatotp create-table --table-name my_users --region eu-west-1
      lambdatotp create-table --dry-run
    """
    if os.environ.get("LAMBDATOTP_EMBEDDED") and not endpoint_url and not dry_run:
        raise ConfigurationError(
            "LAMBDATOTP_EMBEDDED is set, and the embedded engine makes its table by itself: "
            "unset it to make one in DynamoDB"
        )
    made = verifier(table_name=table_name, region=region, endpoint_url=endpoint_url)
    if dry_run:
        requests = _table_requests(made.table_name)
        plan = [{"operation": name, "request": json.loads(body)} for name, body in requests]
        click.echo(json.dumps(plan, indent=2))
        return
    outcome = _ensure(made, Console(stderr=True, quiet=as_json))
    if as_json:
        click.echo(json.dumps(outcome, indent=2))
    else:
        for name, value in outcome.items():
            click.echo(f"{name}: {value}")


def counted(verifier: Verifier) -> int | None:
    """Tell how many users DynamoDB counted some hours ago: good enough for a bar."""
    with suppress(LambdaTotpError):
        table = _describe_table(verifier)
        return table["items"] if table else None
    return None


def _ensure(verifier: Verifier, console: Console) -> dict[str, str]:
    name = verifier.table_name
    with console.status(f"Looking for table {name} ..."):
        found = _describe_table(verifier)
    new = found is None and _create_table(verifier)
    with console.status(f"Waiting for table {name} to become active ..."):
        table = _active(verifier)
    if not table["key_fits"]:
        raise ConfigurationError(
            f"table {name!r} is there with the key {table['key']}, and lambdatotp needs "
            "user_id (S) alone: choose another name with --table-name"
        )
    outcome = {f"table {name}": "created" if new else "was there already"}
    for switch, title in SWITCHES.items():
        with console.status(f"Switching on {title} ..."):
            outcome[title] = _switched_on(verifier, switch)
    return outcome


def _active(verifier: Verifier) -> dict[str, object]:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        table = _describe_table(verifier)
        if table and table["status"] in {"ACTIVE", "UPDATING"}:
            return table
        if time.monotonic() > deadline:
            status = table["status"] if table else "not there yet"
            raise StoreUnavailableError(f"the table is {status} after {PATIENCE_SECONDS} s")
        time.sleep(INTERVAL_SECONDS)


def _switched_on(verifier: Verifier, switch: str) -> str:
    on, remark = _switch(verifier, switch)
    if on is False and not remark:
        return _switch_on(verifier, switch)
    return "on" if on else f"unknown, {remark}" if on is None else f"left, {remark}"


def _switch_on(verifier: Verifier, switch: str) -> str:
    """Switch something on. A new table may refuse that for some seconds."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        with suppress(StoreUnavailableError):
            on, remark = _switch(verifier, switch, on=True)
            return "switched on" if on else f"unknown, {remark}"
        if time.monotonic() > deadline:
            raise StoreUnavailableError(f"{SWITCHES[switch]} could not be switched on: try again")
        time.sleep(INTERVAL_SECONDS)
