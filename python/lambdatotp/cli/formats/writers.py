"""Writing users, one after another, in the formats that `readers` reads."""

from __future__ import annotations

import csv
import io
import json
from typing import TYPE_CHECKING

from lambdatotp import KeyUri
from lambdatotp._lambdatotp import MAX_TRANSFER_KEYS, write_transfer

from .cells import neutral
from .rows import fields_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from lambdatotp._lambdatotp import StoredUser

COLUMNS = ("user", "secret", "algorithm", "digits", "period", "issuer")


class Writer:
    """Text for each user, and before and behind them."""

    head = ""
    tail = ""

    def __init__(self, issuer: str) -> None:
        self.issuer = issuer

    def write(self, user: StoredUser) -> str:
        """Return a user's text; ValueError if the format cannot hold them."""
        raise NotImplementedError

    def end(self) -> str:
        """Return what is still to be written."""
        return self.tail

    def _uri(self, user: StoredUser) -> KeyUri:
        return KeyUri(
            user.totp.secret,
            user.user,
            issuer=self.issuer,
            digits=user.totp.digits,
            algorithm=user.totp.algorithm,
            period=user.totp.period,
        )


class Lines(csv.excel):
    """A line a row, as on Unix."""

    lineterminator = "\n"


class QuotedLines(Lines):
    """The same with every cell in quotes."""

    quoting = csv.QUOTE_ALL


class Csv(Writer):
    """A line a user, with the columns named in the first one."""

    head = ",".join(COLUMNS) + "\n"

    def write(self, user: StoredUser) -> str:
        """Return a line."""
        line = io.StringIO()
        cells = [neutral(str({**fields_of(user), "issuer": self.issuer}[name])) for name in COLUMNS]
        # Where commas stand in numbers, spreadsheets part cells at semicolons.
        dialect = QuotedLines if any(";" in cell for cell in cells) else Lines
        csv.writer(line, dialect).writerow(cells)
        return line.getvalue()


class JsonLines(Writer):
    """An object a user, with everything that moves with them."""

    def write(self, user: StoredUser) -> str:
        """Return a line."""
        return json.dumps({**fields_of(user), "issuer": self.issuer}, ensure_ascii=False) + "\n"


class Uris(Writer):
    """A key URI a line."""

    def write(self, user: StoredUser) -> str:
        """Return a line."""
        return self._uri(user).uri + "\n"


class Migration(Writer):
    """Google Authenticator's transfers: a line for ten users, each a QR code by itself."""

    def __init__(self, issuer: str) -> None:
        super().__init__(issuer)
        self._waiting: list[KeyUri] = []

    def write(self, user: StoredUser) -> str:
        """Return a line for every tenth user."""
        key = self._uri(user)
        write_transfer([key])
        self._waiting.append(key)
        return self.end() if len(self._waiting) == MAX_TRANSFER_KEYS else ""

    def end(self) -> str:
        """Return the last line."""
        waiting, self._waiting = self._waiting, []
        return write_transfer(waiting) + "\n" if waiting else ""


WRITERS: dict[str, Callable[[str], Writer]] = {
    "jsonl": JsonLines,
    "csv": Csv,
    "uri": Uris,
    "migration": Migration,
}
