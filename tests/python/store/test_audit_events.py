"""`Verifier(audit=...)`: one event an operation, awaited or not, and no secret in any."""

from __future__ import annotations

import asyncio
import inspect

import lambdatotp
import pytest

from tests.python.support.codes import LEGACY, code_of, wrong_code

FACES = pytest.mark.parametrize("face", ["called", "awaited"])


class Audited:
    """A verifier, called or awaited, and the events that it told."""

    def __init__(self, engine, face, **settings):
        self.events = []
        self.face = face
        self.verifier = engine.verifier(**settings, audit=self.events.append)

    def __getattr__(self, name):
        if self.face == "called":
            return getattr(self.verifier, name)
        method = getattr(self.verifier, f"{name}_async")
        assert inspect.iscoroutinefunction(method)
        return lambda *args, **named: asyncio.run(method(*args, **named))

    def told(self):
        """What was told since the last time: operation, outcome and error."""
        events = list(self.events)
        self.events.clear()
        assert {event.user for event in events} <= {"ana"}
        assert all(0 < event.latency_ms < 60_000 for event in events)
        return [(event.operation, event.outcome, event.error) for event in events]


@FACES
def test_every_operation_and_outcome(engine, face):
    audited = Audited(engine, face, burst=6, window=2)
    enrollment = audited.register("ana", recovery_codes=2)
    code, wrong = code_of(enrollment), wrong_code(enrollment)
    assert audited.events[0].recovery_codes_left is None
    assert audited.told() == [("register", "registered", None)]
    for typed, verdict, outcome, left in [
        (wrong, False, "rejected", 2),
        ("no code", False, "rejected", None),
        (code, True, "accepted", 2),
        (code, False, "replayed", 2),
        (enrollment.recovery_codes[0], True, "recovered", 1),
    ]:
        assert audited.verify("ana", typed) is verdict
        assert audited.events[0].recovery_codes_left == left
        assert audited.told() == [("verify", outcome, None)]
    verdict = audited.check("ana", enrollment.recovery_codes[1])
    assert verdict.outcome == "recovered"
    assert audited.told() == [("verify", "recovered", None)]
    assert audited.unlock("ana") is None
    assert audited.told() == [("unlock", "unlocked", None)]
    assert audited.status("ana").recovery_codes_left == 0
    assert audited.told() == [("status", "looked_up", None)]
    codes = audited.new_recovery_codes("ana", 3)
    assert len(codes) == 3
    assert audited.told() == [("recovery_codes", "recovery_codes", None)]
    pending = audited.rotate("ana", account_name="Ana")
    assert audited.confirm("ana", wrong).outcome == "rejected"
    assert audited.confirm("ana", code_of(pending)).outcome == "accepted"
    assert audited.told() == [
        ("rotate", "rotated", None),
        ("confirm", "rejected", None),
        ("confirm", "confirmed", None),
    ]
    assert audited.delete("ana") is None
    assert audited.told() == [("delete", "deleted", None)]


@FACES
def test_what_is_refused(engine, face):
    audited = Audited(engine, face, burst=1, refill=2_592_000)
    enrollment = audited.register(user="ana")

    def refused(error, operation, outcome, method, *args):
        with pytest.raises(error):
            getattr(audited, method)(*args)
        assert audited.told()[-1:] == [(operation, outcome, error.__name__)]

    refused(lambdatotp.UserExistsError, "register", "conflict", "register", "ana")
    refused(lambdatotp.NoRotationError, "confirm", "no_rotation", "confirm", "ana", "123456")
    assert audited.verify(user="ana", code=wrong_code(enrollment)) is False
    throttled = lambdatotp.TooManyAttemptsError
    refused(throttled, "verify", "throttled", "verify", "ana", code_of(enrollment))
    refused(throttled, "verify", "throttled", "check", "ana", code_of(enrollment))
    engine.put("ana", secret=LEGACY, misses=100)
    refused(lambdatotp.LockedError, "verify", "locked", "verify", "ana", "123456")
    engine.put("ana", secret="not base32!")
    refused(lambdatotp.StoreCorruptError, "verify", "unavailable", "verify", "ana", "123456")
    audited.delete("ana")
    for name in ("status", "unlock", "delete", "rotate"):
        refused(lambdatotp.UserNotFoundError, name, "not_found", name, "ana")
    refused(
        lambdatotp.UserNotFoundError, "recovery_codes", "not_found", "new_recovery_codes", "ana"
    )


@FACES
def test_arguments_that_cannot_be_used_are_no_operation(engine, face):
    audited = Audited(engine, face)
    for error, method, *args in [
        (TypeError, "verify", 5, "123456"),
        (TypeError, "verify", "ana", 123456),
        (TypeError, "verify", "ana"),
        (lambdatotp.InvalidUserError, "verify", "a\nb", "123456"),
        (lambdatotp.InvalidUserError, "register", "x" * 257),
        (lambdatotp.InvalidSecretError, "register", "ana", "secret"),
        (ValueError, "new_recovery_codes", "ana", 21),
        (OverflowError, "new_recovery_codes", "ana", 2**70),
    ]:
        named = {"secret": args.pop()} if "secret" in args else {}
        with pytest.raises(error):
            getattr(audited, method)(*args, **named)
    with pytest.raises(lambdatotp.InvalidLabelError):
        audited.register("ana", issuer="")
    # Nobody is asked about a user.
    audited.connect()
    assert audited.told() == []


@FACES
def test_no_event_holds_a_code_or_a_secret(engine, face):
    audited = Audited(engine, face, window=2)
    enrollment = audited.register("ana", recovery_codes=1)
    pending = audited.rotate("ana")
    typed = [wrong_code(enrollment), code_of(enrollment), *enrollment.recovery_codes]
    for code in typed:
        audited.verify("ana", code)
        audited.check("ana", code)
    audited.confirm("ana", code_of(pending))
    hidden = {*typed, code_of(pending), *audited.new_recovery_codes("ana")}
    hidden |= {enrollment.secret, enrollment.uri, pending.secret}
    said = repr(audited.events)
    assert len(audited.events) == 10
    assert [text for text in hidden if text in said] == []


@FACES
def test_an_outage(face, make_engine):
    engine = make_engine("memory")
    engine.settings = {"endpoint_url": "http://127.0.0.1:9", "region": "eu-west-1"}
    audited = Audited(engine, face, timeout=2)
    with pytest.raises(lambdatotp.StoreUnavailableError):
        audited.verify("ana", "123456")
    assert audited.told() == [("verify", "unavailable", "StoreUnavailableError")]
