"""A bar for what takes minutes: on a terminal only."""

from __future__ import annotations

import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

from rich.console import Console
from rich.progress import (
    BarColumn,
    Progress,
    TaskProgressColumn,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

if TYPE_CHECKING:
    from collections.abc import Iterator


class Bar:
    """How far it got, how fast it goes, and how long it will take."""

    def __init__(self, progress: Progress, title: str, total: int | None) -> None:
        self._progress = progress
        self._total = total or None
        self._task = progress.add_task(title, total=self._total, users=0, rate=0.0, refused="")
        self._began = time.monotonic()

    def at(self, done: int, users: int, refused: int = 0) -> None:
        """Show that so much of the total is done, for how many users, and how many refused."""
        rate = users / max(time.monotonic() - self._began, 0.001)
        if self._total is not None and done > self._total:
            # DynamoDB counts its items every six hours only.
            self._total = done
        self._progress.update(
            self._task,
            completed=done,
            total=self._total,
            users=users,
            rate=rate,
            refused=f", {refused} refused" * bool(refused),
        )


@contextmanager
def bar(title: str, total: int | None, *, quiet: bool) -> Iterator[Bar]:
    """Show a bar while something goes on; the total is what `Bar.at` counts up to."""
    console = Console(stderr=True, quiet=quiet)
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TaskProgressColumn(),
        TextColumn("{task.fields[users]} users, {task.fields[rate]:.0f}/s{task.fields[refused]}"),
        TextColumn("left:"),
        TimeRemainingColumn(),
        TextColumn("elapsed:"),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=console, disable=not console.is_terminal) as progress:
        yield Bar(progress, title, total)
