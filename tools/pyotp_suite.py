"""Run PyOTP's own test suite with `pyotp` pointing at `lambdatotp.pyotp`.

The suite comes with PyOTP's source distribution; it is fetched once, into the cache, and
runs as it is.

    python -m tools.pyotp_suite            # run it
    python -m tools.pyotp_suite --fetch    # only fetch it
"""

from __future__ import annotations

import importlib
import runpy
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

from tools.npm import CACHE

VERSION = "2.12.0"
MODULES = ["compat", "contrib", "contrib.steam", "exceptions", "hotp", "otp", "totp", "utils"]


def fetch() -> Path:
    """Return the suite's file, fetched on the first call."""
    target = CACHE / f"pyotp-{VERSION}-test.py"
    if target.exists():
        return target
    CACHE.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=CACHE) as scratch:
        pip = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps"]
        pip += ["--no-binary", ":all:", "--dest", scratch, f"pyotp=={VERSION}"]
        subprocess.run(pip, check=True)
        (archive,) = Path(scratch).glob("*.tar.gz")
        with tarfile.open(archive) as tar:
            suite = tar.extractfile(f"pyotp-{VERSION}/test.py")
            if suite is None:
                raise RuntimeError("PyOTP's archive holds no test.py")
            made = Path(scratch) / "test.py"
            made.write_bytes(suite.read())
        made.rename(target)
    return target


def main() -> None:
    """Point every name of PyOTP's modules at ours, and run the suite."""
    suite = fetch()
    if "--fetch" in sys.argv:
        print(suite)
        return
    sys.modules["pyotp"] = importlib.import_module("lambdatotp.pyotp")
    for name in MODULES:
        sys.modules[f"pyotp.{name}"] = importlib.import_module(f"lambdatotp.pyotp.{name}")
    sys.argv = [str(suite)]
    runpy.run_path(str(suite), run_name="__main__")


if __name__ == "__main__":
    main()
