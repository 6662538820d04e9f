"""Tables: CSV with a line that names columns, and OATH CSV, which has none."""

from __future__ import annotations

import csv
import re
import sys
from collections import deque
from typing import TYPE_CHECKING

from .cells import original
from .rows import KEY_LIKE, MEANINGS, NAMES, Row, UnreadableError, of_mapping, plain, row_of, unused

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from .source import Source

STRAY = "it is not CSV: a quote in it is stray, or not closed"
WITHIN = (
    "it is inside quotes but looks like a row: an earlier quote is stray, or was put there on "
    "purpose"
)

SECRETS = {*NAMES["key"], *NAMES["key_hex"]}

# Bitwarden's columns: its `name` is a title, and its `type` the kind of the entry.
BITWARDEN = {"name": "title", "type": "", "loginuri": "", "notes": ""}

LINE_END = re.compile("[\r\n]")

OATH = re.compile(r"[^,]+,\s*(0x)?[0-9A-Fa-f]{20,}\s*(,|$)")


class Cells:
    """The rows of a CSV file, each with its first line.

    A quote that is never closed, or not as CSV does, costs its own row only: the lines after it
    are read as if it were not there. Where a quoted cell holds what would be a row by itself,
    two stray quotes may be at work, or somebody who wrote a row into a note: every line of it is
    refused.
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
        # Whether a line by itself is a row.
        self._is_row = is_row
        # The columns, once they are known.
        self.names: list[str] = []
        self.number = 0

    def __iter__(self) -> Iterator[tuple[int, list[str] | str]]:
        """Yield each row's first line, and its cells or why there are none."""
        while (line := self._next()) is not None:
            number = self.number
            taken = self._rest_of(line)
            if taken is None:
                yield number, STRAY
                continue
            cells = self._parsed("".join((line, *taken)))
            if cells is None or not taken or not self._rows_within(line, taken, cells):
                yield number, STRAY if cells is None else cells
                # A line that is not CSV for another reason, such as its length, spoils no other.
                taken = taken if cells is None else []
            else:
                yield number, STRAY
            for place, _ in enumerate(taken, number + 1):
                yield place, WITHIN

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

    def _rest_of(self, first: str) -> list[str] | None:
        """Take the lines that a row goes on in; None if a quote of its is stray."""
        taken: list[str] = []
        within = self._within_quotes(first, within=False)
        while within and (line := self._next()) is not None:
            taken.append(line)
            within = self._within_quotes(line, within=True)
        if within is False:
            return taken
        self._waiting.extendleft(reversed(taken))
        self.number -= len(taken)
        return None

    def _within_quotes(self, line: str, *, within: bool) -> bool | None:
        """Tell whether a line ends within quotes; None if a quote in it is not CSV."""
        at = 0
        while True:
            if within:
                at = line.find('"', at) + 1
                if not at:
                    return True
                if line.startswith('"', at):
                    at += 1
                    continue
                if not line[at:].strip("\r\n"):
                    return False
                if line[at] != self._delimiter:
                    return None
                at += 1
            while self._blanks and line.startswith(" ", at):
                at += 1
            within = line.startswith('"', at)
            at = at + 1 if within else line.find(self._delimiter, at) + 1
            if not at:
                return False

    def _rows_within(self, first: str, taken: list[str], cells: list[str]) -> bool:
        if self.names and not self._is_row(cells):
            # Where a line end is in what is read, or a cell too many or few, it belongs to no cell.
            known = (
                cell for name, cell in zip(self.names, cells, strict=False) if name in MEANINGS
            )
            if len(cells) != len(self.names) or any(map(LINE_END.search, known)):
                return True
        if any(map(self._alone, taken[:-1])):
            return True
        # The last line of a cell may look like a row, if the first one does not.
        return self._alone(taken[-1]) and (self._alone(first) or not self._is_row(cells))

    def _alone(self, line: str) -> bool:
        """Tell whether a line is a row by itself, with its quotes or without them."""
        read = filter(None, map(self._parsed, (line, line.replace('"', ""))))
        return any(map(self._is_row, read))


def read_csv(source: Source) -> Iterator[Row]:
    """Read a table whose first line names its columns."""
    # Each line is in memory already, whatever a cell in it may hold.
    csv.field_size_limit(sys.maxsize)
    header = source.first_line()
    delimiter = max(",;\t|", key=header.count)
    # If the first line has blanks after its separators, blanks in the others are not part of ids.
    blanks = f"{delimiter} " in header
    names: list[str] = []

    def is_row(cells: list[str]) -> bool:
        mapping = dict(zip(names, cells, strict=False))
        return len(cells) == len(names) and row_of(0, of_mapping, mapping).is_usable()

    rows = Cells(source.lines(), delimiter, blanks=blanks, is_row=is_row)
    for line, cells in rows:
        if isinstance(cells, str):
            if not names:
                raise UnreadableError(f"the first line names no columns: {cells}")
            yield Row(line, {}, problem=cells)
        elif not any(map(str.strip, cells)) or (not names and cells[0].startswith("#")):
            continue
        elif not names:
            names = _names(cells, source)
            rows.names = names
        elif len(cells) > len(names):
            problem = "it has more cells than the first line has columns: a separator too many"
            yield Row(line, _user(dict(zip(names, cells, strict=False))), problem=problem)
        elif any(name in MEANINGS for name in names[max(len(cells), 1) :]):
            problem = "it has fewer cells than the first line has columns: it may be cut off"
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
    if any(map(KEY_LIKE.search, given)):
        raise UnreadableError(
            "the first line holds a secret instead of names: put a line before it that names the "
            "columns, such as user,secret or user,uri"
        )
    if "logintotp" in names or "loginpassword" in names:
        names = [BITWARDEN.get(name, name).replace("loginpassword", "password") for name in names]
    known = {*names} & MEANINGS.keys()
    if not known & SECRETS or not known & {*NAMES["user"], *NAMES["key"]}:
        raise UnreadableError(
            "the first line does not name the columns: user and secret, or uri; "
            "optional are issuer, algorithm, digits, period"
        )
    if len(known) < sum(name in MEANINGS for name in names):
        raise UnreadableError("two columns have the same name: remove one")
    kept = [shown for shown, name in zip(given, names, strict=True) if name]
    source.unused.update(dict.fromkeys(filter(None, unused(kept))))
    source.unused.update(dict.fromkeys(s for s, n in zip(given, names, strict=True) if s and not n))
    return names


def read_oath(source: Source) -> Iterator[Row]:
    """Read OATH CSV: serial, key in hex, type, digits, seconds. The serial is the user."""
    for line, cells in Cells(source.lines(), ",", blanks=True, is_row=bool):
        if isinstance(cells, str):
            yield Row(line, {}, problem=cells)
        elif any(cells) and not cells[0].startswith("#"):
            yield row_of(line, _oath, [cell.strip() for cell in cells])


def _oath(cells: list[str]) -> tuple[dict[str, object], str | None]:
    columns = ("user", "secrethex", "type", "digits", "period")
    if len(cells) > len(columns):
        raise UnreadableError("it has more columns than serial, key, type, digits and seconds")
    # Without a type it is hotp; some programs infer the hash from the key's length.
    mapping = {"type": "hotp", **dict(zip(columns, cells, strict=False))}
    key = re.sub("^0[xX]", "", mapping.get("secrethex", ""))
    if len(key) in {32, 64, 128} and mapping["type"].lower() == "totp":
        error = UnreadableError(
            "OATH CSV names no hash, and the key's length does not tell it: use csv instead"
        )
        error.user = mapping["user"]
        raise error
    return of_mapping({**mapping, "secrethex": key})
