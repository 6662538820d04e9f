"""Section 3: the service under load, and its memory after long use."""

from __future__ import annotations

import json
import subprocess
import tempfile
import uuid
from typing import TYPE_CHECKING, Any

from benches.measure import ROOT, Options, Plot, Section, Table, cell, in_turns, python, target
from benches.servers import EMBEDDED, boto3_client, environment, load, local, new_table, stub

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

TITLE = "Service"
PEERS = ROOT / "benches" / "peers"
WORKERS = (1, 16, 64)
WARM = 40
NAMES = {
    ("threads", "boto3-plain"): "boto3, plain read: unsafe",
    ("threads", "boto3"): "boto3, same protocol",
    ("threads", "lambdatotp"): "lambdatotp",
    ("asyncio", "aiodynamo"): "aiodynamo, same protocol",
    ("asyncio", "lambdatotp"): "lambdatotp",
}
# How many calls keep a peer busy for about a second.
CALLS = {"boto3-plain": 600, "boto3": 400, "aiodynamo": 400, "lambdatotp": 2000}


def run(plan: dict[str, Any], variables: Mapping[str, str]) -> dict[str, Any]:
    """Have a process of its own carry out a plan: see peers/load.py."""
    with tempfile.NamedTemporaryFile("w", encoding="utf-8", suffix=".json") as file:
        lists = {name: plan.pop(name) for name in ("users", "warm") if name in plan}
        json.dump(lists, file)
        file.flush()
        command = [python(), str(PEERS / "load.py"), json.dumps({**plan, "file": file.name})]
        environment = {**variables, "PYTHONPATH": f"{EMBEDDED}:{PEERS}"}
        done = subprocess.run(command, env=environment, stdout=subprocess.PIPE, check=True)
    result: dict[str, Any] = json.loads(done.stdout)
    return result


def percentile(values: list[float], share: float) -> float:
    """Take the value that this share of all is not above."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


class Load:
    """One endpoint, and plans to be carried out against it."""

    def __init__(self, url: str, *, real: bool, options: Options) -> None:
        self.url = url
        self.real = real
        self.options = options
        self.client = boto3_client(url)
        self.table = new_table(self.client)

    def case(
        self, mode: str, peer: str, operation: str, workers: int
    ) -> Callable[[], dict[str, Any]]:
        """Return what measures one peer once, on users of its own."""

        def once() -> dict[str, Any]:
            count = self.options.amount(max(CALLS[peer], 12 * workers), 2 * workers)
            prefix = uuid.uuid4().hex[:8]
            users = [f"{prefix}{number}" for number in range(count + WARM)]
            if self.real and operation == "verify":
                load(self.client, self.table, users)
            plan = {"mode": mode, "peer": peer, "operation": operation, "workers": workers}
            plan |= {"users": users[WARM:], "warm": users[:WARM]}
            result = run(plan, environment(self.url, self.table))
            latencies = result["latencies"]
            return {
                "p50": percentile(latencies, 0.5),
                "p99": percentile(latencies, 0.99),
                "rate": len(latencies) / result["wall"],
                "cpu": result["cpu"] / len(latencies) * 1000,
                "peak": result["peak"],
            }

        return once


def column(runs: list[dict[str, Any]], name: str) -> list[float]:
    """Take one measure of every round."""
    return [run[name] for run in runs]


def row(name: str, runs: list[dict[str, Any]], ours: list[dict[str, Any]]) -> list[Any]:
    """Make a table's row, with what ours is better by in brackets."""
    cells: list[Any] = [name]
    for measure in ("p50", "p99", "rate", "cpu", "peak"):
        made = cell(column(runs, measure))
        if runs is not ours:
            mine, theirs = column(ours, measure), column(runs, measure)
            made |= target(mine, theirs) if measure == "rate" else target(theirs, mine)
        cells.append(made)
    return cells


