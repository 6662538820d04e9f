"""Every format that is read, and how a file's is told.

Tables, lines of JSON and key URIs are read line by line, whatever their size. The exports
of other programs are documents, which are read whole.
"""

from __future__ import annotations

import json
from contextlib import contextmanager
from dataclasses import replace
from itertools import islice
from typing import TYPE_CHECKING, Any

from lambdatotp._lambdatotp import read_transfer

from .documents import DOCUMENTS, Document, items, kind_of
from .pictures import texts_of
from .pskc import read_pskc
from .rows import (
    STATE,
    Row,
    Twice,
    UnreadableError,
    load_json,
    of_mapping,
    of_uri,
    parse_uri,
    plain,
    refuse_strangers,
    refuse_twins,
    row_of,
    unused,
    user_of,
)
from .source import PICTURES, Source, has_pictures, opened
from .tables import OATH, read_csv, read_oath

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from .rows import User

__all__ = ["FORMATS", "Source", "detect", "has_pictures", "opened", "read"]

# How many missing parts of a transfer, or unused names, are listed.
MISSING, UNUSED = 10, 50

SCHEME, MIGRATION, STEAM = "otpauth://", "otpauth-migration://", "steam://"


def detect(source: Source) -> str:
    """Tell what a file is, by how it begins."""
    if source.folder is not None or source.head.startswith(PICTURES):
        return "picture"
    source.refuse_other_kinds()
    line = source.first_line()
    if not line:
        raise UnreadableError("the file is empty")
    if line.lower().startswith((SCHEME, MIGRATION, STEAM)):
        return "uri"
    if line.startswith("<"):
        return "pskc"
    if not line.startswith(("{", "[")):
        return "oath" if OATH.match(line) else "csv"
    try:
        first: object = load_json(line)
    except (ValueError, RecursionError):
        return "json"
    return "json" if not isinstance(first, dict) or kind_of(first) else "jsonl"


def read(source: Source, form: str = "auto") -> Iterator[Row]:
    """Read users one after another.

    Raises:
        UnreadableError: The file as a whole is not what it should be.
    """
    if form == "auto":
        form = detect(source)
    if source.folder is not None and form != "picture":
        raise UnreadableError("it is a folder: only pictures are read from one")
    reader = READERS.get(form)
    return reader(source) if reader else _document(source, form)


def _jsonl(source: Source) -> Iterator[Row]:
    for number, line in enumerate(source.lines(), 1):
        if line.strip():
            yield row_of(number, lambda text: _of_json(text, source), line)


def _of_json(line: str, source: Source) -> User:
    try:
        mapping = load_json(line)
    except (ValueError, RecursionError):
        raise UnreadableError("it is not JSON") from None
    # Only our own lines bring a user's history.
    ours = isinstance(mapping, dict) and {"user", "secret"} <= mapping.keys()
    return _of_object(mapping, source, (*STATE, "pending") if ours else ())


def _of_object(mapping: object, source: Source, state: tuple[str, ...] = ()) -> User:
    if not isinstance(mapping, dict):
        raise UnreadableError("it is not a JSON object")
    # Vault's replies have theirs one level down.
    inner, whole = mapping.get("data"), mapping
    mapping = inner if isinstance(inner, dict) else mapping
    parts: dict[str, Any] = {}
    for name, value in mapping.items():
        key = name if name in state else plain(name)
        if key in parts and value is not None:
            raise UnreadableError("two of its parts have the same name")
        parts[key] = value
    with told_of(parts):
        refuse_twins(whole)
        names = unused(mapping, state)
        for name, value in mapping.items():
            if name not in state:
                refuse_strangers(value)
        if mapping is inner:
            refuse_strangers({**whole, "data": None}, {"lease_duration"})
    if len(source.unused) < UNUSED:
        source.unused.update(dict.fromkeys(names))
    return of_mapping(parts, state)


def _uris(source: Source) -> Iterator[Row]:
    return _of_texts((Row(n, {}), line.strip()) for n, line in enumerate(source.lines(), 1))


def _pictures(source: Source) -> Iterator[Row]:
    return _of_texts(texts_of(source))


def _of_texts(texts: Iterable[tuple[Row, str]]) -> Iterator[Row]:
    """Read key URIs and Google's transfers, each with its place."""
    transfers: dict[int, tuple[int, set[int]]] = {}
    place = Row(0, {})
    for place, text in texts:
        if place.problem:
            yield place
        elif text.lower().startswith(MIGRATION):
            for row in _migration(place.line, text, transfers):
                yield replace(row, unit=place.unit, file=place.file)
        elif text and not text.startswith("#"):
            row = row_of(place.line, parse_uri, text)
            yield replace(row, unit=place.unit, file=place.file)
    for parts, seen in transfers.values():
        # A damaged transfer may have any number of parts.
        missing = list(
            islice((str(part + 1) for part in range(parts) if part not in seen), MISSING)
        )
        if missing:
            missing += ["..."] * (len(missing) == MISSING)
            problem = f"part {', '.join(missing)} of {parts} of a transfer is not in the file"
            yield replace(place, problem=problem)


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
            yield row_of(line, of_uri, read.key)


def _document(source: Source, form: str) -> Iterator[Row]:
    lines = list(source.lines())
    try:
        document: object = load_json("".join(lines))
    except (ValueError, RecursionError) as error:
        if form == "json" and any(map(_is_object, lines)):
            # A bad line stops no other line.
            source.again(lines)
            yield from _jsonl(source)
            return
        raise UnreadableError(f"the file is not JSON{_where(error)}") from None
    if isinstance(document, Twice):
        refuse_twins(document)
    kind = kind_of(document)
    if form not in {"json", kind}:
        raise UnreadableError(f"the file is not an export of the format {form}")
    if kind:
        known = DOCUMENTS[kind]
        entries = known.entries(document)
        if not isinstance(entries, list):
            raise UnreadableError(f"the file is not an export of the format {kind}")
        for number, entry in enumerate(entries, 1):
            row = row_of(number, lambda entry: _of_entry(known, entry), entry)
            row.unit = "entry"
            if row.problem or row.fields:
                yield row
            else:
                source.without_key += 1
        return
    for number, entry in enumerate(items(document), 1):
        row = row_of(number, lambda entry: _of_object(entry, source), entry)
        row.unit = "entry"
        yield row


def _of_entry(known: Document, entry: object) -> User:
    parts = known.read(entry)
    with told_of(parts or {}):
        refuse_twins(entry)
        if parts is None:
            return {}, None
        # Of a pair, the last belongs to the key.
        refuse_strangers(entry[-1] if isinstance(entry, tuple) else entry, known.names)
    return of_mapping(parts)


@contextmanager
def told_of(parts: Mapping[str, Any]) -> Iterator[None]:
    """Name the user with what is refused."""
    try:
        yield
    except UnreadableError as error:
        error.user = user_of(parts)
        raise


def _is_object(line: str) -> bool:
    try:
        value = load_json(line)
    except (ValueError, RecursionError):
        return False
    return isinstance(value, dict) and bool(value)


def _where(error: Exception) -> str:
    if isinstance(error, json.JSONDecodeError):
        return f": line {error.lineno}, column {error.colno}"
    return " that can be read"


READERS: dict[str, Callable[[Source], Iterator[Row]]] = {
    "csv": read_csv,
    "jsonl": _jsonl,
    "uri": _uris,
    "migration": _uris,
    "oath": read_oath,
    "pskc": read_pskc,
    "picture": _pictures,
}

FORMATS = ("auto", *READERS, *DOCUMENTS)
