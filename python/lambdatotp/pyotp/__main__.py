"""`python -m lambdatotp.pyotp FILE`: run a program whose `import pyotp` is ours."""

from __future__ import annotations

import argparse
import runpy
import sys
from pathlib import Path

from . import install


def main() -> None:
    """Install the alias, and run the program with the rest of the arguments."""
    parser = argparse.ArgumentParser(
        prog="python -m lambdatotp.pyotp", description="Run a program with lambdatotp's PyOTP."
    )
    parser.add_argument("--legacy", action="store_true", help="with the limits of PyOTP 2.9")
    parser.add_argument("-m", action="store_true", dest="module", help="FILE is a module's name")
    parser.add_argument("file", metavar="FILE", help="the program")
    parser.add_argument("arguments", nargs=argparse.REMAINDER, help="the program's own")
    options = parser.parse_args()
    install(legacy=options.legacy)
    sys.argv = [options.file, *options.arguments]
    if options.module:
        sys.path.insert(0, "")
        runpy.run_module(options.file, run_name="__main__", alter_sys=True)
    else:
        # As Python itself does for a file.
        sys.path.insert(0, str(Path(options.file).resolve().parent))
        runpy.run_path(options.file, run_name="__main__")


if __name__ == "__main__":
    main()
