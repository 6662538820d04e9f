"""Reading users: CSV, JSON lines, key URIs, and the exports of other programs.

The first three are read line by line, whatever their size. The exports of authenticator
apps and django-otp are one JSON document each, which is read whole.
"""

from __future__ import annotations

import codecs
import csv
import io
import json
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, cast

from lambdatotp._lambdatotp import read_transfer

from .cells import original
from .rows import NAMES, Row, UnreadableError, from_bytes, from_hex, of_mapping, of_uri, parse_uri

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from .rows import User

# How much is looked at to tell what a file is.
HEAD_BYTES = 4096

FORMATS = ("auto", "csv", "jsonl", "uri", "migration", "freeotp", "aegis", "django")

SCHEME, MIGRATION = "otpauth://", "otpauth-migration://"


class Source:
    """A file of users, being read."""

    def __init__(self, raw: io.BufferedReader[Any]) -> None:
        head = raw.peek(HEAD_BYTES)[:HEAD_BYTES]
        utf_16 = head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
        encoding = "utf-16" if utf_16 else "utf-8-sig"
        self.raw = raw
        self.head = head.decode(encoding, "ignore")
        # What is not UTF-8 is refused where it stands, not with the rest of the file.
        errors = "replace" if utf_16 else "surrogateescape"
        self.text = io.TextIOWrapper(raw, encoding, errors=errors, newline="")
        self.size: int | None = None
        if raw.seekable():
            at = raw.tell()
            self.size = raw.seek(0, io.SEEK_END)
            raw.seek(at)

    def position(self) -> int:
        """How many bytes have been read."""
        return self.raw.tell() if self.size is not None else 0

    def first_line(self) -> str:
        """Return the first line that says something."""
        lines = (line.strip() for line in self.head.splitlines())
        return next((line for line in lines if line and not line.startswith("#")), "")


@contextmanager
def opened(path: str) -> Iterator[Source]:
    """Open a file, or standard input for "-"."""
    if path == "-":
        # Wrapped once more: not everything that stands in for it can be peeked into.
        buffered = io.BufferedReader(cast("io.RawIOBase", sys.stdin.buffer))
        source = Source(buffered)
        try:
            yield source
        finally:
            source.text.detach()
            buffered.detach()
    else:
        with open(path, "rb") as file:  # noqa: PTH123 - what peek() belongs to
            yield Source(file)


def detect(source: Source) -> str:
    """Tell what a file is, by how it begins."""
    line = source.first_line()
    if not line:
        raise UnreadableError("the file is empty")
    if line.lower().startswith((SCHEME, MIGRATION)):
        return "uri"
    if not line.startswith(("{", "[")):
        return "csv"
    try:
        first: object = json.loads(line)
    except (ValueError, RecursionError):
        return "json"
    whole = not isinstance(first, dict) or "tokens" in first or {"db", "header"} <= set(first)
    return "json" if whole else "jsonl"


def read(source: Source, form: str = "auto") -> Iterator[Row]:
    """Read users one after another.

    Raises:
        UnreadableError: The file as a whole is not what it should be.
    """
    if form == "auto":
        form = detect(source)
    reader = READERS.get(form)
    return reader(source) if reader else _document(source, form)


def _row(line: int, read: Callable[[Any], User], given: object) -> Row:
    try:
        fields, issuer = read(given)
    except UnreadableError as error:
        return Row(line, {}, problem=str(error))
    return Row(line, fields, issuer)


def _csv(source: Source) -> Iterator[Row]:
    header = source.first_line()
    delimiter = max(",;\t", key=header.count)
    lines = csv.reader(source.text, delimiter=delimiter, strict=True)
    names: list[str] = []
    while True:
        try:
            cells = next(lines, None)
        except csv.Error as error:
            yield Row(lines.line_num, {}, problem=f"it is no CSV: {error}")
            continue
        if cells is None:
            return
        if not any(cells) or (not names and cells[0].startswith("#")):
            continue
        if not names:
            names = [cell.strip().lower() for cell in cells]
            _check_header(names)
        elif len(cells) > len(names):
            yield Row(lines.line_num, {}, problem="it has more columns than the first line")
        else:
            mapping = dict(zip(names, map(original, cells), strict=False))
            yield _row(lines.line_num, of_mapping, mapping)


def _check_header(names: list[str]) -> None:
    known = set(names)
    secret = {*NAMES["secret"], *NAMES["secret_hex"]}
    if not (known & {*NAMES["uri"]} or (known & {*NAMES["user"]} and known & secret)):
        raise UnreadableError(
            "the first line does not name the columns: user and secret, or uri; "
            "and perhaps issuer, algorithm, digits, period"
        )


def _jsonl(source: Source) -> Iterator[Row]:
    for number, line in enumerate(source.text, 1):
        if line.strip():
            yield _row(number, _of_json, line)


def _of_json(line: str) -> User:
    try:
        mapping = json.loads(line)
    except (ValueError, RecursionError):
        raise UnreadableError("it is no JSON") from None
    return _of_object(mapping)


def _of_object(mapping: object) -> User:
    if not isinstance(mapping, dict):
        raise UnreadableError("it is no JSON object")
    # Vault's replies have theirs one level down.
    inner = mapping.get("data")
    return of_mapping(inner if isinstance(inner, dict) else mapping)


