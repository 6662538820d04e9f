"""Section 4: what a verify costs as the table, the concurrency and the attacks grow."""

from __future__ import annotations

import json
import os
import subprocess
import threading
import time
import uuid
from contextlib import contextmanager, suppress
from statistics import median
from typing import TYPE_CHECKING, Any

from benches import service
from benches.measure import ROOT, Figure, Options, Plot, Section, Table, cell, in_turns, python
from benches.servers import EMBEDDED, boto3_client, environment, load, local, new_table, settings

if TYPE_CHECKING:
    from collections.abc import Iterator

TITLE = "Growth"
PEERS = ROOT / "benches" / "peers"
CONCURRENCY = (1, 2, 4, 8, 16, 32, 64)
SAMPLE = 300


def sizes(most: int) -> list[int]:
    """Return the table's sizes: powers of ten from a thousand."""
    found = [1000]
    while found[-1] * 10 <= most:
        found.append(found[-1] * 10)
    return found


def embedded(options: Options) -> Iterator[tuple[int, dict[str, Any]]]:
    """Grow a table of the embedded engine, in a process of its own."""
    plan = {"sizes": sizes(options.users), "sample": options.amount(SAMPLE, 30)}
    variables = {**environment("", "grown"), "PYTHONPATH": str(EMBEDDED)}
    del variables["AWS_ENDPOINT_URL_DYNAMODB"]
    command = [python(), str(PEERS / "grow.py"), json.dumps(plan)]
    with subprocess.Popen(command, env=variables, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout  # noqa: S101
        for line in process.stdout:
            result = json.loads(line)
            yield result["size"], result
    if process.returncode:
        raise SystemExit("benches/peers/grow.py failed")


def grown(url: str, options: Options) -> Iterator[tuple[int, list[dict[str, Any]]]]:
    """Grow a table of DynamoDB Local, and verify fresh users in it at each size."""
    client = boto3_client(url)
    table = new_table(client)
    there = 0
    rounds = options.rounds(5)
    for size in sizes(options.users):
        load(client, table, (f"filler{number}" for number in range(there, size)))
        there = size
        runs = []
        for number in range(rounds + 1):
            prefix, count = uuid.uuid4().hex[:8], options.amount(SAMPLE, 20)
            users = [f"{prefix}{user}" for user in range(count + 20)]
            load(client, table, users)
            plan = {"mode": "threads", "peer": "lambdatotp", "operation": "verify", "workers": 1}
            plan |= {"users": users[20:], "warm": users[:20]}
            result = service.run(plan, environment(url, table))
            if number:
                runs.append(result)
        yield size, runs


class Attack:
    """Wrong codes without end from four threads: on one user, or on as many as there are."""

    def __init__(self, url: str, table: str, users: list[str]) -> None:
        import lambdatotp  # noqa: PLC0415 - the environment has to be set before

        self.refused = lambdatotp.LambdaTotpError
        self.verifier = lambdatotp.Verifier(endpoint_url=url, table_name=table)
        self.users = users
        self.stopped = threading.Event()
        self.attempts = 0

    def run(self, users: list[str]) -> None:
        """Try and try."""
        number = 0
        while not self.stopped.is_set():
            number += 1
            self.attempts += 1
            with suppress(self.refused):
                self.verifier.verify(users[number % len(users)], "000000")
            time.sleep(0.004)  # a thousand attempts a second: a load, not a full machine

    @contextmanager
    def going_on(self) -> Iterator[Attack]:
        """Attack until the block ends."""
        shares = [self.users[first::4] or self.users for first in range(4)]
        threads = [threading.Thread(target=self.run, args=(share,)) for share in shares]
        for thread in threads:
            thread.start()
        try:
            yield self
        finally:
            self.stopped.set()
            for thread in threads:
                thread.join()


def attacked(url: str, options: Options) -> Table:
    """Log fresh users in while nobody, many users, or one user is under attack."""
    os.environ.update(settings(url, "any"))
    client = boto3_client(url)
    table = new_table(client)
    crowd = [f"crowd{number}" for number in range(options.amount(5000, 50))]
    load(client, table, [*crowd, "victim"])

    def log_in() -> list[float]:
        prefix, count = uuid.uuid4().hex[:8], options.amount(SAMPLE, 20)
        users = [f"{prefix}{user}" for user in range(count + 20)]
        load(client, table, users)
        plan = {"mode": "threads", "peer": "lambdatotp", "operation": "verify", "workers": 1}
        plan |= {"users": users[20:], "warm": users[:20]}
        latencies = service.run(plan, environment(url, table))["latencies"]
        return [service.percentile(latencies, 0.5), service.percentile(latencies, 0.99)]

    def under(users: list[str]) -> list[float]:
        with Attack(url, table, users).going_on() as attack:
            began = time.perf_counter()
            measured = log_in()
            rate = attack.attempts / (time.perf_counter() - began)
        return [*measured, rate]

    cases = {
        "nobody is attacked": lambda: [*log_in(), 0.0],
        "wrong codes, spread over 5,000 users": lambda: under(crowd),
        "wrong codes, all for one user": lambda: under(["victim"]),
    }
    taken = in_turns(cases, options.rounds(5))
    made = Table(
        "Others log in while one user is attacked",
        ["DynamoDB Local", "p50 of the others, ms", "p99, ms", "attempts/s"],
    )
    for name, runs in taken.items():
        columns = list(zip(*runs, strict=True))
        made.rows.append([name, *[cell(list(column)) for column in columns]])
    return made


def concurrent(url: str, options: Options) -> tuple[Table, list[list[float]]]:
    """Verify with more and more threads on one verifier."""
    at = service.Load(url, real=True, options=options)
    cases = {
        str(workers): at.case("threads", "lambdatotp", "verify", workers)
        for workers in (CONCURRENCY[:2] if options.quick else CONCURRENCY)
    }
    taken = in_turns(cases, options.rounds(3))
    table = Table("As concurrency grows", ["threads", "calls/s", "p50, ms", "CPU s / 1,000"])
    points = []
    for workers, runs in taken.items():
        figures = [cell(service.column(runs, name)) for name in ("rate", "p50", "cpu")]
        table.rows.append([workers, *figures])
        points.append([float(workers), figures[2]["middle"]])
    return table, points


def measure(options: Options) -> Section:
    """Grow the tables, then the concurrency, then the attack."""
    columns = ["users", "embedded: p50, ms", "CPU s / 1,000"]
    table = Table("As the table grows", [*columns, "DynamoDB Local: p50, ms", "CPU s / 1,000"])
    inside = dict(embedded(options))
    lines: dict[str, list[list[float]]] = {"embedded": [], "DynamoDB Local": []}
    with local(quick=options.quick) as url:
        for size, runs in grown(url, options):
            here = inside[size]
            p50 = [median(run["latencies"]) for run in runs]
            cpu = [run["cpu"] / len(run["latencies"]) * 1000 for run in runs]
            row = [f"{size:,}", cell(here["p50"]), cell(here["cpu"]), cell(p50), cell(cpu)]
            table.rows.append(row)
            lines["embedded"].append([size, Figure.of(here["p50"]).middle])
            lines["DynamoDB Local"].append([size, Figure.of(p50).middle])
        by_threads, points = concurrent(url, options)
        attack = attacked(url, options)
    table.notes.append(
        "A verify checks a right code of a new user: two conditional writes. The embedded "
        "engine works in the client's process, so the figure includes its CPU time."
    )
    plots = [
        Plot("growth.svg", "A verify as the table grows", "lines", lines, "ms", "users"),
        Plot(
            "concurrency.svg",
            "The client's CPU time as threads are added",
            "lines",
            {"CPU, s per 1,000": points},
            "seconds",
            "threads",
        ),
    ]
    intro = "lambdatotp alone. These figures should be flat."
    return Section("growth", TITLE, intro, [table, by_threads, attack], plots)
