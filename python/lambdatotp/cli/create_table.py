"""`lambdatotp create-table`."""

from __future__ import annotations

import json
import os
import re
import time
from contextlib import suppress
from typing import TYPE_CHECKING

import click
from rich.console import Console

from lambdatotp import ConfigurationError, StoreUnavailableError
from lambdatotp._lambdatotp import (
    SwitchState,
    add_replicas,
    backups,
    describe_table,
    expiry,
    list_users,
    switch_backups_on,
    switch_expiry_on,
    switch_protection_on,
    table_requests,
)
from lambdatotp._lambdatotp import create_table as ask_for_table

from .options import as_json, verifier, where
from .output import print_outcome

if TYPE_CHECKING:
    from collections.abc import Callable
    from collections.abc import Set as AbstractSet

    from lambdatotp import Verifier
    from lambdatotp._lambdatotp import Switch, Table

# A table becomes active within seconds. Nothing announces it, so we poll.
PATIENCE_SECONDS = 300
INTERVAL_SECONDS = 1.0

# Copies in other Regions take minutes.
COPIES_PATIENCE_SECONDS = 1800

RECOVERY = "point-in-time recovery"
EXPIRY = "expiry by expires_at"
NO_EXPIRY = (
    "off: a strongly consistent global table has none; check-table and reseal remove "
    "what has expired"
)
# A global table has three copies, or two and a witness.
COPIES = 3
MOVE = "make a new one with --table-name, and move the users (docs/operations.md, Several Regions)"


@click.command()
@where
@click.option(
    "--regions",
    metavar="REGION,REGION,...",
    help="Make a strongly consistent global table in these Regions: three, or two and a --witness.",
)
@click.option("--witness", metavar="REGION", help="The Region of its witness, with --regions.")
@click.option("--dry-run", is_flag=True, help="Print the requests as JSON, and send none.")
@as_json
def create_table(
    *,
    regions: str | None,
    witness: str | None,
    dry_run: bool,
    as_json: bool,
    **where: str | None,
) -> None:
    """Create the table with the recommended settings.

    That is on-demand billing, encryption by AWS KMS, protection from deletion, point-in-time
    recovery, and expiry of items by expires_at. Waits until the table can be used. If the
    table exists, only switches recovery and expiry on where they are off: you can run this
    as often as you like.

    With --regions, makes an empty table in the first Region, and replicas in the others.
    The Regions decide as one: a code works once across all of them. Such a table has no
    expiry.

    \b
    Examples:
      lambdatotp create-table
      lambdatotp create-table --table-name my_users --region eu-west-1
      lambdatotp create-table --regions eu-west-1,eu-central-1,eu-west-3
      lambdatotp create-table --regions us-east-1,us-east-2 --witness us-west-2
      lambdatotp create-table --dry-run
    """
    names = _regions(regions, witness, where["region"])
    if names:
        where["region"] = names[0]
    if os.environ.get("LAMBDATOTP_EMBEDDED") and not where["endpoint_url"] and not dry_run:
        raise ConfigurationError(
            "LAMBDATOTP_EMBEDDED is set, and the embedded engine makes its table by itself: "
            "unset it to make one in DynamoDB"
        )
    made = verifier(**where)
    if dry_run:
        plan = [
            {"operation": request.operation, "request": json.loads(request.body)}
            for request in table_requests(made, names[1:], witness)
        ]
        click.echo(json.dumps(plan, indent=2))
        return
    console = Console(stderr=True, quiet=as_json)
    outcome = _ensure(made, console, names, witness)
    for region in names[1:]:
        outcome |= _ensure_copy(verifier(**{**where, "region": region}), console, region)
    print_outcome(outcome, as_json=as_json)


def _regions(regions: str | None, witness: str | None, region: str | None) -> list[str]:
    """Take the Regions apart, and refuse what DynamoDB cannot make a global table of."""
    if regions is None:
        if witness is not None:
            raise click.UsageError("--witness needs --regions: the two that have the users")
        return []
    names = [name.strip() for name in regions.split(",")]
    every = names if witness is None else [*names, witness]
    for name in every:
        if not re.fullmatch(r"[a-z]{2,}(-[a-z]+)+-[0-9]+", name):
            raise click.UsageError(f"{name!r} is not the name of a Region, such as eu-west-1")
    if len(set(every)) != len(every):
        raise click.UsageError("a Region is named twice in --regions and --witness")
    if len(every) != COPIES or len(names) < COPIES - 1:
        raise click.UsageError(
            "a strongly consistent global table needs three --regions, or two and a --witness"
        )
    if region is not None and region != names[0]:
        raise click.UsageError(
            f"with --regions, the table is made in the first one, {names[0]}: leave out --region"
        )
    return names


