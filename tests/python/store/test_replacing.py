"""Starting again: who closed the window before the first code was accepted."""

from __future__ import annotations

import lambdatotp
import pytest
from lambdatotp import _lambdatotp as native

from tests.python.support.codes import LEGACY, code_of, legacy_code, wrong_code
from tests.python.support.keys import K1


def again(verifier, user="ana", **options):
    return verifier.register(user, replace_unconfirmed=True, **options)


def stays(verifier, engine, user="ana"):
    """See that a user is not replaced, and that nothing has changed."""
    before = engine.get(user)
    with pytest.raises(lambdatotp.UserExistsError, match="already registered"):
        again(verifier, user)
    assert engine.get(user) == before


@pytest.mark.parametrize("keys", [None, K1])
def test_it_starts_again_at_once(engine, keys):
    verifier = engine.verifier(keys=keys)
    first = verifier.register("ana", recovery_codes=1)
    assert verifier.verify("ana", wrong_code(first)) is False
    second = again(verifier, recovery_codes=2)
    third = again(verifier)
    assert len({first.secret, second.secret, third.secret}) == 3
    # Nothing is left of the others.
    for code in (code_of(first), code_of(second), first.recovery_codes[0]):
        assert verifier.verify("ana", code) is False
    assert verifier.status("ana").recovery_codes_left == 0
    assert verifier.verify("ana", code_of(third)) is True
    stays(verifier, engine)


def test_nobody_there_is_no_obstacle(engine):
    verifier = engine.verifier()
    assert verifier.verify("ana", code_of(again(verifier))) is True
    verifier.delete("ana")
    assert verifier.verify("ana", code_of(again(verifier))) is True


def test_it_has_to_be_asked_for(engine):
    verifier = engine.verifier()
    enrollment = verifier.register("ana")
    with pytest.raises(lambdatotp.UserExistsError):
        verifier.register("ana")
    assert verifier.verify("ana", code_of(enrollment)) is True


def test_never_a_confirmed_one(engine):
    verifier = engine.verifier(window=2)
    enrollment = verifier.register("ana")
    assert verifier.verify("ana", code_of(enrollment)) is True
    stays(verifier, engine)
    codes = verifier.register("bob", recovery_codes=1).recovery_codes
    assert verifier.verify("bob", codes[0]) is True
    stays(verifier, engine, "bob")
    verifier.register("eve")
    rotated = verifier.rotate("eve")
    assert verifier.confirm("eve", code_of(rotated))
    stays(verifier, engine, "eve")


def test_never_one_whose_secret_was_brought_along(engine):
    """A phone has it, and nobody is asked to confirm it."""
    verifier = engine.verifier()
    verifier.register("ana", secret=LEGACY)
    stays(verifier, engine)
    assert verifier.verify("ana", legacy_code()) is True


def test_never_an_imported_one(engine):
    verifier = engine.verifier()
    totp = lambdatotp.Totp(LEGACY)
    for user, state in (("ana", {}), ("bob", {"registered_at": 1, "expires_at": 2})):
        stored = native.StoredUser(user, totp, native.UserState(**state))
        (outcome,) = native.import_users(verifier, [stored])
        assert outcome.outcome == native.ImportOutcome.NEW
        stays(verifier, engine, user)


def test_never_one_of_the_original_application(engine):
    engine.put("ana", secret=LEGACY)
    verifier = engine.verifier()
    stays(verifier, engine)
    # Nor one of a version that did not note who made the secret.
    engine.put("bob", secret=LEGACY, enrollment_id="some", registered_at=1)
    stays(verifier, engine, "bob")


def test_a_code_that_comes_first_counts(engine):
    """Whichever is first: the phone's code, or the new start."""
    verifier = engine.verifier()
    first = verifier.register("ana")
    code = code_of(first)
    again(verifier)
    assert verifier.verify("ana", code) is False
