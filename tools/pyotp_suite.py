"""Run PyOTP's own test suites with `pyotp` pointing at `lambdatotp.pyotp`.

The suites come with PyOTP's source distributions; each is fetched once, into the cache, and
runs as it is. Those of PyOTP 2.9 and older run with `lambdatotp.pyotp.legacy`.

    python -m tools.pyotp_suite            # run them
    python -m tools.pyotp_suite 2.9.0      # run one
    python -m tools.pyotp_suite --fetch    # only fetch them
"""

from __future__ import annotations

import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

from tools.npm import CACHE

VERSIONS = ("2.12.1", "2.9.0", "2.6.0")
LEGACY = ("2.9.0", "2.6.0")


def fetch(version: str) -> Path:
    """Return the folder with a version's sources and tests, fetched on the first call."""
    target = CACHE / f"pyotp-{version}"
    if target.exists():
        return target
    CACHE.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=CACHE) as scratch:
        pip = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps"]
        pip += ["--no-binary", ":all:", "--dest", scratch, f"pyotp=={version}"]
        subprocess.run(pip, check=True)
        (archive,) = Path(scratch).glob("*.tar.gz")
        with tarfile.open(archive) as tar:
            tar.extractall(scratch, filter="data")
        (Path(scratch) / f"pyotp-{version}").rename(target)
    return target


def command(version: str) -> list[str]:
    """Tell how to run a version's suite."""
    legacy = ["--legacy"] if version in LEGACY else []
    return [sys.executable, "-m", "lambdatotp.pyotp", *legacy, str(fetch(version) / "test.py")]


def main() -> int:
    """Fetch the suites, and run them."""
    if "--fetch" in sys.argv:
        for version in VERSIONS:
            print(fetch(version))
        return 0
    failures = 0
    for version in sys.argv[1:] or VERSIONS:
        print(f"PyOTP {version}", flush=True)
        failures += subprocess.run(command(version), check=False).returncode
    return failures


if __name__ == "__main__":
    sys.exit(main())
