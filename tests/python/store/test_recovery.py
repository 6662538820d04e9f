"""Recovery codes, unlocking, lapsed registrations: the ways back in."""

from __future__ import annotations

import asyncio
import re
import time

import lambdatotp
import pytest

from tests.python.support.codes import LEGACY, code_of, legacy_code, wrong_codes

K1, K2 = "k1:" + "A" * 43, "k2:" + "B" * 42 + "A"
FORM = re.compile(r"(?:[A-Z2-7]{4}-){3}[A-Z2-7]{4}")


def test_each_lets_in_once(engine):
    verifier = engine.verifier()
    enrollment = verifier.register("ana", recovery_codes=3)
    codes = enrollment.recovery_codes
    assert len(set(codes)) == 3
    assert all(FORM.fullmatch(code) for code in codes)
    verdict = verifier.check("ana", codes[0])
    assert (bool(verdict), verdict.outcome, verdict.recovery_codes_left) == (True, "recovered", 2)
    assert verifier.verify("ana", codes[0]) is False
    # However it is typed, and by whichever call.
    assert verifier.verify("ana", codes[1].lower().replace("-", " ")) is True
    assert asyncio.run(verifier.verify_async("ana", codes[2].replace("-", ""))) is True
    assert verifier.status("ana").recovery_codes_left == 0
    assert "recovery" not in engine.get("ana")
    # The authenticator works on.
    assert verifier.verify("ana", code_of(enrollment))


def test_each_is_80_random_bits(engine):
    verifier = engine.verifier()
    enrollments = [verifier.register(f"user{n}", recovery_codes=20) for n in range(15)]
    codes = {code for enrollment in enrollments for code in enrollment.recovery_codes}
    assert len(codes) == 300
    assert all(FORM.fullmatch(code) for code in codes)
    # 5 bits a character, and none of them is fixed anywhere.
    for place in zip(*(code.replace("-", "") for code in codes), strict=True):
        assert len(set(place)) > 16


def test_only_hashes_are_stored(engine):
    codes = engine.verifier().register("ana", recovery_codes=10).recovery_codes
    stored = str(engine.get("ana"))
    assert len(engine.get("ana")["recovery"]) == 10
    for code in codes:
        for text in (code, code.replace("-", "")):
            assert text not in stored


def test_they_are_for_their_user_alone(engine):
    verifier = engine.verifier()
    codes = verifier.register("ana", recovery_codes=1).recovery_codes
    verifier.register("bob", recovery_codes=1)
    assert verifier.verify("bob", codes[0]) is False
    # Not even by somebody who can write to the table.
    engine.put("bob", **{name: _raw(value) for name, value in engine.get("ana").items()})
    assert verifier.verify("bob", codes[0]) is False
    assert verifier.verify("ana", codes[0]) is True


def _raw(value):
    return {"SS": list(value)} if isinstance(value, (list, set)) else value


def test_a_locked_user_gets_in_and_is_unlocked(engine):
    verifier = engine.verifier(max_misses=3)
    enrollment = verifier.register("ana", recovery_codes=2)
    for code in wrong_codes(enrollment, 3):
        verifier.verify("ana", code)
    assert verifier.status("ana").locked
    with pytest.raises(lambdatotp.LockedError):
        verifier.verify("ana", code_of(enrollment))
    assert verifier.verify("ana", enrollment.recovery_codes[0]) is True
    assert not verifier.status("ana").locked
    assert verifier.verify("ana", code_of(enrollment)) is True


def test_a_throttled_user_gets_in(engine):
    verifier = engine.verifier(burst=1)
    enrollment = verifier.register("ana", recovery_codes=1)
    verifier.verify("ana", wrong_codes(enrollment, 1)[0])
    with pytest.raises(lambdatotp.TooManyAttemptsError):
        verifier.verify("ana", code_of(enrollment))
    assert verifier.verify("ana", enrollment.recovery_codes[0]) is True


def test_made_up_ones_take_nothing_from_the_user(engine):
    """80 bits need no budget, and a budget would be there for others to spend."""
    verifier = engine.verifier(burst=1)
    enrollment = verifier.register("ana", recovery_codes=1)
    assert not any(verifier.verify("ana", f"AAAA-AAAA-AAAA-{n}AAA") for n in "ABCDEFGHIJKLMNOP")
    assert "misses" not in engine.get("ana")
    assert verifier.verify("ana", code_of(enrollment)) is True
    assert verifier.verify("ana", enrollment.recovery_codes[0]) is True


