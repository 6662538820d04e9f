"""The traps that other second factors fell into, each as a test that is named after it.

SECURITY.md lists them. What a test here promises, others promise in more detail; this file
is the answer to "does it also have that fault?".
"""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import lambdatotp
import pytest

from tests.python.support.cli import run
from tests.python.support.codes import KEY, code_of, wrong_code, wrong_codes

if TYPE_CHECKING:
    from collections.abc import Callable


def at_once(calls: list[Callable[[], Any]]) -> list[Any]:
    with ThreadPoolExecutor(len(calls)) as pool:
        return list(pool.map(lambda call: call(), calls))


def test_a_code_then_another_then_the_first_again(engine):
    """A memory of the last code alone forgets the one before it."""
    verifier = engine.verifier(window=5)
    enrollment = verifier.register("ana")
    first, second = code_of(enrollment, -1), code_of(enrollment, 1)
    verdicts = [verifier.check("ana", code).outcome for code in (first, second, first, second)]
    assert verdicts == ["accepted", "accepted", "replayed", "replayed"]


def test_a_used_code_is_remembered_for_the_whole_window(engine):
    """A memory that ends before the window does lets the code in again."""
    verifier = engine.verifier(window=10, burst=100, enrollment_ttl=60)
    enrollment = verifier.register("ana")
    assert "expires_at" in engine.get("ana")
    # The last step that is accepted now: its code stays in the window the longest.
    assert verifier.verify("ana", code_of(enrollment, 9)) is True
    assert not any(verifier.verify("ana", code_of(enrollment, step)) for step in range(-10, 10))
    # And the memory is the item itself, which nothing sweeps from then on.
    assert "expires_at" not in engine.get("ana")


def test_what_one_user_used_is_not_used_for_another(engine):
    """A memory of codes without their users refuses two users who hold one code."""
    verifier = engine.verifier()
    for user in ("ana", "ben"):
        enrollment = verifier.register(user, secret=KEY)
    code = code_of(enrollment)
    assert verifier.verify("ana", code) is True
    assert verifier.verify("ben", code) is True
    assert verifier.verify("ana", code) is False


def test_nothing_is_read_first_and_written_after(engine):
    """Between a read and a write, others read the same: one code, many logins."""
    verifiers = [engine.verifier(burst=100) for _ in range(4)]
    code = code_of(verifiers[0].register("ana"))
    verdicts = at_once([lambda v=verifiers[n % 4]: v.verify("ana", code) for n in range(32)])
    assert verdicts.count(True) == 1
    assert verdicts.count(False) == 31


def test_the_code_that_enrolled_does_not_log_in(engine):
    """The code that confirmed an enrollment, or a new phone, was seen on a screen already."""
    verifier = engine.verifier()
    code = code_of(verifier.register("ana"))
    verdict = verifier.check("ana", code)
    assert (verdict.outcome, verdict.first) == ("accepted", True)
    assert verifier.check("ana", code).outcome == "replayed"
    code = code_of(verifier.rotate("ana"))
    assert verifier.confirm("ana", code)
    assert verifier.check("ana", code).outcome == "replayed"


DOORS = (
    "verify", "check", "confirm", "verify_async", "check_async", "confirm_async",
    "GET /", "GET /verify", "POST /verify", "POST /confirm", "command line",
)  # fmt: skip


class RefusedError(Exception):
    """Whatever a door says of a user with no attempts left."""


@pytest.fixture
def guess(engine, load_app):
    """Guess through a door."""
    burst = str(len(DOORS))
    service = load_app(
        **engine.environment(), LAMBDATOTP_BURST=burst, LAMBDATOTP_API_TOKEN="t" * 16
    )
    token = {"Authorization": "Bearer " + "t" * 16}
    verifier = engine.verifier(burst=len(DOORS))

    def through(door: str, code: str) -> bool:
        if door.endswith("_async"):

            async def call():
                return await getattr(verifier, door)("ana", code)

            with ThreadPoolExecutor(1) as pool:
                return bool(pool.submit(asyncio.run, call()).result())
        if door == "command line":
            exit_code, text = run(
                "verify", "ana", code, **engine.environment(), LAMBDATOTP_BURST=burst
            )
            if "too many attempts" in text:
                raise RefusedError
            return exit_code == 0
        method, _, path = door.partition(" ")
        if not path:
            return bool(getattr(verifier, door)("ana", code))
        query = f"?user=ana&code={code}" if method == "GET" else ""
        body = b"" if query else {"user": "ana", "code": code}
        answer = service.call(method, path + query, body, token)
        if answer.status_code == 429:
            raise RefusedError
        assert answer.status_code == 200
        return bool(answer.json_body["code_is_valid"])

    return through


def test_every_door_has_the_one_budget(engine, guess):
    """A second path to the same secret that counts for itself doubles what may be guessed."""
    verifier = engine.verifier()
    enrollment = verifier.register("ana")
    pending = verifier.rotate("ana")
    wrong = next(c for c in wrong_codes(enrollment, 50) if c in set(wrong_codes(pending, 50)))
    for door in DOORS:
        assert guess(door, wrong) is False, door
    assert engine.get("ana")["misses"] == len(DOORS)
    for door in DOORS:
        right = code_of(pending if "confirm" in door else enrollment)
        with pytest.raises((RefusedError, lambdatotp.TooManyAttemptsError)):
            guess(door, right)


def test_a_lock_lets_recovery_codes_in(engine):
    """An attacker can lock a user: what then lets them in must not be locked as well."""
    verifier = engine.verifier(max_misses=3)
    enrollment = verifier.register("ana", recovery_codes=1)
    for code in wrong_codes(enrollment, 3):
        verifier.verify("ana", code)
    with pytest.raises(lambdatotp.LockedError):
        verifier.verify("ana", code_of(enrollment))
    assert verifier.check("ana", enrollment.recovery_codes[0]).outcome == "recovered"


@pytest.mark.parametrize(
    "written",
    [
        lambda code: f" {code}",
        lambda code: f"{code}\n",
        lambda code: f"{code[:3]} {code[3:]}",
        lambda code: f"{code[:3]}-{code[3:]}",
        lambda code: code.translate({point: point + 0xFEE0 for point in range(0x30, 0x3A)}),
        lambda code: f"\u200b{code}",
    ],
    ids=["space", "line end", "inner space", "hyphen", "full-width", "zero-width"],
)
def test_a_used_code_written_otherwise_is_still_used(engine, written):
    """A check that drops a space, with a memory that keeps it, knows one code as two."""
    verifier = engine.verifier()
    code = code_of(verifier.register("ana"))
    assert verifier.check("ana", written(code)).outcome == "accepted"
    assert verifier.check("ana", code).outcome == "replayed"
    assert verifier.check("ana", written(code)).outcome == "replayed"


def test_enrolling_again_leaves_the_confirmed_secret_alone(engine):
    """A second enrollment that is begun must not be the end of the first."""
    verifier = engine.verifier()
    enrollment = verifier.register("ana")
    assert verifier.verify("ana", code_of(enrollment, -1)) is True
    for again in ({}, {"replace_unconfirmed": True}, {"secret": KEY}):
        with pytest.raises(lambdatotp.UserExistsError):
            verifier.register("ana", **again)
    # A change of phone that is begun and left, too.
    pending = verifier.rotate("ana")
    assert verifier.verify("ana", wrong_code(pending)) is False
    assert verifier.verify("ana", code_of(enrollment)) is True
