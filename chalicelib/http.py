"""What every route does the same way: who may call, what was sent, how errors look."""

from __future__ import annotations

import json
import os
from functools import wraps
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs

import lambdatotp
from chalice.app import Response

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from chalice.app import Chalice, Request

FORM = "application/x-www-form-urlencoded"
CONTENT_TYPES = ["application/json", FORM]

# No reply may be kept: one holds a secret, the others a verdict.
HEADERS = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}

# How long a client should wait for a table that does not answer, in seconds.
RETRY_AFTER = "2"


class Refusal(Exception):  # noqa: N818 - it is an answer, not an error
    """A reply other than success, as Chalice writes its own."""

    def __init__(self, status: int, code: str, message: str, **headers: str) -> None:
        super().__init__(message)
        self.response = reply(status, {"Code": code, "Message": message}, headers)


def reply(status: int, body: object, headers: Mapping[str, str] | None = None) -> Response:
    """Make a reply that nobody keeps."""
    return Response(body=body, status_code=status, headers={**HEADERS, **(headers or {})})


def token_configured() -> bool:
    """Tell whether callers must show a token."""
    return bool(os.environ.get("LAMBDATOTP_API_TOKEN"))


def _authorize(headers: Mapping[str, str]) -> None:
    token = os.environ.get("LAMBDATOTP_API_TOKEN")
    if not token:
        return
    import hmac  # noqa: PLC0415 - it loads OpenSSL, which costs a cold start milliseconds

    scheme, _, given = headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not hmac.compare_digest(
        given.strip().encode("utf-8", "replace"), token.encode("utf-8", "replace")
    ):
        raise Refusal(
            401,
            "UnauthorizedError",
            "Send the API token: Authorization: Bearer ...",
            **{"WWW-Authenticate": "Bearer"},
        )


def _bad_request(message: str) -> Refusal:
    return Refusal(400, "BadRequestError", message)


def _fields(request: Request) -> dict[str, Any]:
    if request.method not in {"POST", "PUT", "PATCH"}:
        return dict(request.query_params or {})
    raw = request.raw_body or b""
    if isinstance(raw, str):
        raw = raw.encode()
    if not raw.strip():
        raise _bad_request('The request has no body. Send JSON, {"user": "..."}, or a form.')
    if request.headers.get("content-type", "").lower().startswith(FORM):
        try:
            form = parse_qs(
                raw.decode(), keep_blank_values=True, errors="strict", max_num_fields=100
            )
        except ValueError:
            raise _bad_request("The body is not a form in UTF-8.") from None
        return {name: values[-1] for name, values in form.items()}
    try:
        body = json.loads(raw)
    except (ValueError, RecursionError):
        raise _bad_request("The body is not valid JSON.") from None
    if not isinstance(body, dict):
        raise _bad_request('The body is not a JSON object. Send {"user": "..."}.')
    return body


def field(fields: Mapping[str, Any], name: str) -> str:
    """Take a field that must be there, a string and not empty."""
    value = fields.get(name)
    if value is None or value == "":
        raise _bad_request(f"{name} is missing.")
    if not isinstance(value, str):
        raise _bad_request(f"{name} is not a string.")
    return value


def _refused(app: Chalice, error: lambdatotp.LambdaTotpError) -> Refusal:
    message = str(error)
    sentence = message[:1].upper() + message[1:] + "."
    if isinstance(error, lambdatotp.UserExistsError):
        return Refusal(409, "ConflictError", sentence)
    if isinstance(error, lambdatotp.UserNotFoundError):
        return Refusal(404, "NotFoundError", sentence)
    if isinstance(error, lambdatotp.InvalidUserError):
        return Refusal(400, "BadRequestError", sentence)
    if isinstance(error, lambdatotp.TooManyAttemptsError):
        after = {"Retry-After": str(error.retry_after)}
        return Refusal(429, "TooManyRequestsError", sentence, **after)
    if isinstance(error, lambdatotp.LockedError):
        return Refusal(423, "LockedError", sentence)
    # The rest is ours to mend, not the caller's: the log says what, the reply does not.
    app.log.error("%s: %s", type(error).__name__, message)
    return Refusal(
        503,
        "ServiceUnavailableError",
        "There is no verdict: the table could not be used. Try again.",
        **{"Retry-After": RETRY_AFTER},
    )


def answering(app: Chalice) -> Callable[[Callable[..., Response]], Callable[..., Response]]:
    """Give a route the request's fields, and turn what it raises into replies."""

    def decorate(view: Callable[..., Response]) -> Callable[..., Response]:
        @wraps(view)
        def answer(**path: str) -> Response:
            try:
                request = app.current_request
                if request is None:  # Chalice sets it before it calls a view
                    raise _bad_request("There is no request.")
                _authorize(request.headers)
                return view(_fields(request), **path)
            except Refusal as refusal:
                return refusal.response
            except lambdatotp.LambdaTotpError as error:
                return _refused(app, error).response

        return answer

    return decorate
