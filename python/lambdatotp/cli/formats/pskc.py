"""PSKC, RFC 6030: XML with keys that are not encrypted."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree as ET

from .documents import decoded
from .rows import Row, UnreadableError, of_mapping, row_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .rows import User
    from .source import Source

TOTP = "urn:ietf:params:xml:ns:keyprov:pskc:totp"


def read_pskc(source: Source) -> Iterator[Row]:
    """Read the keys of a container; the user is UserId, or else the serial number."""
    text = "".join(source.lines())
    encoding = re.match("<[?]xml[^>]*encoding=.([A-Za-z0-9_-]+)", text)
    if encoding and encoding[1].upper() not in {"UTF-8", "UTF-16", "US-ASCII"}:
        raise UnreadableError(f"it is XML in {encoding[1]}: save it as UTF-8")
    if "<!" in text.replace("<!--", ""):
        raise UnreadableError("it is XML with a document type, which no key file needs: remove it")
    try:
        root = ET.fromstring(text)  # noqa: S314 - there is no entity in it
    except UnicodeEncodeError:
        raise UnreadableError("the file is not UTF-8: save it as UTF-8") from None
    except (ET.ParseError, ValueError) as error:
        raise UnreadableError(f"the file is not XML: {error}") from None
    for element in root.iter():
        element.tag = element.tag.rpartition("}")[2]
    if root.tag != "KeyContainer":
        raise UnreadableError("it is XML, but not a PSKC key container")
    for number, package in enumerate(root.iter("KeyPackage"), 1):
        row = row_of(number, _of_package, package)
        row.unit = "entry"
        yield row


def _of_package(package: ET.Element) -> User:
    key = package.find("Key")
    if key is None:
        raise UnreadableError("it has no Key")
    names = ("Key/UserId", "DeviceInfo/UserId", "DeviceInfo/SerialNo")
    texts = (package.findtext(name, "").strip() for name in names)
    parts: dict[str, Any] = {"user": next(filter(None, texts), key.get("Id"))}
    try:
        return of_mapping({**parts, **_parts(key)})
    except UnreadableError as error:
        error.user = parts["user"] or ""
        raise


def _parts(key: ET.Element) -> dict[str, Any]:
    if next(key.iter("EncryptedValue"), None) is not None:
        raise UnreadableError("its key is encrypted: export with plain values")
    form = key.find("AlgorithmParameters/ResponseFormat")
    form = ET.Element("ResponseFormat") if form is None else form
    if form.get("Encoding", "DECIMAL") != "DECIMAL" or form.get("CheckDigits", "false") != "false":
        raise UnreadableError("its codes are not plain digits")
    return {
        "type": "totp" if key.get("Algorithm") == TOTP else key.get("Algorithm") or "unknown",
        "issuer": key.findtext("Issuer"),
        "secret": decoded(key.findtext("Data/Secret/PlainValue", "").strip()),
        "algorithm": key.findtext("AlgorithmParameters/Suite"),
        "digits": form.get("Length"),
        "period": key.findtext("Data/TimeInterval/PlainValue"),
        "counter": key.findtext("Data/Counter/PlainValue"),
    }
