"""Requests that arrive long after their callers gave up, in front of AWS's DynamoDB Local.

With the time-outs that everybody has. What is shown here once is explored in every order by
tests/simulation.
"""

from __future__ import annotations

import lambdatotp
import pytest

from tests.python.support.codes import LEGACY, code_of, legacy_code, wrong_code, wrong_codes
from tests.python.support.fault_proxy import HOLD, LOSE_REPLY, PASS

K1, K2 = "k1:" + "A" * 43, "k2:" + "B" * 42 + "A"
# As many tries as there are.
ALL = [HOLD] * 4


@pytest.fixture
def engine(local_engine):
    return local_engine


def test_a_deletion_spares_the_next_enrollment(proxy, verifier):
    verifier.register("ana")
    proxy.faults.extend([PASS, HOLD])
    verifier.delete("ana")
    enrollment = verifier.register("ana")
    assert verifier.verify("ana", code_of(enrollment)) is True
    assert proxy.deliver() == 1
    assert verifier.status("ana").confirmed_at


def test_a_deletions_retry_spares_the_next_enrollment(engine, proxy, verifier):
    verifier.register("ana")
    enrollments = []
    other = engine.verifier()
    register = lambda: enrollments.append(other.register("ana"))  # noqa: E731
    proxy.faults.extend([PASS, LOSE_REPLY, register])
    verifier.delete("ana")
    assert verifier.verify("ana", code_of(enrollments[0])) is True


def test_a_registration_brings_nobody_back(proxy, verifier):
    proxy.faults.append(HOLD)
    enrollment = verifier.register("ana")
    code = code_of(enrollment)
    assert verifier.verify("ana", code) is True
    verifier.delete("ana")
    assert proxy.deliver() == 1
    with pytest.raises(lambdatotp.UserNotFoundError):
        verifier.verify("ana", code)


def test_a_registration_without_an_answer_does_not_come_after_the_deletion(proxy, verifier):
    proxy.faults.extend(ALL)
    with pytest.raises(lambdatotp.StoreUnavailableError):
        verifier.register("ana")
    proxy.faults.clear()
    with pytest.raises(lambdatotp.UserNotFoundError):
        verifier.delete("ana")
    assert proxy.deliver() >= 3
    enrollment = verifier.register("ana")
    assert verifier.verify("ana", code_of(enrollment)) is True


def test_a_rotation_does_not_come_after_the_next_one(proxy, verifier):
    verifier.register("ana")
    proxy.faults.extend([PASS, *ALL])
    with pytest.raises(lambdatotp.StoreUnavailableError):
        verifier.rotate("ana")
    proxy.faults.clear()
    second = verifier.rotate("ana")
    assert proxy.deliver() >= 3
    assert verifier.confirm("ana", code_of(second)).outcome == "accepted"


def test_a_rotation_does_not_come_after_its_confirmation(proxy, verifier):
    verifier.register("ana")
    proxy.faults.extend([PASS, HOLD])
    enrollment = verifier.rotate("ana")
    assert verifier.confirm("ana", code_of(enrollment)).outcome == "accepted"
    assert proxy.deliver() == 1
    assert verifier.status("ana").rotation_expires_at is None


def test_a_rotation_does_not_come_to_the_next_enrollment(proxy, verifier):
    verifier.register("ana")
    proxy.faults.extend([PASS, *ALL])
    with pytest.raises(lambdatotp.StoreUnavailableError):
        verifier.rotate("ana")
    proxy.faults.clear()
    verifier.delete("ana")
    verifier.register("ana")
    assert proxy.deliver() >= 3
    assert verifier.status("ana").rotation_expires_at is None


@pytest.mark.parametrize("then", ["verify", "redeem", "confirm", "rotate", "unlock", "delete"])
def test_a_confirmation_does_not_come_after_the_next_operation(engine, proxy, verifier, then):
    old = verifier.register("ana", recovery_codes=2)
    assert verifier.verify("ana", old.recovery_codes[0]) is True
    enrollment = verifier.rotate("ana")
    proxy.faults.extend([PASS, *ALL])
    with pytest.raises(lambdatotp.StoreUnavailableError):
        verifier.confirm("ana", code_of(enrollment))
    proxy.faults.clear()
    if then == "verify":
        assert verifier.verify("ana", code_of(old)) is True
    elif then == "redeem":
        assert verifier.verify("ana", old.recovery_codes[1]) is True
    elif then == "confirm":
        assert verifier.confirm("ana", code_of(enrollment)).outcome == "accepted"
    elif then == "delete":
        verifier.delete("ana")
        old = verifier.register("ana")
    else:
        getattr(verifier, then)("ana")
    before = engine.get("ana")
    assert proxy.deliver() >= 3
    assert engine.get("ana") == before
    if then in {"redeem", "rotate", "unlock", "delete"}:
        assert verifier.verify("ana", code_of(old)) is True


