"""Biome, which lints the enrollment page's CSS and JavaScript: fetch it once, and run it.

    python -m tools.biome

It is one program, from npm; no Node.js is needed to run it. What it checks is in biome.json.
"""

from __future__ import annotations

import platform
import subprocess
import sys
from pathlib import Path

from tools import npm

ROOT = Path(__file__).parents[1]
VERSION = "2.6.8"


def fetch() -> Path:
    """Return the program for this machine, fetched on the first call."""
    machine = {"x86_64": "x64", "amd64": "x64", "aarch64": "arm64"}.get(
        platform.machine().lower(), platform.machine()
    )
    program = npm.fetch(f"@biomejs/cli-{platform.system().lower()}-{machine}@{VERSION}") / "biome"
    program.chmod(0o755)
    return program


if __name__ == "__main__":
    check = ["lint", "--error-on-warnings", "--config-path", str(ROOT / "tools/biome.json")]
    command = [str(fetch()), *check, str(ROOT / "chalicelib")]
    sys.exit(subprocess.run(command, check=False).returncode)
