"""Section 2: from a fresh process to its first verified code."""

from __future__ import annotations

import subprocess
import time
from typing import TYPE_CHECKING, Any

from benches.measure import ROOT, Options, Plot, Section, Table, cell, in_turns, python, target
from benches.servers import VENDOR, installed, pinned, store

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from benches.servers import Store

TITLE = "Import and first use"
PEERS = ROOT / "benches" / "peers"
NAMES = {
    "python": "Python alone",
    "boto3-plain": "boto3 + PyOTP, plain read: unsafe",
    "boto3": "boto3 + PyOTP, same protocol",
    "aiodynamo": "aiodynamo + PyOTP, same protocol",
    "lambdatotp": "lambdatotp",
}
COLUMNS = ["imported, ms", "first client, ms", "first code, ms", "CPU, ms", "peak, MiB"]


def start(
    at: Store, peer: str, folder: Path, environment: Mapping[str, str]
) -> Callable[[], list[float]]:
    """Return what starts a process and measures it: a number for each of COLUMNS."""

    def run() -> list[float]:
        user, code = at.user()
        variables = {**environment, "PYTHONPATH": f"{folder}:{PEERS}"}
        # Whatever is in this machine's site-packages is not to be paid for.
        command = [python(), "-S", str(PEERS / "first.py"), peer, user, code]
        began = repr(time.perf_counter())
        done = subprocess.run([*command, began], env=variables, capture_output=True, check=True)
        *steps, peak = (float(value) for value in done.stdout.split())
        return [*steps, peak / 1024]

    return run


def folders() -> dict[str, Path]:
    """Find or make the folder that each peer is imported from."""
    on_boto3 = installed("boto3", pinned("boto3", "pyotp"))
    on_aiodynamo = installed("aiodynamo", pinned("aiodynamo", "httpx", "pyotp"))
    return {
        "python": VENDOR,
        "boto3-plain": on_boto3,
        "boto3": on_boto3,
        "aiodynamo": on_aiodynamo,
        "lambdatotp": VENDOR,
    }


def measure(options: Options) -> Section:
    """Start each in turn, over TLS and without."""
    rounds = options.rounds(15)
    tables, plots, targets = [], [], {}
    with store() as at:
        for over, environment in (("TLS", at.tls), ("plain http", at.plain)):
            cases = {
                peer: start(at, peer, folder, environment) for peer, folder in folders().items()
            }
            taken = in_turns(cases, rounds)
            ours = [list(column) for column in zip(*taken["lambdatotp"], strict=True)]
            table = Table(f"Over {over}", ["since the process was started", *COLUMNS])
            for peer, runs in taken.items():
                row: list[Any] = [NAMES[peer]]
                for mine, theirs in zip(ours, zip(*runs, strict=True), strict=True):
                    made = cell(theirs)
                    if peer not in {"lambdatotp", "python"}:
                        made |= target(list(theirs), mine)
                    row.append(made)
                table.rows.append(row)
            tables.append(table)
            if over == "TLS":
                plain = [list(column) for column in zip(*taken["boto3-plain"], strict=True)]
                safe = [list(column) for column in zip(*taken["boto3"], strict=True)]
                targets = {"first": target(plain[2], ours[2]), "memory": target(plain[4], ours[4])}
                targets["first, CPU"] = target(plain[3], ours[3])
                targets["first, same protocol"] = target(safe[2], ours[2])
                bars = {row[0]: row[3]["middle"] for row in table.rows}
                title = "Milliseconds from a fresh process to its first verified code, over TLS"
                plots.append(Plot("first_use.svg", title, "bars", bars, "milliseconds"))
    tables[0].notes.append(
        "The number in brackets is the ratio to lambdatotp. lambdatotp opens its client in the "
        "first call, so creating a `Verifier` costs nothing. All run with `python -S` and with "
        "bytecode. The server's end of TLS is written in Python, and is the same for all."
    )
    intro = "Each figure comes from a new process, with a new user, against a warm DynamoDB Local."
    return Section("first_use", TITLE, intro, tables, plots, targets)
