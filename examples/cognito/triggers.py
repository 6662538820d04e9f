r"""A second factor for an Amazon Cognito user pool: the triggers of its custom authentication.

    LAMBDATOTP_EMBEDDED=:memory: ENROLL_AT_LOGIN=yes python examples/cognito/triggers.py

plays a first login, and prints what the client is shown. README.md says what a client sends, and
what else of the pool to switch off. To deploy a pool with the three functions and their table:

    make wheel
    pip install --target out/cognito --platform manylinux2014_x86_64 --only-binary :all: \
        out/lambda/lambdatotp-*.whl
    cp examples/cognito/triggers.py out/cognito/
    aws cloudformation package --template-file examples/cognito/template.yaml \
        --s3-bucket my-bucket --output-template-file out/cognito.yaml
    aws cloudformation deploy --template-file out/cognito.yaml --stack-name second-factor \
        --capabilities CAPABILITY_IAM --parameter-overrides KeysSecret=second-factor/keys

Never log an event: it holds codes, and replies hold secrets.
"""

import json
import logging
import os
from typing import Any, NoReturn

import lambdatotp

ANSWERS = 3  # a login; the user's budget in the table bounds all logins together
AFTER_THE_PASSWORD = [("SRP_A", True), ("PASSWORD_VERIFIER", True)]
ENROLL, CODE = "enroll", "code"  # what a challenge asks for: to scan first, or a code alone

log = logging.getLogger("cognito")
log.setLevel(logging.INFO)
trail = log.getChild("audit")

Event = dict[str, Any]


class NoChallengeError(Exception):
    """Ends the login. Cognito sends the text to the client."""


def audit(event: lambdatotp.AuditEvent) -> None:
    """Keep an audit trail: a line of JSON an event. Lambda puts its request id before it."""
    trail.info(json.dumps(event._asdict()))


# Cognito gives a trigger five seconds. A registration that no code follows within a quarter of an
# hour, as long as a login may last, may be started again by anyone who knows the password.
verifier = lambdatotp.Verifier(timeout=4, enrollment_ttl=900, audit=audit)


def define(event: Event, _context: object) -> Event:
    """Say what comes next: the password, a code, the tokens. All that is not foreseen fails."""
    request = event["request"]
    session = request.get("session") or []
    answers = session[len(AFTER_THE_PASSWORD) :]
    reply: Event = {"challengeName": None, "issueTokens": False, "failAuthentication": False}
    if _results(session) == AFTER_THE_PASSWORD[:1]:
        # For users that there are not, too: Cognito refuses their passwords, as it does wrong ones.
        reply["challengeName"] = "PASSWORD_VERIFIER"
    elif not _password_was_right(request):
        reply["failAuthentication"] = True
    elif answers and answers[-1].get("challengeResult") is True:
        reply["issueTokens"] = True
    elif len(answers) < ANSWERS:
        reply["challengeName"] = "CUSTOM_CHALLENGE"
    else:
        reply["failAuthentication"] = True
    event["response"] = reply
    return event


def create(event: Event, _context: object) -> Event:
    """Ask for a code. Who has no second factor yet is shown one to scan, once."""
    request = event["request"]
    if not _password_was_right(request):
        _end("Log in again.", "a challenge was asked for without the password")
    user = _user(request)
    # The challenge before this one has shown it: the client still does.
    kind = ENROLL if _was_asked_to_enroll(request) else CODE
    shown = {}
    try:
        status = _status(user)
        if kind == CODE and (enrollment := _enrollment(user, status, request["userAttributes"])):
            kind, status = ENROLL, verifier.status(user)
            shown = {
                "key_uri": enrollment.uri,
                "qr_code": enrollment.qr_data_uri(scale=4),
                "recovery_codes": " ".join(enrollment.recovery_codes),
            }
    except lambdatotp.LambdaTotpError as error:
        _end("Try again.", f"{type(error).__name__}: {error}")
    if status is None:
        _end("Set up your second factor first.", "this user may not enroll with the password alone")
    event["response"] = {
        "publicChallengeParameters": {
            "kind": kind,
            "attempts_left": str(status.attempts_left),
            "retry_after": str(status.retry_after),  # seconds; a recovery code need not wait
            "locked": str(status.locked).lower(),  # a recovery code unlocks
            **shown,
        },
        "privateChallengeParameters": {"user": user, "kind": kind},
        "challengeMetadata": kind,
    }
    return event


