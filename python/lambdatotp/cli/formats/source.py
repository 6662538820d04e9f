"""A file of users, being read: what it is made of, and what of it is not read."""

from __future__ import annotations

import codecs
import io
import sys
from contextlib import contextmanager
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from .rows import UnreadableError

if TYPE_CHECKING:
    from collections.abc import Iterator

# PNG, JPEG, WebP, GIF.
PICTURES = (b"\x89PNG\r\n", b"\xff\xd8\xff", b"RIFF", b"GIF8")

# How binary files begin, and what to do about them.
OTHERS = {
    b"PK\x03\x04": "it is a zip archive: unpack it, and import the files in it",
    b"\x1f\x8b": "it is compressed (gzip): unpack it first",
    b"BZh": "it is compressed (bzip2): unpack it first",
    b"\xfd7zXZ\0": "it is compressed (xz): unpack it first",
    b"\x28\xb5\x2f\xfd": "it is compressed (zstd): unpack it first",
    b"7z\xbc\xaf\x27\x1c": "it is a 7z archive: unpack it, and import the files in it",
    b"Rar!": "it is a RAR archive: unpack it, and import the files in it",
    b"\xd0\xcf\x11\xe0": "it is an old Office file: save the sheet as CSV",
    b"{\\rtf": "it is a text with formatting (RTF): save it as plain text",
    b"\xff\xfe\0\0": "it is UTF-32: save it as UTF-8",
    b"\0\0\xfe\xff": "it is UTF-32: save it as UTF-8",
    b"%PDF": "it is a PDF: import pictures of the QR codes, or the key URIs as text",
    b"SQLite format 3": "it is an SQLite database: write users and secrets to a CSV file",
    b"\x03\xd9\xa2\x9a": "it is a KeePass database: export it as CSV",
    b"Salted__": "it is encrypted (OpenSSL): decrypt it first",
    b"-----BEGIN PGP": "it is encrypted (PGP): decrypt it first",
    b"age-encryption.org": "it is encrypted (age): decrypt it first",
}


class Source:
    """A file of users, being read."""

    def __init__(self, raw: io.BufferedReader[Any]) -> None:
        self.raw = raw
        start = raw.peek(512)
        self.head = start[:64]
        self.tar = start[257:262] == b"ustar"
        utf_16 = self.head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
        # One of them may be a cell's, which costs its row only.
        self.binary = not utf_16 and self.head.count(0) > len(self.head) // 16
        # Invalid UTF-8 is refused where it occurs, not with the whole file.
        errors = "replace" if utf_16 else "surrogateescape"
        encoding = "utf-16" if utf_16 else "utf-8-sig"
        self.text = io.TextIOWrapper(raw, encoding, errors=errors, newline="")
        self.size: int | None = None
        if raw.seekable():
            at = raw.tell()
            self.size = raw.seek(0, io.SEEK_END)
            raw.seek(at)
        self.folder: list[Path] | None = None
        self._seen: list[str] = []
        # Names of unused columns, and how many entries have no key.
        self.unused: dict[str, None] = {}
        self.without_key = 0

    def position(self) -> int:
        """How many bytes have been read."""
        return self.raw.tell() if self.size is not None else 0

    def first_line(self) -> str:
        """Return the first line that says something, without taking it away."""
        for line in chain(list(self._seen), self._more()):
            if (text := line.strip()) and not text.startswith("#"):
                return text
        return ""

    def _more(self) -> Iterator[str]:
        for line in self.text:
            self._seen.append(line)
            yield line

    def lines(self) -> Iterator[str]:
        """Return every line, with its end."""
        seen, self._seen = self._seen, []
        return chain(seen, self.text)

    def again(self, lines: list[str]) -> None:
        """Give lines back, to be read once more."""
        self._seen = lines

    def refuse_other_kinds(self) -> None:
        """Raise UnreadableError, and name it, if it is a file of another kind than text."""
        for start, problem in OTHERS.items():
            if self.head.startswith(start):
                raise UnreadableError(problem)
        if self.head.lower().startswith((b"<!doctype html", b"<html")):
            raise UnreadableError("it is a web page: import the file that the page offers")
        if self.tar:
            raise UnreadableError("it is a tar archive: unpack it, and import the files in it")
        if self.binary:
            zeros = sorted(half.count(0) for half in (self.head[::2], self.head[1::2]))
            if not zeros[0] and zeros[1] > len(self.head) // 4:
                raise UnreadableError("it is UTF-16 without its mark: save it as UTF-8")
            raise UnreadableError(
                "it is not text: perhaps an encrypted export. Export it unencrypted"
            )


def has_pictures(folder: Path) -> bool:
    """Tell whether there is a picture in a folder."""
    for path in folder.iterdir():
        if path.is_file():
            with path.open("rb") as file:
                if file.read(8).startswith(PICTURES):
                    return True
    return False


@contextmanager
def opened(path: str) -> Iterator[Source]:
    """Open a file, or standard input for "-"."""
    if path == "-":
        # Wrapped again: not every stand-in can be peeked into.
        buffered = io.BufferedReader(cast("io.RawIOBase", sys.stdin.buffer))
        source = Source(buffered)
        try:
            yield source
        finally:
            source.text.detach()
            buffered.detach()
    elif Path(path).is_dir():
        source = Source(io.BufferedReader(cast("io.RawIOBase", io.BytesIO())))
        # Hidden files were put there by programs.
        source.folder = sorted(p for p in Path(path).iterdir() if not p.name.startswith("."))
        source.size = None
        yield source
    else:
        with open(path, "rb") as file:  # noqa: PTH123 - what peek() belongs to
            yield Source(file)
