"""How replies look: nobody keeps them, and refusals are written as Chalice writes its own."""

from __future__ import annotations

from typing import TYPE_CHECKING

import lambdatotp
from chalice.app import Response

if TYPE_CHECKING:
    from collections.abc import Mapping

# No reply may be kept: one holds a secret, the others a verdict.
HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "Strict-Transport-Security": "max-age=31536000",
    "X-Content-Type-Options": "nosniff",
}

# How long a client should wait for a table that does not answer, in seconds.
RETRY_AFTER = "2"

# What an error is to the caller: status and code.
REFUSALS: tuple[tuple[type[lambdatotp.LambdaTotpError], int, str], ...] = (
    (lambdatotp.UserExistsError, 409, "ConflictError"),
    (lambdatotp.UserNotFoundError, 404, "NotFoundError"),
    (lambdatotp.NoRotationError, 409, "ConflictError"),
    (lambdatotp.InvalidUserError, 400, "BadRequestError"),
    (lambdatotp.InvalidLabelError, 400, "BadRequestError"),
    (lambdatotp.TooManyAttemptsError, 429, "TooManyRequestsError"),
    (lambdatotp.LockedError, 423, "LockedError"),
)


class Refusal(Exception):  # noqa: N818 - it is an answer, not an error
    """A reply other than success, and what the app itself tells the audit trail of it."""

    def __init__(
        self, status: int, code: str, message: str, *, outcome: str | None = None, **headers: str
    ) -> None:
        super().__init__(message)
        self.outcome = outcome
        self.response = reply(status, {"Code": code, "Message": message}, headers)


def reply(status: int, body: object, headers: Mapping[str, str] | None = None) -> Response:
    """Make a reply that nobody keeps."""
    return Response(body=body, status_code=status, headers={**HEADERS, **(headers or {})})


def bad_request(message: str) -> Refusal:
    """Refuse what cannot be read."""
    return Refusal(400, "BadRequestError", message)


def refusal(error: lambdatotp.LambdaTotpError) -> Refusal:
    """Turn what `lambdatotp` raised into a reply."""
    message = str(error)
    sentence = message[:1].upper() + message[1:] + "."
    for kind, status, code in REFUSALS:
        if isinstance(error, kind):
            after = getattr(error, "retry_after", None)
            headers = {} if after is None else {"Retry-After": str(after)}
            return Refusal(status, code, sentence, **headers)
    # The rest is ours to fix, not the caller's: the log says what, the reply does not.
    said = "the table could not be used. Try again."
    if isinstance(error, lambdatotp.ConfigurationError):
        said = "the app is not configured correctly. Its log says what to change."
    elif isinstance(error, lambdatotp.InternalError):
        said = "the app failed. Try again; its log says where."
    return Refusal(
        503,
        "ServiceUnavailableError",
        f"There is no verdict: {said}",
        **{"Retry-After": RETRY_AFTER},
    )