def test_those_hashed_by_an_earlier_version_work(engine):
    """And those of before there was a key."""
    codes = engine.verifier().register("ana", recovery_codes=2).recovery_codes
    plain = engine.get("ana")["recovery"]
    sealing = engine.verifier(keys=K1)
    assert sealing.verify("ana", codes[0]) is True
    (left,) = engine.get("ana")["recovery"]
    assert left in plain
    assert sealing.verify("ana", codes[1]) is True


def test_with_keys_they_are_hashed_under_the_first(engine):
    codes = engine.verifier(keys=K1).register("ana", recovery_codes=2).recovery_codes
    assert all(re.fullmatch(r"[\w-]{4}\.[\w-]{22}", h) for h in engine.get("ana")["recovery"])
    changed = engine.verifier(keys=f"{K2},{K1}")
    assert changed.verify("ana", codes[0]) is True
    assert changed.verify("ana", codes[0]) is False
    # Without their key there is no verdict.
    with pytest.raises(lambdatotp.ConfigurationError, match="hashed with a key"):
        engine.verifier(keys=K2).verify("ana", codes[1])
    (new, _) = changed.new_recovery_codes("ana", 2)
    assert engine.verifier(keys=K2).verify("ana", new) is True
    assert engine.verifier(keys=K2).verify("ana", codes[1]) is False


def test_new_ones_revoke_the_old(engine):
    verifier = engine.verifier()
    old = verifier.register("ana", recovery_codes=2).recovery_codes
    new = verifier.new_recovery_codes("ana", 4)
    assert (len(new), verifier.status("ana").recovery_codes_left) == (4, 4)
    assert verifier.verify("ana", old[0]) is False
    assert verifier.verify("ana", new[0]) is True
    assert len(verifier.new_recovery_codes("ana")) == 10
    assert len(asyncio.run(verifier.new_recovery_codes_async("ana", 1))) == 1
    with pytest.raises(lambdatotp.UserNotFoundError):
        verifier.new_recovery_codes("nobody")


def test_the_originals_users_can_have_them(engine):
    verifier = engine.verifier()
    engine.put("ana", secret=LEGACY)
    code = verifier.new_recovery_codes("ana", 1)[0]
    assert verifier.verify("ana", code) is True
    assert verifier.verify("ana", legacy_code()) is True


@pytest.mark.parametrize("count", [21, 10**9, -1])
def test_more_than_twenty_are_refused(engine, count):
    verifier = engine.verifier()
    with pytest.raises(ValueError, match="use 0 to 20"):
        verifier.register("ana", recovery_codes=count)
    assert engine.get("ana") is None
    verifier.register("ana")
    for wrong in (count, 0):
        with pytest.raises(ValueError, match="use 1 to 20"):
            verifier.new_recovery_codes("ana", wrong)


def test_without_any_a_code_of_their_form_is_wrong(engine):
    verifier = engine.verifier()
    verifier.register("ana")
    assert verifier.verify("ana", "AAAA-AAAA-AAAA-AAAA") is False
    with pytest.raises(lambdatotp.UserNotFoundError):
        verifier.verify("nobody", "AAAA-AAAA-AAAA-AAAA")


def test_unlock(engine):
    verifier = engine.verifier(max_misses=2, burst=2)
    enrollment = verifier.register("ana", recovery_codes=1)
    for code in wrong_codes(enrollment, 2):
        verifier.verify("ana", code)
    status = verifier.status("ana")
    assert (status.locked, status.misses, status.attempts_left) == (True, 2, 0)
    verifier.unlock("ana")
    status = verifier.status("ana")
    assert (status.locked, status.misses, status.attempts_left) == (False, 0, 2)
    assert verifier.verify("ana", code_of(enrollment)) is True
    # A used code stays used.
    assert asyncio.run(verifier.unlock_async("ana")) is None
    assert verifier.verify("ana", code_of(enrollment)) is False
    with pytest.raises(lambdatotp.UserNotFoundError):
        verifier.unlock("nobody")
    assert engine.get("nobody") is None