def verify(event: Event, _context: object) -> Event:
    """Tell whether the answer is a code of the phone, or a recovery code."""
    request = event["request"]
    event["response"] = {"answerCorrect": False}
    user, answer = _user(request), request.get("challengeAnswer")
    asked = request.get("privateChallengeParameters") or {}  # by `create`; no client sees them
    if asked.get("user") != user or request.get("userNotFound") or not isinstance(answer, str):
        return event
    # A recovery code says nothing about the phone, and would be used up.
    if asked.get("kind") != CODE and any(symbol.isalpha() for symbol in answer):
        return event
    try:
        event["response"]["answerCorrect"] = bool(verifier.check(user, answer))
    except (lambdatotp.LockedError, lambdatotp.TooManyAttemptsError):
        pass  # the next challenge tells the client
    except lambdatotp.LambdaTotpError as error:  # without a verdict, nobody gets in
        _end("Try again.", f"{type(error).__name__}: {error}")
    return event


def _status(user: str) -> lambdatotp.UserStatus | None:
    try:
        return verifier.status(user)
    except lambdatotp.UserNotFoundError:
        return None


def _enrollment(
    user: str, status: lambdatotp.UserStatus | None, attributes: dict[str, str]
) -> lambdatotp.Enrollment | None:
    """Return a new second factor for a user of whom no code was ever accepted."""
    if os.environ.get("ENROLL_AT_LOGIN") != "yes":
        return None
    if status and status.confirmed_at is not None:  # spares a write that would be refused
        return None
    try:
        return verifier.register(
            user,
            recovery_codes=10,
            account_name=attributes.get("email"),  # what the phone shows
            replace_unconfirmed=True,  # for who closed the window before the first code
        )
    except lambdatotp.UserExistsError:
        return None  # imported, or confirmed a moment ago


def _password_was_right(request: Event) -> bool:
    """Tell whether Cognito has seen the password, and nothing but our challenges since."""
    session = request.get("session") or []
    start = len(AFTER_THE_PASSWORD)
    return (
        not request.get("userNotFound")
        and _results(session[:start]) == AFTER_THE_PASSWORD
        and all(entry.get("challengeName") == "CUSTOM_CHALLENGE" for entry in session[start:])
    )


def _results(session: list[Event]) -> list[tuple[object, object]]:
    return [(entry.get("challengeName"), entry.get("challengeResult")) for entry in session]


def _was_asked_to_enroll(request: Event) -> bool:
    return any(entry.get("challengeMetadata") == ENROLL for entry in request["session"])


def _user(request: Event) -> str:
    """Return whom the table knows: `sub` never changes, and no two users have the same."""
    user = (request.get("userAttributes") or {}).get("sub")
    if not isinstance(user, str) or not user:
        _end("Log in again.", "the event names no user")
    return user


def _end(told: str, logged: str) -> NoReturn:
    log.error("%s", logged)
    raise NoChallengeError(told) from None


if __name__ == "__main__":
    known = {"sub": "d4c8e0b2-0000-4000-8000-1f2e3d4c5b6a", "email": "ana@example.com"}
    seen = [{"challengeName": name, "challengeResult": done} for name, done in AFTER_THE_PASSWORD]
    sample = {"request": {"userAttributes": known, "session": seen}, "response": {}}
    print(json.dumps(create(sample, None)["response"]["publicChallengeParameters"], indent=2))
