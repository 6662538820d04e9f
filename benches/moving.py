"""Section 7: what `lambdatotp import` takes as the file grows."""

from __future__ import annotations

import base64
import json
import os
import subprocess
import tempfile
import time
from pathlib import Path
from resource import RUSAGE_CHILDREN, getrusage
from typing import TYPE_CHECKING, Any

from benches.measure import Options, Section, Table, cell, in_turns, python
from benches.servers import EMBEDDED, boto3_client, environment, local, new_table

if TYPE_CHECKING:
    from collections.abc import Callable

TITLE = "Moving in"
# Every so many rows, one whose secret is not base32.
BAD = 100
# Not getrusage: its peak is inherited from the process that forked.
MEASURED = """
import json, sys
from pathlib import Path
from lambdatotp.cli import main
try:
    main(sys.argv[1:])
finally:
    lines = Path("/proc/self/status").read_text().splitlines()
    (peak,) = [line.split()[1] for line in lines if line.startswith("VmHWM")]
    print(json.dumps({"peak_kib": int(peak)}), file=sys.stderr)
"""


def sizes(options: Options) -> list[int]:
    """Return how many rows the files have: three sizes, so that a slope would show."""
    most = min(options.users, options.amount(options.users, 1000))
    return [most // 10, most * 3 // 10, most]


def written(file: Path, count: int) -> int:
    """Write a CSV of so many users, and return how many are to be refused."""
    with file.open("w", encoding="utf-8") as stream:
        stream.write("user,secret,issuer\n")
        for number in range(count):
            secret = base64.b32encode(os.urandom(20)).decode()
            secret = "1" * 32 if number % BAD == BAD - 1 else secret
            stream.write(f"user{number:07}@example.com,{secret},ACME\n")
    return count // BAD


def imported(file: Path, where: dict[str, str], *options: str) -> dict[str, Any]:
    """Import a file as its user does; the outcome, with what it took."""
    command = [python(), "-c", MEASURED, "import", str(file), "--json", *options]
    began = time.perf_counter()
    done = subprocess.run(command, env=where, capture_output=True, text=True, check=False)
    seconds = time.perf_counter() - began
    # 1: rows were refused.
    if done.returncode != 1:
        raise SystemExit(f"the import failed: {done.stderr}")
    peak = json.loads(done.stderr)["peak_kib"] / 1024
    return {**json.loads(done.stdout), "seconds": seconds, "peak": peak}


def taken_in(file: Path, table: Path) -> tuple[float, float]:
    """Import a file into a file of the embedded engine; return wall and CPU seconds."""
    command = [python(), "-m", "lambdatotp", "import", str(file), "--embedded", str(table)]
    variables = {"PATH": "/usr/bin:/bin", "PYTHONPATH": str(EMBEDDED)}
    before, began = getrusage(RUSAGE_CHILDREN), time.perf_counter()
    subprocess.run(command, env=variables, check=True, stdout=subprocess.DEVNULL)
    wall, after = time.perf_counter() - began, getrusage(RUSAGE_CHILDREN)
    return wall, after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime


def into(file: Path, there: Path | None) -> Callable[[], tuple[float, float]]:
    """Return what imports a file into a new table, which has another file's users already."""

    def run() -> tuple[float, float]:
        with tempfile.TemporaryDirectory(dir=file.parent) as folder:
            table = Path(folder, "users.db")
            if there:
                taken_in(there, table)
            return taken_in(file, table)

    return run


def embedded(options: Options) -> Table:
    """Import into an empty file of the embedded engine, and where users are in the way."""
    # Each case runs four times.
    count = options.amount(min(options.users, 100_000), 1000)
    with tempfile.TemporaryDirectory() as work:
        users, some = Path(work, "users.csv"), Path(work, "some.csv")
        lines = [
            f"user{user},{base64.b32encode(user.to_bytes(20, 'big')).decode()}\n"
            for user in range(count)
        ]
        users.write_text("user,secret\n" + "".join(lines))
        some.write_text("user,secret\n" + "".join(lines[::50]))
        cases: dict[str, Callable[[], tuple[float, float]]] = {
            "imported": into(users, None),
            "imported where every fiftieth is there": into(users, some),
            "imported once more: all are there": into(users, users),
        }
        taken: dict[str, list[tuple[float, float]]] = in_turns(cases, options.rounds(3))
    columns = ["CSV into a file of the embedded engine", "rows", "seconds", "CPU, s", "rows/s"]
    table = Table("Into the embedded engine", columns)
    for name, figures in taken.items():
        wall, cpu = zip(*figures, strict=True)
        rates = [count / seconds for seconds in wall]
        table.rows.append([name, f"{count:,}", cell(wall), cell(cpu), cell(rates)])
    table.notes.append(
        "The figures are for the whole process. Each commit waits for the disk, and holds a "
        "hundred users."
    )
    return table


def measure(options: Options) -> Section:
    """Rehearse, import, and import once more, with ever larger files."""
    runs: tuple[tuple[str, str, list[str]], ...] = (
        ("rehearsed (`--dry-run`)", "new", ["--dry-run"]),
        ("imported", "new", []),
        ("imported once more: all are there", "same", []),
    )
    table = Table(
        "As the file grows",
        ["CSV on DynamoDB Local", "rows", "refused", "seconds", "rows/s", "peak memory, MiB"],
    )
    with tempfile.TemporaryDirectory() as folder, local(quick=options.quick) as url:
        client = boto3_client(url)
        for count in sizes(options):
            name, file = new_table(client), Path(folder) / f"{count}.csv"
            bad = written(file, count)
            where = {**environment(url, name), "PYTHONPATH": str(EMBEDDED)}
            for title, settled, arguments in runs:
                outcome = imported(file, where, *arguments)
                told = outcome["read"], outcome[settled], outcome["refused"]
                if told != (count, count - bad, bad):
                    raise SystemExit(f"rows are missing: {told} of {count}")
                figures = [outcome["seconds"], count / outcome["seconds"], outcome["peak"]]
                table.rows.append([title, f"{count:,}", f"{bad:,}", *figures])
            client.delete_table(TableName=name)
            file.unlink()
    table.notes.append(
        "Each figure is one run of the whole process, including Python's start. Its rows are "
        "those imported, already there and refused. One row in a hundred has a secret that is "
        "not base32. The second import is what a run after an interruption does."
    )
    intro = "`lambdatotp import` of a CSV file. Its memory should be flat."
    return Section("moving", TITLE, intro, [table, embedded(options)])