def loads(at: Load, where: str, rounds: int) -> tuple[list[Table], dict[Any, Any]]:
    """Measure each operation and number of workers, all peers in turn."""
    columns = ["p50, ms", "p99, ms", "calls/s", "CPU s / 1,000", "peak, MiB"]
    tables, everything = [], {}
    for operation in ("verify", "register"):
        table = Table(f"{operation}, {where}", [f"workers, {operation}", *columns])
        for workers in WORKERS if operation == "verify" else (1, 16):
            cases = {
                key: at.case(*key, operation, workers)
                for key in NAMES
                if not (operation == "register" and key[1] == "boto3-plain")
            }
            taken = in_turns(cases, rounds)
            for key, runs in taken.items():
                mode, _ = key
                name = f"{workers} {mode if mode == 'threads' else 'tasks'}: {NAMES[key]}"
                table.rows.append(row(name, runs, taken[mode, "lambdatotp"]))
                everything[operation, workers, key] = runs
        tables.append(table)
    return tables, everything


def throughput(taken: dict[Any, Any], where: str, file: str) -> Plot:
    """Plot verifies a second over the number of workers."""
    series = {}
    for key, name in NAMES.items():
        label = name if key[0] == "threads" else f"{name}, asyncio"
        points = []
        for workers in WORKERS:
            rates = column(taken["verify", workers, key], "rate")
            points.append([workers, cell(rates)["middle"]])
        series[label.replace(", same protocol", "")] = points
    title = f"Verifies a second, {where}"
    return Plot(file, title, "lines", series, "verifies a second", "workers", logarithmic=True)


def memory(url: str, options: Options) -> Table:
    """Watch the memory of one process over 100,000 verifies on the stub."""
    last = options.amount(100_000, 1000)
    checkpoints = [last // 100, last // 10, last // 4, last // 2, last]
    plan = {"mode": "memory", "peer": "lambdatotp", "checkpoints": checkpoints}
    taken = run(plan, environment(url, "any"))["memory"]
    table = Table("Memory of one process", ["verifies", *[f"{at:,}" for at, _ in taken]])
    table.rows.append(["resident, MiB", *[round(size, 2) for _, size in taken]])
    return table


def measure(options: Options) -> Section:
    """Measure on DynamoDB Local, then on the stub."""
    rounds = options.rounds(3)
    with local(quick=options.quick) as url:
        on_local, taken = loads(Load(url, real=True, options=options), "DynamoDB Local", rounds)
    plots = [throughput(taken, "DynamoDB Local", "service_local.svg")]
    with stub(quick=options.quick) as url:
        on_stub, bare = loads(Load(url, real=False, options=options), "stub endpoint", rounds)
        grown = memory(url, options)
    plots.append(throughput(bare, "stub endpoint", "service_stub.svg"))

    def compared(figures: dict[Any, Any], workers: int, measure: str, peer: str) -> Any:
        mine = column(figures["verify", workers, ("threads", "lambdatotp")], measure)
        theirs = column(figures["verify", workers, ("threads", peer)], measure)
        return target(mine, theirs) if measure == "rate" else target(theirs, mine)

    def ahead(figures: dict[Any, Any], operation: str, workers: int) -> Any:
        theirs, mine = (
            column(figures[operation, workers, ("asyncio", peer)], "rate")
            for peer in ("aiodynamo", "lambdatotp")
        )
        return target(mine, theirs)

    rows = [("verify", workers) for workers in WORKERS] + [("register", 1), ("register", 16)]
    targets = {
        "asyncio, stub": ahead(bare, "verify", 16),
        "asyncio": min((ahead(taken, *row) for row in rows), key=lambda made: made["times"]),
        "cpu": compared(taken, 1, "cpu", "boto3"),
        "throughput": compared(taken, 16, "rate", "boto3"),
        "cpu, stub": compared(bare, 16, "cpu", "boto3"),
        "throughput, stub": compared(bare, 16, "rate", "boto3"),
        "cpu, plain": compared(taken, 1, "cpu", "boto3-plain"),
        "throughput, plain": compared(taken, 16, "rate", "boto3-plain"),
    }
    intro = (
        "Each peer is a process of its own. CPU and memory are that process's, without the "
        "server's. Every verify checks a right code of a new user, which takes two writes. The "
        "plain read, which the original made and which lets a code be used twice, is one "
        "request. The stub answers at once with fixed items, so almost only the client is "
        "measured. Client, DynamoDB Local and everything else share the machine's cores."
    )
    tables = [*on_local, *on_stub, grown]
    return Section("service", TITLE, intro, tables, plots, targets)