def test_starting_again_does_not_come_twice(engine, proxy, verifier):
    verifier.register("ana")
    proxy.faults.extend([PASS, *ALL])
    with pytest.raises(lambdatotp.StoreUnavailableError):
        verifier.register("ana", replace_unconfirmed=True)
    proxy.faults.clear()
    enrollment = verifier.register("ana", replace_unconfirmed=True)
    before = engine.get("ana")
    assert proxy.deliver() >= 3
    assert engine.get("ana") == before
    assert verifier.verify("ana", code_of(enrollment)) is True


def test_of_two_confirmations_at_once_one_counts(engine, proxy, verifier):
    verifier.register("ana")
    code = code_of(verifier.rotate("ana"))
    other, outcomes = engine.verifier(), []
    # Both have been charged before either writes.
    proxy.faults.extend([PASS, lambda: outcomes.append(other.confirm("ana", code).outcome)])
    outcomes.append(verifier.confirm("ana", code).outcome)
    assert outcomes == ["accepted", "rejected"]


def test_a_first_code_that_comes_between_is_not_replaced(engine, proxy, verifier):
    first = verifier.register("ana")
    other = engine.verifier()
    proxy.faults.extend([PASS, lambda: other.verify("ana", code_of(first))])
    with pytest.raises(lambdatotp.UserExistsError):
        verifier.register("ana", replace_unconfirmed=True)
    assert verifier.verify("ana", code_of(first, 1)) is True


def test_starting_again_does_not_come_after_new_recovery_codes(proxy, verifier):
    verifier.register("ana")
    proxy.faults.extend([PASS, *ALL])
    with pytest.raises(lambdatotp.StoreUnavailableError):
        verifier.register("ana", replace_unconfirmed=True)
    proxy.faults.clear()
    codes = verifier.new_recovery_codes("ana", 1)
    assert proxy.deliver() >= 3
    assert verifier.verify("ana", codes[0]) is True


def test_recovery_codes_stay_used(proxy, verifier):
    verifier.register("ana")
    proxy.faults.extend([PASS, HOLD])
    codes = verifier.new_recovery_codes("ana", 2)
    assert verifier.verify("ana", codes[0]) is True
    assert proxy.deliver() == 1
    assert verifier.verify("ana", codes[0]) is False
    assert verifier.verify("ana", codes[1]) is True


def test_recovery_codes_stay_with_their_enrollment(proxy, verifier):
    verifier.register("ana")
    proxy.faults.extend([PASS, *ALL])
    with pytest.raises(lambdatotp.StoreUnavailableError):
        verifier.new_recovery_codes("ana", 2)
    proxy.faults.clear()
    verifier.delete("ana")
    codes = verifier.register("ana", recovery_codes=1).recovery_codes
    assert proxy.deliver() >= 3
    assert verifier.verify("ana", codes[0]) is True


def test_an_unlock_buys_no_guesses(engine, proxy):
    verifier = engine.verifier(endpoint_url=proxy.url, burst=2)
    enrollment = verifier.register("ana")
    guesses = wrong_codes(enrollment, 4)
    for code in guesses[:2]:
        assert verifier.verify("ana", code) is False
    proxy.faults.extend([PASS, HOLD])
    verifier.unlock("ana")
    for code in guesses[2:]:
        assert verifier.verify("ana", code) is False
    assert proxy.deliver() == 1
    with pytest.raises(lambdatotp.TooManyAttemptsError):
        verifier.verify("ana", wrong_code(enrollment))


def test_a_seal_under_a_dropped_key_stays_away(engine, proxy):
    engine.put("ana", secret=LEGACY)
    before = engine.verifier(endpoint_url=proxy.url, keys=K1)
    # The login has its answer from the retry of its second write.
    proxy.faults.extend([PASS, *ALL])
    with pytest.raises(lambdatotp.StoreUnavailableError):
        before.verify("ana", legacy_code())
    proxy.faults.clear()
    changed = engine.verifier(keys=f"{K2},{K1}")
    assert changed.verify("ana", legacy_code()) is True
    proxy.deliver()
    status = engine.verifier(keys=K2).status("ana")
    assert status.sealed_by == "k2"
    assert engine.verifier(keys=K2).verify("ana", legacy_code()) is False
