r"""A second factor as a plain Lambda function: behind API Gateway, a function URL or an ALB.

    LAMBDATOTP_EMBEDDED=:memory: SESSION_KEY=dev python examples/lambda_handler.py

prints the reply to an enrollment. The password comes first, and elsewhere. Behind an HTTP
API or a REST API, an authorizer (of Cognito, say) has checked it, and its claims name the
user. Or your own backend has: it names the user in the body, and signs its requests with
AWS credentials (AuthType AWS_IAM), or, through a load balancer, which checks nothing, sends
`Authorization: Bearer` and BACKEND_TOKEN. A user who passes gets a signed cookie, and other
functions ask `passed` for it.

To package it, with the handler lambda_handler.handler on Python 3.13:

    make wheel
    pip install --target out/function --platform manylinux2014_x86_64 --only-binary :all: \
        out/lambda/lambdatotp-*.whl
    cp examples/lambda_handler.py out/function/
    (cd out/function && python -m zipfile -c ../function.zip *)

Its role needs dynamodb:PutItem, dynamodb:UpdateItem and, for changes of phone,
dynamodb:GetItem on the one table, its configuration LAMBDATOTP_TABLE_NAME, LAMBDATOTP_KEYS, which
seals the secrets, and SESSION_KEY: `openssl rand -hex 32`, as BACKEND_TOKEN.
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
# Empty: no load balancer is in front, and no token is right.
BACKEND_TOKEN = os.environ.get("BACKEND_TOKEN", "").encode()
if b"{{resolve:" in KEY + BACKEND_TOKEN:
    raise SystemExit("SESSION_KEY or BACKEND_TOKEN holds a reference that nothing resolved")
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
    """Answer an event of API Gateway (version 1.0 or 2.0), of a function URL or of an ALB."""
    try:
        reply = _route(event)
    except lambdatotp.LambdaTotpError as error:
        reply = _refusal(error)
    return _as_read_by_its_sender(event, reply)


def passed(event: Event, user: str) -> bool:
    """Tell whether this user has shown a code: for every function that must know."""
    for cookie in _cookies(event):
        name, _, value = cookie.strip().partition("=")
        until, _, seal = value.partition(".")
        if name == COOKIE and hmac.compare_digest(seal.encode(), _seal(user, until).encode()):
            return int(until) > time.time()
    return False


def _route(event: Event) -> Reply:  # noqa: PLR0911 - one a route
    body = _body(event)
    if body is None:
        return _reply(400, {"message": "The body is not a JSON object."})
    user = _user(event, body)
    if user is None:
        return _reply(401, {"message": "Log in first."})
    match _method(event), _path(event):
        case "POST", "/second-factor":
            return _enroll(user, _account_name(event))
        case "POST", "/second-factor/code":
            return _code(user, str(body.get("code", "")))
        case "POST", "/second-factor/change":
            return _change(user, str(body.get("code", "")), _account_name(event))
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


def _user(event: Event, body: dict[str, Any]) -> str | None:
    """Return who passed the password, as the authorizer or your own backend says."""
    if claims := _claims(event):
        return str(claims["sub"])
    context = event["requestContext"]
    signed = "iam" in (context.get("authorizer") or {}) or (
        # As a REST API says it.
        (context.get("identity") or {}).get("userArn")
    )
    if (signed or _shows_the_token(event)) and isinstance(body.get("user"), str):
        return str(body["user"])
    return None


def _claims(event: Event) -> dict[str, Any]:
    """Return what an authorizer has found out: a JWT's claims, in version 1.0 or 2.0."""
    authorizer = event["requestContext"].get("authorizer") or {}
    claims: dict[str, Any] = (authorizer.get("jwt") or authorizer).get("claims") or {}
    return claims


def _account_name(event: Event) -> str | None:
    """Return what the phone is to show: the id is a UUID (a Cognito `sub`), the address is not."""
    claims = _claims(event)
    return str(claims["email"]) if "email" in claims else None


def _shows_the_token(event: Event) -> bool:
    given = "; ".join(_header(event, "authorization")).encode()
    return bool(BACKEND_TOKEN) and hmac.compare_digest(given, b"Bearer " + BACKEND_TOKEN)


# The ways in which a request is told: version 2.0 has its own, 1.0 and ALBs nearly the same.
def _method(event: Event) -> str:
    http = event["requestContext"].get("http") or {"method": event.get("httpMethod")}
    return str(http["method"])


def _path(event: Event) -> str:
    """Return the path below the stage, which a REST API and an ALB leave out."""
    path = str(event["rawPath"] if "rawPath" in event else event["path"])
    has_stage = "version" in event
    return path.removeprefix(f"/{event['requestContext']['stage']}") if has_stage else path


def _header(event: Event, name: str) -> list[str]:
    many = event.get("multiValueHeaders")
    if many is None:
        many = {key: [value] for key, value in (event.get("headers") or {}).items()}
    return [value for key, values in many.items() if key.lower() == name for value in values]


def _cookies(event: Event) -> list[str]:
    if event.get("version") == "2.0":
        return list(event.get("cookies") or [])
    return "; ".join(_header(event, "cookie")).split(";")


def _as_read_by_its_sender(event: Event, reply: Reply) -> Reply:
    """Version 2.0 has cookies apart; the others take several, or one, as headers."""
    if event.get("version") == "2.0":
        return reply
    cookies, headers = reply.pop("cookies"), reply.pop("headers")
    if "multiValueHeaders" in event:
        many = {name: [value] for name, value in headers.items()}
        return {**reply, "multiValueHeaders": {**many, "Set-Cookie": cookies}}
    if cookies:
        headers["Set-Cookie"] = cookies[0]
    return {**reply, "headers": headers}


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
    print(f"{type(error).__name__}: {error}")  # ours to fix: the log says what, not the reply
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
