"""What app.py needs, and all of it is shipped: configuration, access, fields, replies, audit."""

import os
import sys
import threading
from typing import NoReturn


def stop(problem: object) -> NoReturn:
    """Stop the app at its start, in one line: it must not run as if a setting were absent."""
    line = f"lambdatotp: {problem}"
    if threading.current_thread() is not threading.main_thread():
        # `chalice local` imports the app in another thread, and would wait for ever.
        print(line, file=sys.stderr, flush=True)  # noqa: T201
        os._exit(1)
    sys.exit(line)


# Chalice's command line imports the app before it packages it: the last moment to see
# that what it is about to ship is whole. On Lambda this costs one look-up.
if os.environ.get("AWS_CHALICE_CLI_MODE"):
    from pathlib import Path

    root = Path(__file__).resolve().parents[1]
    try:
        from lambdatotp import deploy
    except ImportError as error:
        make = "make build && . .venv/bin/activate"
        pip = "pip install -r requirements-dev.txt"
        stop(f"{error}: run: {make if (root / 'Makefile').is_file() else pip}")
    deploy.check(sys.argv, root)
