"""Who else may write the embedded engine's file, and so enroll, unlock or replace anyone."""

from __future__ import annotations

import os
import stat
import sys
import warnings
from pathlib import Path
from typing import TYPE_CHECKING

from .exceptions import LambdaTotpWarning

if sys.platform != "win32":
    import grp
    import pwd

if TYPE_CHECKING:
    from collections.abc import Iterator

# Files that SQLite keeps beside the table, and reads without checking their origin.
SIDE_FILES = ("-journal", "-wal", "-shm")


def exposures(at: str) -> Iterator[str]:
    """Name each of the engine's files that others may write, and how to stop that."""
    # Windows has other permissions: they are not checked.
    if at == ":memory:" or sys.platform == "win32":
        return
    file = Path(at).resolve()
    for path in (file.parent, file, *(Path(f"{file}{side}") for side in SIDE_FILES)):
        try:
            status = path.stat()
        except OSError:
            # Not made yet, or the engine will say what is wrong with it.
            continue
        others = _others(status, folder=path == file.parent)
        if others:
            who, mode = others
            remedy = f"chmod {mode} '{path}'" if mode else "keep the table where only you can write"
            yield f"{who} '{path}' of the embedded table: {remedy}"


def warn(at: str) -> None:
    """Warn of each, where the verifier is made."""
    for text in exposures(at):
        # Above us is Verifier.__new__, and above it the one who makes the verifier.
        warnings.warn(text, LambdaTotpWarning, stacklevel=3)


def _others(status: os.stat_result, *, folder: bool) -> tuple[str, str] | None:
    # Whom root has to trust is root; the same goes for everybody.
    if status.st_uid not in {os.geteuid(), 0}:
        return f"another user ({_name(status.st_uid)}) owns", ""
    mode = status.st_mode
    if mode & stat.S_IWOTH:
        # /tmp has to stay as it is.
        return "any user of this machine can write to", "" if mode & stat.S_ISVTX else "o-w"
    if mode & stat.S_IROTH and not folder:
        return "any user of this machine can read", "o-r"
    if mode & stat.S_IWGRP and _has_others(status.st_gid):
        return "its group can write to", "g-w"
    return None


def _name(user: int) -> str:
    try:
        return pwd.getpwuid(user).pw_name
    except KeyError:
        return str(user)


def _has_others(group: int) -> bool:
    """Tell whether a group has members but this user: many systems give each user their own."""
    try:
        entry = grp.getgrgid(group)
    except KeyError:
        return True
    own = _name(os.geteuid())
    return entry.gr_name != own or bool(set(entry.gr_mem) - {own})
