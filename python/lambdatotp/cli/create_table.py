"""`lambdatotp create-table`."""

from __future__ import annotations

import json
import os
import time
from contextlib import suppress
from typing import TYPE_CHECKING

import click
from rich.console import Console

from lambdatotp import ConfigurationError, StoreUnavailableError
from lambdatotp._lambdatotp import (
    SwitchState,
    backups,
    describe_table,
    expiry,
    switch_backups_on,
    switch_expiry_on,
    table_requests,
)
from lambdatotp._lambdatotp import create_table as ask_for_table

from .options import as_json, verifier, where
from .output import print_outcome

if TYPE_CHECKING:
    from collections.abc import Callable

    from lambdatotp import Verifier
    from lambdatotp._lambdatotp import Switch, Table

# A table is active within seconds; nothing announces it, so it is asked for.
PATIENCE_SECONDS = 300
INTERVAL_SECONDS = 1.0

# How each is called, looked at and switched on.
SWITCHES = (
    ("point-in-time recovery", backups, switch_backups_on),
    ("expiry by expires_at", expiry, switch_expiry_on),
)


@click.command()
@where
@click.option("--dry-run", is_flag=True, help="Print the requests as JSON, and send none.")
@as_json
def create_table(*, dry_run: bool, as_json: bool, **where: str | None) -> None:
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
    if os.environ.get("LAMBDATOTP_EMBEDDED") and not where["endpoint_url"] and not dry_run:
        raise ConfigurationError(
            "LAMBDATOTP_EMBEDDED is set, and the embedded engine makes its table by itself: "
            "unset it to make one in DynamoDB"
        )
    made = verifier(**where)
    if dry_run:
        plan = [
            {"operation": request.operation, "request": json.loads(request.body)}
            for request in table_requests(made)
        ]
        click.echo(json.dumps(plan, indent=2))
        return
    print_outcome(_ensure(made, Console(stderr=True, quiet=as_json)), as_json=as_json)


def _ensure(verifier: Verifier, console: Console) -> dict[str, str]:
    name = verifier.table_name
    with console.status(f"Looking for table {name} ..."):
        found = describe_table(verifier)
    new = found is None and ask_for_table(verifier)
    with console.status(f"Waiting for table {name} to become active ..."):
        table = _active(verifier)
    if not table.key_fits:
        raise ConfigurationError(
            f"table {name!r} is there with the key {table.key}, and lambdatotp needs "
            "user_id (S) alone: choose another name with --table-name"
        )
    outcome = {f"table {name}": "created" if new else "was there already"}
    for title, look, switch_on in SWITCHES:
        with console.status(f"Switching on {title} ..."):
            outcome[title] = _switched_on(verifier, title, look(verifier), switch_on)
    return outcome


def _active(verifier: Verifier) -> Table:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        table = describe_table(verifier)
        if table and table.usable:
            return table
        if time.monotonic() > deadline:
            status = table.status if table else "not there yet"
            raise StoreUnavailableError(f"the table is {status} after {PATIENCE_SECONDS} s")
        time.sleep(INTERVAL_SECONDS)


def _switched_on(
    verifier: Verifier, title: str, found: Switch, switch_on: Callable[[Verifier], Switch]
) -> str:
    """Switch something on that is off. A new table may refuse that for some seconds."""
    if found.state != SwitchState.OFF:
        return _described(found, "on", "left")
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        with suppress(StoreUnavailableError):
            return _described(switch_on(verifier), "switched on", "unknown")
        if time.monotonic() > deadline:
            raise StoreUnavailableError(f"{title} could not be switched on: try again")
        time.sleep(INTERVAL_SECONDS)


def _described(switch: Switch, on: str, elsewhere: str) -> str:
    if switch.state == SwitchState.ON:
        return on
    unknown = switch.state == SwitchState.UNKNOWN
    return f"{'unknown' if unknown else elsewhere}, {switch.remark}"
