"""`make bench`: measure the sections asked for, and write RESULTS.md from all there are.

make bench                           # everything
make bench ONLY=calls                # one section; the others keep their last figures
make bench ONLY="calls trips" QUICK=1  # a smoke run: shows that the scripts work
make bench USERS=1000000             # growth and moving up to a million users
"""

from __future__ import annotations

import argparse
import importlib
import json
import sys
import time
from datetime import datetime, timezone
from pathlib import Path

from benches import report
from benches.measure import ROOT, Options, machine

# In the order of RESULTS.md; each a module of this package.
SECTIONS = ("calls", "first_use", "service", "growth", "trips", "shape", "moving")


def command(name: str, options: Options) -> str:
    """Say how to get a section's figures again."""
    users = f" USERS={options.users}" if name in {"growth", "moving"} else ""
    return f"make bench ONLY={name}{users}{' QUICK=1' if options.quick else ''}"


def main() -> None:
    """Measure, keep what was measured, and render."""
    parser = argparse.ArgumentParser(description="Benchmarks, side by side with the peers.")
    parser.add_argument("sections", nargs="*", metavar="SECTION", help=", ".join(SECTIONS))
    parser.add_argument("--quick", action="store_true", help="a smoke run")
    parser.add_argument("--users", type=int, default=Options.users, help="for growth and moving")
    parser.add_argument("--out", type=Path, help="where figures are kept: out/bench")
    arguments = parser.parse_args()
    if unknown := set(arguments.sections) - set(SECTIONS):
        parser.error(f"no such section: {', '.join(sorted(unknown))}; there are {SECTIONS}")
    options = Options(arguments.quick, arguments.users)
    folder: Path = arguments.out or ROOT / "out" / ("bench-quick" if options.quick else "bench")
    folder.mkdir(parents=True, exist_ok=True)
    for name in arguments.sections or SECTIONS:
        print(f"bench: {name} ...", file=sys.stderr, flush=True)
        began = time.perf_counter()
        on = machine()
        section = importlib.import_module(f"benches.{name}").measure(options).as_json()
        section["taken"] = datetime.now(timezone.utc).strftime("%Y-%m-%d %H:%M UTC")
        section["seconds"] = round(time.perf_counter() - began)
        section |= {"command": command(name, options), "machine": on}
        (folder / f"{name}.json").write_text(json.dumps(section, indent=1) + "\n")
    kept = [folder / f"{name}.json" for name in SECTIONS]
    sections = [json.loads(path.read_text()) for path in kept if path.exists()]
    # A smoke run's figures are worth nothing: they stay beside its data.
    target = folder if options.quick else ROOT / "benches"
    results = report.write(sections, target)
    print(results.read_text())
    print(f"bench: written to {results}", file=sys.stderr)


if __name__ == "__main__":
    main()
