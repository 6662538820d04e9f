"""Tables: CSV with a line that names columns, and OATH CSV, which has none."""

from __future__ import annotations

import csv
import re
from collections import deque
from typing import TYPE_CHECKING

from .cells import original
from .rows import KNOWN, NAMES, Row, UnreadableError, of_mapping, plain, row_of, unused

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from .source import Source

# How many lines a quoted cell may have: a stray quote is looked after no further.
CELL_LINES = 200

SECRETS = {*NAMES["key"], *NAMES["key_hex"]}

# Bitwarden's columns: its `name` is a title, and its `type` the kind of the entry.
BITWARDEN = {"name": "title", "type": "", "loginuri": "", "notes": ""}

OATH = re.compile(r"[^,]+,\s*(0x)?[0-9A-Fa-f]{20,}\s*(,|$)")


class Cells:
    """The rows of a CSV file, each with its first line.

    A quote that is never closed, or closed behind a line that is a row of its own, costs its
    own row only: the lines after it are read as if it were not there.
    """

    def __init__(
        self,
        lines: Iterator[str],
        delimiter: str,
        *,
        blanks: bool,
        is_row: Callable[[list[str]], bool],
    ) -> None:
        self._lines = lines
        self._waiting: deque[str] = deque()
        self._delimiter = delimiter
        self._blanks = blanks
        # Tells whether a line by itself is a row.
        self._is_row = is_row
        self.number = 0

    def __iter__(self) -> Iterator[tuple[int, list[str] | None]]:
        """Yield each row's first line and its cells; None for one that is not CSV."""
        while (line := self._next()) is not None:
            number = self.number
            cells = self._parsed(line)
            if cells is None and '"' in line:
                cells = self._over_lines(line)
            yield number, cells

    def _next(self) -> str | None:
        line = self._waiting.popleft() if self._waiting else next(self._lines, None)
        self.number += line is not None
        return line

    def _parsed(self, text: str) -> list[str] | None:
        lines = text.splitlines(keepends=True) if '"' in text else [text]
        reader = csv.reader(
            lines, delimiter=self._delimiter, strict=True, skipinitialspace=self._blanks
        )
        try:
            rows = list(reader)
        except csv.Error:
            return None
        return rows[0] if len(rows) == 1 else None if rows else []

    def _over_lines(self, first: str) -> list[str] | None:
        taken: list[str] = []
        text = first
        while len(taken) < CELL_LINES and (line := self._next()) is not None:
            taken.append(line)
            # Two stray quotes look like one cell, but for the whole rows around them.
            closes = line.count('"') % 2 == 1
            if self._alone(line) and (not closes or self._alone(first)):
                break
            text += line
            if closes and (cells := self._parsed(text)) is not None:
                return cells
        self._waiting.extendleft(reversed(taken))
        self.number -= len(taken)
        return None

    def _alone(self, line: str) -> bool:
        odd = line.count('"') % 2 == 1
        cells = self._parsed(line.replace('"', "") if odd else line)
        return bool(cells) and self._is_row(cells or [])


def read_csv(source: Source) -> Iterator[Row]:
    """Read a table whose first line names its columns."""
    header = source.first_line()
    delimiter = max(",;\t", key=header.count)
    # With blanks after the separators of the first line, those of the others are no part of ids.
    blanks = re.search(f"{delimiter}[ ]", header) is not None
    names: list[str] = []

    def is_row(cells: list[str]) -> bool:
        mapping = dict(zip(names, cells, strict=False))
        return len(cells) == len(names) and not row_of(0, of_mapping, mapping).problem

    rows = Cells(source.lines(), delimiter, blanks=blanks, is_row=is_row)
    for line, cells in rows:
        if cells is None:
            if not names:
                raise UnreadableError("the first line is not CSV: a quote in it is not closed")
            yield Row(line, {}, problem="it is not CSV: a quote in it is stray, or not closed")
        elif not any(map(str.strip, cells)) or (not names and cells[0].startswith("#")):
            continue
        elif not names:
            names = _names(cells, source)
        elif len(cells) > len(names):
            problem = "it has more columns than the first line"
            yield Row(line, _user(dict(zip(names, cells, strict=False))), problem=problem)
        else:
            values = (original(cell.strip() if blanks else cell) for cell in cells)
            mapping = dict(zip(names, values, strict=False))
            if "password" in names and not any(mapping.get(name) for name in SECRETS - {"url"}):
                # A password manager's entry for a site that asks for no code.
                source.without_key += 1
            else:
                yield row_of(line, of_mapping, mapping)


def _user(mapping: dict[str, str]) -> dict[str, str]:
    user = next(filter(None, map(mapping.get, NAMES["user"])), "")
    return {"user": user} if user else {}


def _names(cells: list[str], source: Source) -> list[str]:
    given = [cell.strip() for cell in cells]
    names = [plain(name) for name in given]
    if "logintotp" in names or "loginpassword" in names:
        names = [BITWARDEN.get(name, name).replace("loginpassword", "password") for name in names]
    known = {*names} & KNOWN
    if not known & SECRETS or not known & {*NAMES["user"], *NAMES["key"]}:
        raise UnreadableError(
            "the first line does not name the columns: user and secret, or uri; "
            "and perhaps issuer, algorithm, digits, period"
        )
    if len(known) < sum(name in KNOWN for name in names):
        raise UnreadableError("two columns have the same name: remove one")
    kept = [shown for shown, name in zip(given, names, strict=True) if name]
    source.unused.update(dict.fromkeys(filter(None, unused(kept))))
    source.unused.update(dict.fromkeys(s for s, n in zip(given, names, strict=True) if s and not n))
    return names


def read_oath(source: Source) -> Iterator[Row]:
    """Read OATH CSV: serial, key in hex, type, digits, seconds. The serial is the user."""
    for line, cells in Cells(source.lines(), ",", blanks=True, is_row=bool):
        if cells is None:
            yield Row(line, {}, problem="it is not CSV: a quote in it is stray, or not closed")
        elif any(cells) and not cells[0].startswith("#"):
            yield row_of(line, _oath, [cell.strip() for cell in cells])


def _oath(cells: list[str]) -> tuple[dict[str, object], str | None]:
    columns = ("user", "secrethex", "type", "digits", "period")
    if len(cells) > len(columns):
        raise UnreadableError("it has more than serial, key, type, digits and seconds")
    # Without a type it is hotp; and the hash goes by the length of the key in some programs.
    mapping = {"type": "hotp", **dict(zip(columns, cells, strict=False))}
    key = mapping.get("secrethex", "").removeprefix("0x")
    if len(key) in {32, 64, 128} and mapping["type"].lower() == "totp":
        error = UnreadableError(
            "OATH CSV names no hash, and the key's length does not tell it: use csv instead"
        )
        error.user = mapping["user"]
        raise error
    return of_mapping({**mapping, "secrethex": key})