def _uris(source: Source) -> Iterator[Row]:
    transfers: dict[int, tuple[int, set[int]]] = {}
    number = 0
    for number, line in enumerate(source.text, 1):
        text = line.strip()
        if text.lower().startswith(MIGRATION):
            yield from _migration(number, text, transfers)
        elif text and not text.startswith("#"):
            yield _row(number, parse_uri, text)
    for parts, seen in transfers.values():
        missing = [str(part + 1) for part in range(parts) if part not in seen]
        if missing:
            problem = f"part {', '.join(missing)} of {parts} of a transfer is not in the file"
            yield Row(number, {}, problem=problem)


def _migration(line: int, text: str, transfers: dict[int, tuple[int, set[int]]]) -> Iterator[Row]:
    try:
        transfer = read_transfer(text)
    except ValueError as error:
        yield Row(line, {}, problem=str(error))
        return
    _, seen = transfers.setdefault(transfer.batch_id, (transfer.batch_size, set()))
    seen.add(transfer.batch_index)
    for read in transfer.keys:
        if read.key is None:
            yield Row(line, {}, problem=read.problem)
        else:
            yield _row(line, of_uri, read.key)


def _document(source: Source, form: str) -> Iterator[Row]:
    try:
        document: object = json.load(source.text)
    except (ValueError, RecursionError) as error:
        raise UnreadableError(f"the file is no JSON{_where(error)}") from None
    found, entries = _entries(document)
    if form not in {"json", found} or not isinstance(entries, list):
        expected = found if form == "json" else form
        raise UnreadableError(f"the file is no export of the format {expected}")
    for number, entry in enumerate(entries, 1):
        row = _row(number, ENTRIES[found], entry)
        # Of the rest of a Django database there is nothing to say.
        if row.fields or row.problem:
            yield row


def _entries(document: object) -> tuple[str, object]:
    if isinstance(document, list):
        return "django", document
    if isinstance(document, dict) and "db" in document:
        return "aegis", _aegis_entries(document)
    if isinstance(document, dict) and "tokens" in document:
        return "freeotp", document["tokens"]
    return "json", [document]


def _where(error: Exception) -> str:
    if isinstance(error, json.JSONDecodeError):
        return f": line {error.lineno}, column {error.colno}"
    return " that can be read"


def _part(entry: object, name: str, kind: type) -> Any:  # noqa: ANN401 - of that kind
    value = entry.get(name) if isinstance(entry, dict) else None
    if not isinstance(value, kind):
        raise UnreadableError(f"it has no {name}")
    return value


def _aegis_entries(document: dict[str, Any]) -> object:
    if isinstance(document["db"], str):
        raise UnreadableError("the export is encrypted: export it once more, unencrypted")
    return document["db"].get("entries") if isinstance(document["db"], dict) else None


def _aegis(entry: object) -> User:
    info, kind = _part(entry, "info", dict), _part(entry, "type", str)
    return of_mapping(
        {
            "user": _part(entry, "name", str),
            "issuer": _part(entry, "issuer", str),
            "secret": _part(info, "secret", str),
            "algo": info.get("algo"),
            "digits": info.get("digits"),
            "period": info.get("period"),
            "type": kind,
        }
    )


def _freeotp(entry: object) -> User:
    key = _part(entry, "secret", list)
    try:
        # Java's bytes have a sign.
        secret = from_bytes(bytes(byte & 0xFF for byte in key))
    except TypeError:
        raise UnreadableError("the secret is not a list of bytes") from None
    token = entry if isinstance(entry, dict) else {}
    return of_mapping(
        {
            "user": _part(entry, "label", str),
            "issuer": token.get("issuerExt") or token.get("issuerInt"),
            "secret": secret,
            "algo": token.get("algo"),
            "digits": token.get("digits"),
            "period": token.get("period"),
            "type": _part(entry, "type", str),
        }
    )


def _django(entry: object) -> User:
    """Read an object of `manage.py dumpdata otp_totp`, or of a plain list of users."""
    if not isinstance(entry, dict) or "model" not in entry:
        return _of_object(entry)
    if entry["model"] != "otp_totp.totpdevice":
        return {}, None
    device = _part(entry, "fields", dict)
    if not device.get("confirmed", True):
        raise UnreadableError("the device was never confirmed")
    if device.get("t0"):
        raise UnreadableError("its steps do not count from 1970 (t0)")
    user = device.get("user")
    fields, issuer = of_mapping(
        {
            # A natural key is a list (`--natural-foreign`); otherwise it is a number.
            "user": user[0] if isinstance(user, list) and len(user) == 1 else user,
            "secret": from_hex(_part(device, "key", str)),
            "digits": device.get("digits"),
            "period": device.get("step"),
        }
    )
    last = device.get("last_t")
    if isinstance(last, int) and last >= 0:
        fields["last_step"] = last
    return fields, issuer


# What reads an entry of a document.
ENTRIES: dict[str, Callable[[Any], User]] = {
    "aegis": _aegis,
    "django": _django,
    "freeotp": _freeotp,
    "json": _of_object,
}

READERS: dict[str, Callable[[Source], Iterator[Row]]] = {
    "csv": _csv,
    "jsonl": _jsonl,
    "uri": _uris,
    "migration": _uris,
}
