r"""A second factor as a plain Lambda function, behind an HTTP API or a function URL.

    LAMBDATOTP_EMBEDDED=:memory: SESSION_KEY=dev python examples/lambda_handler.py

prints the reply to an enrollment. The password comes first, and elsewhere: behind an HTTP
API, a JWT authorizer (of Cognito, say) has checked it, and its claims name the user; a
function URL with AuthType AWS_IAM is called by your own backend, which names the user in
the body. Whoever passes gets a signed cookie, and other functions ask `passed` for it.

To package it, with the handler lambda_handler.handler on Python 3.10 or newer:

    make wheel
    pip install --target out/function --platform manylinux2014_x86_64 --only-binary :all: \
        out/lambda/lambdatotp-*.whl
    cp examples/lambda_handler.py out/function/
    (cd out/function && python -m zipfile -c ../function.zip *)

Its role needs dynamodb:PutItem, dynamodb:UpdateItem and, for changes of phone,
dynamodb:GetItem on the one table, its configuration LAMBDATOTP_TABLE_NAME, LAMBDATOTP_KEYS, which
seals the secrets, and SESSION_KEY: `openssl rand -hex 32`.
"""

import base64
import hashlib
import hmac
import json
import logging
import os
import time
from contextlib import suppress
from typing import Any

import lambdatotp

KEY = os.environ["SESSION_KEY"].encode()
COOKIE = "__Host-second-factor"
SESSION_SECONDS = 12 * 3600

trail = logging.getLogger("audit")
trail.setLevel(logging.INFO)


def audit(event: lambdatotp.AuditEvent) -> None:
    """Keep an audit trail: a line of JSON an event. Lambda puts its request id before it."""
    trail.info(json.dumps(event._asdict()))


# A registration that no code follows within ten minutes may be started again.
verifier = lambdatotp.Verifier(issuer="Lambda example", enrollment_ttl=600, audit=audit)
# Lambda lends the start a whole CPU, and nobody waits yet. (For a snapshot it says
# "snap-start": no connection would outlive that.)
if os.environ.get("AWS_LAMBDA_INITIALIZATION_TYPE") in {"on-demand", "provisioned-concurrency"}:
    # Whatever is wrong is wrong for the first request, too, which will say so.
    with suppress(lambdatotp.LambdaTotpError):
        verifier.connect()

Event = dict[str, Any]
Reply = dict[str, Any]


def handler(event: Event, _context: object) -> Reply:
    """Answer an event of version 2.0."""
    try:
        return _route(event)
    except lambdatotp.LambdaTotpError as error:
        return _refusal(error)


def passed(event: Event, user: str) -> bool:
    """Tell whether this user has shown a code: for every function that must know."""
    for cookie in event.get("cookies", []):
        name, _, value = cookie.partition("=")
        until, _, seal = value.partition(".")
        if name == COOKIE and hmac.compare_digest(seal.encode(), _seal(user, until).encode()):
            return int(until) > time.time()
    return False


def _route(event: Event) -> Reply:  # noqa: PLR0911 - one a route
    context, body = event["requestContext"], _body(event)
    if body is None:
        return _reply(400, {"message": "The body is no JSON object."})
    user = _user(context.get("authorizer") or {}, body)
    if user is None:
        return _reply(401, {"message": "Log in first."})
    match context["http"]["method"], event["rawPath"].removeprefix(f"/{context['stage']}"):
        case "POST", "/second-factor":
            return _enroll(user, _account_name(context))
        case "POST", "/second-factor/code":
            return _code(user, str(body.get("code", "")))
        case "POST", "/second-factor/change":
            return _change(user, str(body.get("code", "")), _account_name(context))
        case "POST", "/second-factor/change/confirm":
            return _confirm_change(user, str(body.get("code", "")))
        case "GET", "/":
            return _reply(200, {"user": user, "passed": passed(event, user)})
    return _reply(404, {"message": "There is no such route."})


