"""What is printed, and how: to people, to pipes, as JSON."""

from __future__ import annotations

import json
import sys
import time
import unicodedata
from typing import TYPE_CHECKING, Any, TextIO

import click

if TYPE_CHECKING:
    from collections.abc import Callable


# Dates from here on have no common form, and few clocks or calendars go further.
YEAR_10000 = 253_402_300_800


def _escaped(text: str, *, unless: Callable[[str], bool]) -> str:
    return "".join(
        symbol if unless(symbol) else symbol.encode("unicode_escape").decode() for symbol in text
    )


def printable(text: str) -> str:
    """Escape what a terminal would act on, or not show: ESC, CR, LF, marks of direction, ..."""
    return _escaped(text, unless=str.isprintable)


def one_line(text: str) -> str:
    """Escape control characters, line ends among them; whatever a call accepts stays whole."""
    return _escaped(text, unless=lambda symbol: unicodedata.category(symbol) != "Cc")


def fit_for(stream: TextIO, text: str) -> str:
    """Escape a text as far as its reader needs it, a terminal or a program."""
    return printable(text) if stream.isatty() else one_line(text)


def tell(*problems: str) -> None:
    """Name what did not work, a line each, on standard error."""
    for problem in problems:
        click.echo(f"lambdatotp: {fit_for(sys.stderr, problem)}", err=True)


def print_outcome(outcome: dict[str, Any], *, as_json: bool) -> None:
    """Print a line a value, or JSON."""
    if as_json:
        click.echo(json.dumps(outcome, indent=2))
        return
    for name, value in outcome.items():
        if isinstance(value, list):
            click.echo(f"{name}:")
            for item in value:
                click.echo(f"  {fit_for(sys.stdout, str(item))}")
        else:
            click.echo(f"{name}: {fit_for(sys.stdout, str(value))}")


def time_of(seconds: int | None, form: str = "%Y-%m-%d %H:%M:%SZ") -> str | None:
    """Write a time as people read it, in UTC."""
    if seconds is None:
        return None
    if not 0 <= seconds < YEAR_10000:
        return f"{seconds} s after 1970"
    return time.strftime(form, time.gmtime(seconds))
