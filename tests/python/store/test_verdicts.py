"""What `check` tells besides yes and no."""

from __future__ import annotations

import asyncio
import pickle
import time

import lambdatotp
import pytest

from tests.python.support.codes import LEGACY, code_of, legacy_code, wrong_code
from tests.python.support.keys import K1

ALL = ("outcome", "step", "first", "attempts_left", "recovery_codes_left", "enrollment_id")


def told(verdict):
    return tuple(getattr(verdict, name) for name in ALL)


def test_each_outcome_in_full(engine):
    verifier = engine.verifier(burst=5, refill=3600, window=2)
    enrollment = verifier.register("ana", recovery_codes=2)
    one = engine.get("ana")["enrollment_id"]
    wrong, code = wrong_code(enrollment), code_of(enrollment)
    assert told(verifier.check("ana", wrong)) == ("rejected", None, False, 4, 2, one)
    accepted = verifier.check("ana", code)
    assert abs(accepted.step - time.time() / 30) < 3
    assert told(accepted) == ("accepted", accepted.step, True, 4, 2, one)
    assert told(verifier.check("ana", code)) == ("replayed", None, False, 3, 2, one)
    recovered = verifier.check("ana", enrollment.recovery_codes[0])
    assert told(recovered) == ("recovered", None, False, 3, 1, one)
    again = verifier.check("ana", enrollment.recovery_codes[0])
    assert told(again) == ("rejected", None, False, 3, 1, one)
    later = asyncio.run(verifier.check_async("ana", code_of(enrollment, 1)))
    assert told(later)[2:] == (False, 3, 1, one)
    # What cannot be a code is not looked at, and neither is the user.
    assert told(verifier.check("nobody", "x")) == ("rejected", None, False, None, None, None)
    for verdict in (accepted, again, recovered):
        assert told(pickle.loads(pickle.dumps(verdict))) == told(verdict)
    with pytest.raises(ValueError, match="not a pickled Verification"):
        lambdatotp._lambdatotp._verification("odd", (None, False), (None, None), None)


def test_the_attempts_left_are_those_of_the_status(engine):
    verifier = engine.verifier(burst=4, max_misses=6)
    enrollment = verifier.register("ana")
    for _ in range(4):
        left = verifier.check("ana", wrong_code(enrollment)).attempts_left
        assert left == verifier.status("ana").attempts_left
    assert left == 0


def test_the_first_code_is_told_once(engine):
    verifier = engine.verifier(window=3)
    enrollment = verifier.register("ana")
    firsts = [verifier.check("ana", code_of(enrollment, step)).first for step in (-1, 0, 1)]
    assert firsts == [True, False, False]
    codes = verifier.register("bob", recovery_codes=2).recovery_codes
    assert [verifier.check("bob", code).first for code in codes] == [True, False]


def test_an_original_users_enrollment_gets_a_name_with_the_seal(engine):
    engine.put("ana", secret=LEGACY)
    verifier = engine.verifier(window=2)
    assert verifier.check("ana", "000000").enrollment_id is None
    verdict = engine.verifier(keys=K1, window=2).check("ana", legacy_code())
    assert (verdict.outcome, verdict.first) == ("accepted", True)
    assert verdict.enrollment_id == engine.get("ana")["enrollment_id"]


def test_a_new_enrollment_has_another_name(engine):
    verifier = engine.verifier()
    before = verifier.check("ana", code_of(verifier.register("ana"))).enrollment_id
    verifier.delete("ana")
    after = verifier.check("ana", code_of(verifier.register("ana"))).enrollment_id
    assert before != after
