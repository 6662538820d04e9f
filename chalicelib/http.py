"""What every route does the same way: who may call, what was sent, how errors look."""

from __future__ import annotations

import json
import logging
from functools import wraps
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs

import lambdatotp
from chalice.app import Response

from chalicelib import access, audit, config

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from chalice.app import Chalice, Request

FORM = "application/x-www-form-urlencoded"
CONTENT_TYPES = ["application/json", FORM]

# No reply may be kept: one holds a secret, the others a verdict.
HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "Strict-Transport-Security": "max-age=31536000",
    "X-Content-Type-Options": "nosniff",
}

# Recovery codes that a user can have.
MAX_CODES = 20

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


def warn_if_open() -> None:
    """Say once, at the start, that whoever has the URL may call."""
    if not (access.tokens_configured() or config.IAM_AUTHORIZATION):
        # The log of the app itself, which is Chalice's, drops warnings.
        logging.getLogger(__name__).warning(
            "Whoever knows the URL may register users and check codes: set %s", access.TOKENS
        )


def _authorize(request: Request) -> None:
    if access.tokens_configured() and not access.shows_a_token(request.headers):
        raise Refusal(
            401,
            "UnauthorizedError",
            "Send the API token: Authorization: Bearer ...",
            **{"WWW-Authenticate": "Bearer"},
        )


def admin(app: Chalice) -> Callable[[Callable[..., Response]], Callable[..., Response]]:
    """Refuse a route to everybody while nobody has to prove who they are."""

    def decorate(view: Callable[..., Response]) -> Callable[..., Response]:
        @wraps(view)
        def answer(*fields: Any, **path: str) -> Response:  # noqa: ANN401 - handed on
            request = app.current_request
            signed = request is not None and access.signed(request)
            if not (access.tokens_configured() or signed):
                message = f"Set {access.TOKENS} to allow this."
                raise Refusal(403, "ForbiddenError", message)
            return view(*fields, **path)

        return answer

    return decorate


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


def count(fields: Mapping[str, Any], name: str, default: int, *, least: int = 0) -> int:
    """Take a number of recovery codes, which a form sends as text."""
    value = fields.get(name, default)
    if isinstance(value, str) and value.isascii() and value.isdigit():
        value = int(value[:9])
    if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= MAX_CODES:
        raise _bad_request(f"{name} is not a number from {least} to {MAX_CODES}.")
    return value


def _refused(app: Chalice, error: lambdatotp.LambdaTotpError, user: str) -> Refusal:
    message = str(error)
    sentence = message[:1].upper() + message[1:] + "."
    if isinstance(error, lambdatotp.UserExistsError):
        return Refusal(409, "ConflictError", sentence)
    if isinstance(error, lambdatotp.UserNotFoundError):
        return Refusal(404, "NotFoundError", sentence)
    if isinstance(error, lambdatotp.InvalidUserError):
        return Refusal(400, "BadRequestError", sentence)
    if isinstance(error, lambdatotp.TooManyAttemptsError):
        audit.event("throttled", user)
        after = {"Retry-After": str(error.retry_after)}
        return Refusal(429, "TooManyRequestsError", sentence, **after)
    if isinstance(error, lambdatotp.LockedError):
        audit.event("locked", user)
        return Refusal(423, "LockedError", sentence)
    # The rest is ours to mend, not the caller's: the log says what, the reply does not.
    audit.event("unavailable", user)
    app.log.error("%s: %s", type(error).__name__, message)
    return Refusal(
        503,
        "ServiceUnavailableError",
        "There is no verdict: the table could not be used. Try again.",
        **{"Retry-After": RETRY_AFTER},
    )


def answering(
    app: Chalice, *, public: bool = False
) -> Callable[[Callable[..., Response]], Callable[..., Response]]:
    """Give a route the request's fields, and turn what it raises into replies.

    A public route asks for no token.
    """

    def decorate(view: Callable[..., Response]) -> Callable[..., Response]:
        @wraps(view)
        def answer(**path: str) -> Response:
            audit.begin()
            user = ""
            try:
                request = app.current_request
                if request is None:  # Chalice sets it before it calls a view
                    raise _bad_request("There is no request.")
                if not public:
                    _authorize(request)
                fields = _fields(request)
                user = str(fields.get("user") or path.get("user_id", ""))
                return view(fields, **path)
            except Refusal as refusal:
                return refusal.response
            except lambdatotp.LambdaTotpError as error:
                return _refused(app, error, user).response

        return answer

    return decorate
