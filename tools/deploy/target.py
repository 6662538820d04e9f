"""Print what Rust calls the machine that a stage runs on, for the Makefile.

    python -m tools.deploy.target dev

It runs before anything is installed, so it reads .chalice/config.json by itself.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

CPUS = {"arm64": "aarch64"}


def target(stage: str, root: Path) -> str:
    """Return the target of a stage's `lambda_architecture`, its own or the one for all stages."""
    config = json.loads((root / ".chalice" / "config.json").read_text(encoding="utf-8"))
    own = config.get("stages", {}).get(stage, {})
    machine = own.get("lambda_architecture") or config.get("lambda_architecture", "x86_64")
    return f"{CPUS.get(machine, machine)}-unknown-linux-gnu"


if __name__ == "__main__":
    print(target(sys.argv[1], Path.cwd()))