def _enroll(user: str, account_name: str | None) -> Reply:
    # A user who closed the window before the first code starts again.
    enrollment = verifier.register(
        user, recovery_codes=10, account_name=account_name, replace_unconfirmed=True
    )
    shown = {"qr_code": enrollment.qr_data_uri(), "recovery_codes": enrollment.recovery_codes}
    return _reply(201, shown)


def _code(user: str, code: str) -> Reply:
    if not verifier.verify(user, code):
        return _reply(401, {"message": "This code is wrong, or was used before."})
    until = str(int(time.time()) + SESSION_SECONDS)
    attributes = f"Path=/; Secure; HttpOnly; SameSite=Strict; Max-Age={SESSION_SECONDS}"
    cookie = f"{COOKIE}={until}.{_seal(user, until)}; {attributes}"
    return _reply(200, {"user": user}, cookies=(cookie,))


def _change(user: str, code: str, account_name: str | None) -> Reply:
    """Show the QR code for a new phone, once the old one, which works on, has shown a code."""
    if not verifier.verify(user, code):  # a recovery code is as good
        return _reply(400, {"message": "This code is wrong, or was used before."})
    enrollment = verifier.rotate(user, account_name=account_name)
    return _reply(201, {"qr_code": enrollment.qr_data_uri()})


def _confirm_change(user: str, code: str) -> Reply:
    """Let the new phone take the place of the old one, once it has shown a code."""
    if not verifier.confirm(user, code):
        return _reply(400, {"message": "This code is wrong: send one from the new phone."})
    return _reply(200, {"user": user})


def _seal(user: str, until: str) -> str:
    return hmac.new(KEY, f"{until} {user}".encode(), hashlib.sha256).hexdigest()


def _user(authorizer: dict[str, Any], body: dict[str, Any]) -> str | None:
    """Return who passed the password, as the authorizer or your own backend says."""
    if "jwt" in authorizer:
        return str(authorizer["jwt"]["claims"]["sub"])
    if "iam" in authorizer and isinstance(body.get("user"), str):
        return str(body["user"])
    return None


def _account_name(context: dict[str, Any]) -> str | None:
    """Return what the phone is to show: the id is a UUID (a Cognito `sub`), the address is not."""
    claims = (context.get("authorizer") or {}).get("jwt", {}).get("claims", {})
    return str(claims["email"]) if "email" in claims else None


def _body(event: Event) -> dict[str, Any] | None:
    raw = event.get("body") or "{}"
    with suppress(ValueError):
        body = json.loads(base64.b64decode(raw) if event.get("isBase64Encoded") else raw)
        return body if isinstance(body, dict) else None
    return None


def _refusal(error: lambdatotp.LambdaTotpError) -> Reply:
    """Answer when there is no verdict. A wrong code is none of these."""
    match error:
        case lambdatotp.TooManyAttemptsError(retry_after=seconds):
            return _reply(429, {"message": str(error)}, {"Retry-After": str(seconds)})
        case lambdatotp.LockedError():
            return _reply(423, {"message": "Locked: use a recovery code."})
        case (
            lambdatotp.UserExistsError()
            | lambdatotp.UserNotFoundError()
            | lambdatotp.NoRotationError()
        ):
            return _reply(409, {"message": str(error)})
        case lambdatotp.InvalidUserError():
            return _reply(400, {"message": str(error)})
    print(f"{type(error).__name__}: {error}")  # ours to mend: the log says what, not the reply
    return _reply(503, {"message": "Try again."}, {"Retry-After": "2"})


def _reply(
    status: int, body: object, headers: dict[str, str] | None = None, cookies: tuple[str, ...] = ()
) -> Reply:
    headers = {"Content-Type": "application/json", "Cache-Control": "no-store", **(headers or {})}
    text = json.dumps(body)
    return {"statusCode": status, "headers": headers, "cookies": [*cookies], "body": text}


if __name__ == "__main__":
    sample = {
        "version": "2.0",
        "rawPath": "/second-factor",
        "requestContext": {
            "stage": "$default",
            "http": {"method": "POST"},
            "authorizer": {"jwt": {"claims": {"sub": "4711", "email": "ana@example.com"}}},
        },
    }
    print(json.dumps(handler(sample, None), indent=2))
