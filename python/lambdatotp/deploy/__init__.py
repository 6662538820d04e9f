"""Stops `chalice deploy` and `chalice package` before they ship what cannot work.

Chalice ships app.py, chalicelib/, vendor/ and what requirements.txt names as they lie
there, and asks nothing. It imports the app first: that is when `check` looks at all of
it. None of this is shipped.
"""

from __future__ import annotations

import os
import re
import secrets
import shutil
import sys
from typing import TYPE_CHECKING

from . import problems, references
from .stage import STAGE_NAME, Stage

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

COMMANDS = {"deploy", "package", "plan"}


def check(argv: Sequence[str], root: Path) -> None:
    """Stop a command that would ship something that cannot work; else write the permissions.

    Args:
        argv: The command, as it was typed.
        root: The folder with app.py.

    Raises:
        SystemExit: Nothing is shipped. The message is one line that says what is wrong,
            and what to do.
    """
    command = next((word for word in argv[1:] if word in COMMANDS), None)
    if command is None:
        return
    sys.dont_write_bytecode = True
    sweep(root)
    given = re.search(r"--stage[= ](\S+)", " ".join(argv))
    name = given[1] if given else "dev"
    if not STAGE_NAME.fullmatch(name):
        sys.exit(f"lambdatotp: {name!r} cannot name a stage: use letters, digits, '-' and '_'")
    stage = Stage(name, root)
    # A merged template makes the table, with its name and its permissions.
    merged = "--merge-template" in argv
    found = [
        *problems.of_module(stage, command),
        *problems.of_modes(root),
        *problems.of_references(stage, command),
        *problems.of_tokens(stage),
        *([] if merged else problems.of_exports(stage)),
        *([] if merged else problems.of_permissions(stage)),
    ]
    if found:
        sys.exit(f"lambdatotp: nothing was shipped: {'; '.join(found)}")
    for warning in problems.of_bytecode(stage):
        print(f"lambdatotp: warning: {warning}", file=sys.stderr)  # noqa: T201
    stage.write_policy()
    # In a clone, requirements.txt holds what is not to be shipped, and asks this.
    os.environ["SHIPPED_FOR"] = sys.implementation.name
    # CloudFormation puts the values in. What is imported here has to start without them,
    # and as one that asks for a token.
    for name in stage.variables():
        if references.holds(os.environ.get(name, "")):
            os.environ[name] = secrets.token_hex(32)


def sweep(root: Path) -> None:
    """Remove what Python left in chalicelib/: it would be shipped, and change the hash."""
    for cache in (root / "chalicelib").rglob("__pycache__"):
        shutil.rmtree(cache, ignore_errors=True)
