"""Section 5: round trips of each operation, counted on the wire."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING, Any

import lambdatotp

from benches.measure import Options, Section, Table
from benches.peers import boto3_peer
from benches.servers import boto3_client, item, load, local, new_table, settings
from tests.python.support.fault_proxy import fault_proxy

if TYPE_CHECKING:
    from collections.abc import Callable

TITLE = "Round trips"
# The fewest that can do it, and why.
MINIMUM = {
    "register": (1, "one write; its condition finds the user who is there"),
    "right code": (
        2,
        "the attempt is charged before the secret is known, the step used up after",
    ),
    "wrong code": (1, "the charge, which has to come before the look at the code"),
    "right code, attempts owed": (3, "the form that fits is known from the reply to the other"),
    "wrong code, attempts owed": (2, "as above"),
    "replayed code": (1, "the reply to the charge holds the last step"),
    "refused: budget spent": (1, "the failed condition returns the item"),
    "refused: locked": (1, "as above"),
    "unknown user": (1, "the condition demands that there is one"),
    "no code at all": (0, "six letters can be no guess"),
    "delete": (2, "the enrollment is read, so that a late request cannot remove the next one"),
}


def users(now_ms: int) -> dict[str, dict[str, Any]]:
    """Make users in every state that matters."""
    return {
        "plain": item("plain"),
        "owing": {**item("owing"), "throttle_at": {"N": str(now_ms + 3_600_000)}},
        "used": {**item("used"), "last_step": {"N": str(now_ms // 30_000 + 5)}},
        "spent": {**item("spent"), "throttle_at": {"N": str(now_ms + 9 * 3_600_000 + 1_800_000)}},
        "locked": {**item("locked"), "misses": {"N": "100"}},
    }


def wrong_code(secret: str) -> str:
    """Find a code that no step near now has."""
    totp, now = lambdatotp.Totp(secret), time.time()
    near = {totp.at(now + 30 * step) for step in range(-5, 6)}
    return next(code for code in ("000000", "000001", "000002") if code not in near)


def operations(peer: Any) -> dict[str, Callable[[], object]]:
    """Make each operation, by its name in MINIMUM."""
    totp = lambdatotp.Totp(item("any")["secret"]["S"])
    wrong = wrong_code(totp.secret.base32)
    made: dict[str, Callable[[], object]] = {
        "register": lambda: peer.register("new"),
        "right code": lambda: peer.verify("plain", totp.now()),
        "wrong code": lambda: peer.verify("plain", wrong),
        "right code, attempts owed": lambda: peer.verify("owing", totp.now()),
        "wrong code, attempts owed": lambda: peer.verify("owing", wrong),
        "replayed code": lambda: peer.verify("used", totp.now()),
        "refused: budget spent": lambda: peer.verify("spent", totp.now()),
        "refused: locked": lambda: peer.verify("locked", totp.now()),
        "unknown user": lambda: peer.verify("nobody", totp.now()),
        "no code at all": lambda: peer.verify("plain", "abcdef"),
    }
    if hasattr(peer, "delete"):
        made["delete"] = lambda: peer.delete("plain")
    return made


def measure(options: Options) -> Section:
    """Count through a proxy: each operation on users as if they were fresh."""
    with local(quick=options.quick) as url, fault_proxy(url) as proxy:
        client = boto3_client(url)

        def count(make: Callable[[], Any]) -> dict[str, int]:
            table = new_table(client)
            os.environ.update(settings(proxy.url, table))
            peer, counts = make(), {}
            load(client, table, ["warm"])
            peer.verify("warm", "000000")
            for name, call in operations(peer).items():
                for made in users(int(time.time() * 1000)).values():
                    client.put_item(TableName=table, Item=made)
                before = len(proxy.operations)
                try:
                    call()
                except (ValueError, LookupError, PermissionError, lambdatotp.LambdaTotpError):
                    pass
                except Exception as error:  # the plain peer has no words for these
                    if type(error).__name__ not in {"KeyError", "ConditionalCheckFailedException"}:
                        raise
                counts[name] = len(proxy.operations) - before
            return counts

        ours = count(lambdatotp.Verifier)
        safe, plain = count(boto3_peer.Safe), count(boto3_peer.Plain)
    columns = ["", "lambdatotp", "fewest possible", "why", "boto3, same protocol"]
    table = Table("Requests an operation", [*columns, "boto3, plain read: unsafe"])
    for name, (fewest, why) in MINIMUM.items():
        row = [name, ours[name], fewest, why, safe.get(name), plain.get(name)]
        table.rows.append(row)
    return Section(
        "trips",
        TITLE,
        "Counted by a proxy in front of DynamoDB Local. The plain read is the original's: it "
        "charges nothing and uses nothing up, so a code is good for any number of logins and "
        "guesses are free.",
        [table],
    )