def _ensure(
    verifier: Verifier, console: Console, regions: list[str], witness: str | None
) -> dict[str, str]:
    name = verifier.table_name
    with console.status(f"Looking for table {name} ..."):
        found = describe_table(verifier)
    new = found is None and ask_for_table(verifier)
    with console.status(f"Waiting for table {name} to become active ..."):
        table = _active(verifier)
    if not table.key_fits:
        raise ConfigurationError(
            f"table {name!r} is there with the key {table.key}, but lambdatotp needs user_id "
            "(S) alone: choose another name with --table-name"
        )
    outcome = {f"table {name}": "created" if new else "was there already"}
    if regions:
        with console.status(f"Waiting for its copies in {', '.join(regions[1:])} ..."):
            outcome["strongly consistent"] = _spread(verifier, table, regions, witness)
    with console.status(f"Switching on {RECOVERY} ..."):
        outcome[RECOVERY] = _switched_on(verifier, RECOVERY, backups(verifier), switch_backups_on)
    if regions or table.strong:
        outcome[EXPIRY] = NO_EXPIRY
        return outcome
    with console.status(f"Switching on {EXPIRY} ..."):
        outcome[EXPIRY] = _switched_on(verifier, EXPIRY, expiry(verifier), switch_expiry_on)
    return outcome


def _spread(verifier: Verifier, table: Table, regions: list[str], witness: str | None) -> str:
    """Make the copies in the other Regions, unless they are there, and wait for them."""
    wanted = {(region, False) for region in regions[1:]}
    if witness:
        wanted.add((witness, True))
    if table.strong is None:
        _refuse_what_cannot_spread(verifier)
        new = add_replicas(verifier, regions[1:], witness)
        table = _active(verifier, wanted)
    else:
        new = False
        if table.strong:
            table = _active(verifier, _copies(table, regions[0]))
    name = verifier.table_name
    if not table.strong:
        raise ConfigurationError(
            f"table {name!r} is an eventually consistent global table, and DynamoDB cannot make "
            f"it strongly consistent: {MOVE}"
        )
    if _copies(table, regions[0]) != wanted:
        found = ", ".join(sorted(copy.region for copy in table.replicas))
        raise ConfigurationError(
            f"table {name!r} has its copies elsewhere, in {found}, and DynamoDB adds none and "
            f"moves none: {MOVE}"
        )
    every = ", ".join([*regions, *([f"witness {witness}"] if witness else [])])
    return f"made, in {every}" if new else f"in {every}"


def _refuse_what_cannot_spread(verifier: Verifier) -> None:
    """Say what DynamoDB would refuse, and what to do instead."""
    name = verifier.table_name
    if list_users(verifier, None, limit=1).users:
        raise ConfigurationError(
            f"table {name!r} has users, and only an empty table can be made strongly "
            f"consistent: {MOVE}"
        )
    if expiry(verifier).state in {SwitchState.ON, SwitchState.ELSEWHERE}:
        raise ConfigurationError(
            f"expiry is on for table {name!r}, and a strongly consistent global table cannot "
            "have it: choose another --table-name, or switch it off with `aws dynamodb "
            "update-time-to-live`"
        )


def _copies(table: Table, own: str) -> set[tuple[str, bool]]:
    return {(copy.region, copy.witness) for copy in table.replicas if copy.region != own}


def _ensure_copy(verifier: Verifier, console: Console, region: str) -> dict[str, str]:
    """Switch on in another Region what each has for itself."""
    outcome = {}
    with console.status(f"Switching on {RECOVERY} in {region} ..."):
        table = _active(verifier)
        said = _switched_on(verifier, RECOVERY, backups(verifier), switch_backups_on)
        outcome[f"{RECOVERY}, {region}"] = said
        if table.protected:
            said = "on"
        else:
            said = _described(switch_protection_on(verifier), "switched on", "unknown")
        outcome[f"deletion protection, {region}"] = said
    return outcome


def _active(verifier: Verifier, copies: AbstractSet[tuple[str, bool]] = frozenset()) -> Table:
    """Wait until the table can be used and, of a global one, each of these copies."""
    patience = COPIES_PATIENCE_SECONDS if copies else PATIENCE_SECONDS
    deadline = time.monotonic() + patience
    while True:
        table = describe_table(verifier)
        there = {
            (copy.region, copy.witness)
            for copy in (table.replicas if table else [])
            if copy.status == "ACTIVE"
        }
        if table and table.usable and copies <= there:
            return table
        if time.monotonic() > deadline:
            status = table.status if table else "not there yet"
            if missing := sorted(region for region, _ in copies - there):
                status += f", and its copies in {', '.join(missing)} are not ready"
            raise StoreUnavailableError(
                f"the table is {status} after {patience} s: run the same command again"
            )
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
