"""Instructions of the hot paths, against a stored baseline: they do not depend on load.

    make instructions             # compare; more than 3 % above the baseline fails
    make instructions UPDATE=1    # store what is counted now

Counted by callgrind, which shows programs a processor of its own: without SHA-NI, so the
hash is the portable one everywhere. Counts differ between compilers, and where a library
takes another path on another processor: then this says so, and does not fail.

A whole login is counted as well, from Python and to the stub endpoint, whose own instructions
are not: `verify_stub`, and `verify_async_stub` by asyncio. Python's own part in it is small.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from benches.measure import ROOT, machine
from benches.servers import EMBEDDED, built, environment, stub
from tools import debian

BASELINE = ROOT / "benches" / "instructions.json"
TOLERANCE = 0.03
# How often each runs, in tens: start-up is taken off by counting twice.
OPERATIONS = {
    "code": 200,
    "new_code": 200,
    "verify": 200,
    "secret": 200,
    "uri_write": 200,
    "uri_parse": 200,
    "qr_matrix": 10,
    "qr_png": 10,
    "qr_svg": 10,
}
LOGINS = {"verify_stub": "verify", "verify_async_stub": "verify_async"}
TIMES = 50
# A reply that is there at once now and then, by the machine's load, saves waiting for it.
DELAY_MS = 20
# glibc chooses its memcpy by the processor: the plainest one, everywhere.
PLAIN = {"GLIBC_TUNABLES": "glibc.cpu.hwcaps=-AVX2,-AVX,-ERMS,-FSRM"}


def valgrind() -> str | None:
    """Find valgrind, or install it where that is possible."""
    if found := shutil.which("valgrind"):
        return found
    debian.install("valgrind")
    return shutil.which("valgrind")


def under_valgrind(
    tool: str, *program: str | Path, environment: dict[str, str] | None = None
) -> tuple[str, str]:
    """Run a program; return what it and what valgrind printed."""
    with tempfile.NamedTemporaryFile() as log:
        command = [tool, "--tool=callgrind", "--callgrind-out-file=/dev/null"]
        done = subprocess.run(
            [*command, f"--log-file={log.name}", *program],
            env={**(os.environ if environment is None else environment), **PLAIN},
            capture_output=True,
            text=True,
            check=True,
        )
        return done.stdout, Path(log.name).read_text(encoding="utf-8")


def each(tool: str, times: int, *program: str | Path, **more: dict[str, str]) -> int:
    """Count the instructions of one of so many operations."""

    def whole(times: int) -> int:
        _, log = under_valgrind(tool, *program, str(times), **more)
        found = re.search(r"Collected : (\d+)", log)
        if not found:
            raise SystemExit(f"valgrind printed no count:\n{log}")
        return int(found[1])

    # Two lengths: the difference is free of the start, and of the first calls.
    return round((whole(3 * times) - whole(times)) / (2 * times))


def count(tool: str) -> dict[str, Any]:
    """Count everything, and note what the counts depend on."""
    program = built("hot")
    features, _ = under_valgrind(tool, program, "features")
    counts = {name: each(tool, times, program, name) for name, times in OPERATIONS.items()}
    script = ROOT / "benches" / "peers" / "logins.py"
    with stub(delay_ms=DELAY_MS) as url:
        # Else Python's dictionaries take other ways each time, and one run compiles for the rest.
        same = {"PYTHONHASHSEED": "0", "PYTHONDONTWRITEBYTECODE": "1"}
        variables = environment(url, "any", PYTHONPATH=str(EMBEDDED), **same)
        for name, way in LOGINS.items():
            counts[name] = each(
                tool, TIMES, sys.executable, "-S", script, way, environment=variables
            )
    return {
        "rustc": machine()["rustc"],
        "python": platform.python_version(),
        "processor": features.strip(),
        "counts": counts,
    }


def differences(baseline: dict[str, Any], now: dict[str, Any]) -> list[str]:
    """Name what takes more instructions than it may."""
    worse = []
    for operation, counted in now["counts"].items():
        before = baseline["counts"].get(operation)
        if before is None:
            worse.append(f"{operation} is not in the baseline")
            continue
        change = counted / before - 1
        mark = "  <- more than the tolerance" if change > TOLERANCE else ""
        print(f"{operation:17} {before:>10,} {counted:>10,}  {change:+.1%}{mark}")
        if mark:
            worse.append(f"{operation}: {before:,} -> {counted:,} ({change:+.1%})")
    return worse


def main() -> None:
    """Count, and compare or store."""
    parser = argparse.ArgumentParser(description="Instruction counts of the hot paths.")
    parser.add_argument("--update", action="store_true", help="store the counts")
    update = parser.parse_args().update
    tool = valgrind()
    if not tool:
        print("lambdatotp: no valgrind: the instructions were not counted (apt install valgrind)")
        return
    now = count(tool)
    if update:
        BASELINE.write_text(json.dumps(now, indent=2) + "\n")
        print(f"stored in {BASELINE}")
        return
    baseline = json.loads(BASELINE.read_text())
    for name in ("rustc", "python", "processor"):
        if baseline[name] != now[name]:
            print(
                f"lambdatotp: the baseline is of another {name}, so nothing is compared:\n"
                f"  baseline: {baseline[name]}\n  here:     {now[name]}\n"
                "If that is the new normal: make instructions UPDATE=1"
            )
            return
    if worse := differences(baseline, now):
        raise SystemExit(
            "lambdatotp: more instructions than the baseline allows:\n  "
            + "\n  ".join(worse)
            + "\nIf that is meant: make instructions UPDATE=1"
        )


if __name__ == "__main__":
    main()
