"""What was sent: the fields of a query, of JSON or of a form."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs

from lambdatotp import MAX_RECOVERY_CODES

from chalicelib.replies import bad_request

if TYPE_CHECKING:
    from collections.abc import Mapping

    from chalice.app import Request

FORM = "application/x-www-form-urlencoded"
CONTENT_TYPES = ["application/json", FORM]


def read(request: Request) -> dict[str, Any]:
    """Read the fields of a request."""
    if request.method not in {"POST", "PUT", "PATCH"}:
        return dict(request.query_params or {})
    raw = request.raw_body or b""
    if isinstance(raw, str):
        raw = raw.encode()
    if not raw.strip():
        raise bad_request('The request has no body. Send JSON, {"user": "..."}, or a form.')
    if request.headers.get("content-type", "").lower().startswith(FORM):
        try:
            form = parse_qs(
                raw.decode(), keep_blank_values=True, errors="strict", max_num_fields=100
            )
        except ValueError:
            raise bad_request("The body is not a form in UTF-8.") from None
        return {name: values[-1] for name, values in form.items()}
    try:
        body = json.loads(raw)
    except (ValueError, RecursionError):
        raise bad_request("The body is not valid JSON.") from None
    if not isinstance(body, dict):
        raise bad_request('The body is not a JSON object. Send {"user": "..."}.')
    return body


def text(fields: Mapping[str, Any], name: str) -> str:
    """Take a field that must be there, a string and not empty."""
    value = fields.get(name)
    if value is None or value == "":
        raise bad_request(f"{name} is missing.")
    if not isinstance(value, str):
        raise bad_request(f"{name} is not a string.")
    return value


def names(fields: Mapping[str, Any]) -> dict[str, str]:
    """Take the names that the authenticator app is to show, as far as they are given."""
    given = {name: fields[name] for name in ("account_name", "issuer") if name in fields}
    for name, value in given.items():
        if not isinstance(value, str):
            raise bad_request(f"{name} is not a string.")
    return given


def switch(fields: Mapping[str, Any], name: str) -> bool:
    """Take a yes or no, which a form sends as text; by default no."""
    value = fields.get(name, False)
    if isinstance(value, str):
        value = {"true": True, "false": False}.get(value)
    if not isinstance(value, bool):
        raise bad_request(f"{name} is not true or false.")
    return value


def number_of_codes(fields: Mapping[str, Any], name: str, default: int, *, least: int = 0) -> int:
    """Take a number of recovery codes, which a form sends as text."""
    value = fields.get(name, default)
    if isinstance(value, str) and value.isascii() and value.isdigit():
        value = int(value[:9])
    elif isinstance(value, float) and value.is_integer():
        value = int(value)  # 10.0 is the same number in JSON
    if (
        not isinstance(value, int)
        or isinstance(value, bool)
        or not least <= value <= MAX_RECOVERY_CODES
    ):
        raise bad_request(f"{name} is not a number from {least} to {MAX_RECOVERY_CODES}.")
    return value