class TestAWrongClock:
    """What another process wrote whose clock was ahead."""

    def test_locks_nobody_for_longer_than_the_budget(self, engine):
        verifier = engine.verifier(burst=2, refill=1)
        enrollment = verifier.register("ana")
        ahead = int((time.time() + 10**8) * 1000)
        engine.set("ana", throttle_at=ahead)
        with pytest.raises(lambdatotp.TooManyAttemptsError) as refused:
            verifier.verify("ana", code_of(enrollment))
        assert refused.value.retry_after == 1
        assert engine.get("ana")["throttle_at"] < (time.time() + 3) * 1000

    def test_is_told_and_taken_back_by_unlock(self, engine):
        verifier = engine.verifier()
        enrollment = verifier.register("ana")
        step = int(time.time()) // 30
        engine.set("ana", last_step=step + 10_000)
        assert verifier.verify("ana", code_of(enrollment)) is False
        assert 9_990 * 30 <= verifier.status("ana").ahead <= 10_000 * 30
        verifier.unlock("ana")
        status = verifier.status("ana")
        assert status.ahead == 0
        # Now, the window, and once more for a clock that is ahead of ours.
        assert engine.get("ana")["last_step"] - int(time.time()) // 30 in {1, 2}
        # What a right clock may have accepted before stays used.
        assert verifier.verify("ana", code_of(enrollment)) is False
        assert verifier.verify("ana", code_of(enrollment, 2)) is False
        engine.set("ana", last_step=step - 1)
        assert verifier.verify("ana", code_of(enrollment)) is True


def test_status(engine):
    verifier = engine.verifier(burst=3)
    before = int(time.time())
    enrollment = verifier.register("ana", recovery_codes=2)
    status = verifier.status("ana")
    assert before <= status.registered_at <= time.time()
    assert (status.confirmed_at, status.expires_at, status.sealed_by) == (None, None, None)
    assert (status.attempts_left, status.retry_after, status.recovery_codes_left) == (3, 0, 2)
    for code in wrong_codes(enrollment, 3):
        verifier.verify("ana", code)
    status = asyncio.run(verifier.status_async("ana"))
    assert (status.misses, status.attempts_left) == (3, 0)
    assert 3590 <= status.retry_after <= 3600
    assert repr(status) == "<UserStatus: not locked, 0 attempts left>"
    engine.put("bob", secret=LEGACY)
    assert verifier.status("bob").registered_at is None
    with pytest.raises(lambdatotp.UserNotFoundError):
        verifier.status("nobody")


class TestLapse:
    """Registrations that were never used, with `enrollment_ttl`."""

    def test_one_that_was_never_used_gives_way(self, engine):
        verifier = engine.verifier(enrollment_ttl=60)
        first = verifier.register("ana")
        assert verifier.status("ana").expires_at == engine.get("ana")["registered_at"] + 60
        with pytest.raises(lambdatotp.UserExistsError):
            verifier.register("ana")
        self.let_it_lapse(engine)
        # Whatever this verifier's own setting is: the item says what it is.
        second = engine.verifier().register("ana")
        assert second.secret != first.secret
        assert verifier.verify("ana", code_of(first)) is False
        assert verifier.verify("ana", code_of(second)) is True

    @pytest.mark.parametrize("way", ["code", "recovery"])
    def test_one_that_was_used_never_does(self, engine, way):
        verifier = engine.verifier(enrollment_ttl=60)
        enrollment = verifier.register("ana", recovery_codes=1)
        used = code_of(enrollment) if way == "code" else enrollment.recovery_codes[0]
        assert verifier.verify("ana", used)
        assert "expires_at" not in engine.get("ana")
        # DynamoDB may sweep away what has expires_at in the past: nothing that has confirmed_at.
        self.let_it_lapse(engine)
        with pytest.raises(lambdatotp.UserExistsError):
            verifier.register("ana")

    def test_off_by_default(self, engine):
        verifier = engine.verifier()
        verifier.register("ana")
        assert "expires_at" not in engine.get("ana")
        engine.put("bob", secret=LEGACY)
        for user in ("ana", "bob"):
            with pytest.raises(lambdatotp.UserExistsError):
                verifier.register(user)

    def test_one_whose_secret_was_given_never_does(self, engine):
        """A phone has it already: somebody else could register in its owner's place."""
        verifier = engine.verifier(enrollment_ttl=60)
        verifier.register("ana", secret=LEGACY)
        assert "expires_at" not in engine.get("ana")
        with pytest.raises(lambdatotp.UserExistsError):
            verifier.register("ana")

    def test_late_is_not_too_late(self, engine):
        """The first code counts until somebody else registers."""
        verifier = engine.verifier(enrollment_ttl=60)
        enrollment = verifier.register("ana")
        self.let_it_lapse(engine)
        assert verifier.verify("ana", code_of(enrollment)) is True
        with pytest.raises(lambdatotp.UserExistsError):
            verifier.register("ana")

    @staticmethod
    def let_it_lapse(engine):
        engine.client.update_item(
            TableName=engine.table_name,
            Key={"user_id": {"S": "ana"}},
            UpdateExpression="SET expires_at = :past",
            ExpressionAttributeValues={":past": {"N": str(int(time.time()) - 1)}},
        )
