"""Registering, verifying and deleting, on every engine."""

from __future__ import annotations

import asyncio
import time

import lambdatotp
import pyotp
import pytest

from tests.python.support.codes import LEGACY, code_of, is_gone, legacy_code, wrong_code


def test_a_code_is_accepted_once(engine):
    verifier = engine.verifier(issuer="ACME")
    enrollment = verifier.register("ana@example.com")
    assert enrollment.user == "ana@example.com"
    parsed = pyotp.parse_uri(enrollment.uri)
    assert (parsed.issuer, parsed.name) == ("ACME", "ana@example.com")
    assert parsed.secret == enrollment.secret
    code = parsed.now()
    assert verifier.verify("ana@example.com", code) is True
    assert verifier.verify("ana@example.com", code) is False
    # Another process would not accept it either.
    assert engine.verifier().verify("ana@example.com", code) is False


def test_a_code_of_an_earlier_step_is_refused_after_a_later_one(engine):
    verifier = engine.verifier()
    enrollment = verifier.register("ana")
    earlier, later = code_of(enrollment, -1), code_of(enrollment, 1)
    assert verifier.verify("ana", later) is True
    assert verifier.verify("ana", earlier) is False


def test_the_window_is_one_step_unless_told_otherwise(engine):
    verifier = engine.verifier()
    enrollment = verifier.register("ana")
    # Two and more away stays outside even if a step begins in between.
    assert verifier.verify("ana", code_of(enrollment, -3)) is False
    assert verifier.verify("ana", code_of(enrollment, 3)) is False
    assert engine.verifier(window=5).verify("ana", code_of(enrollment, -3)) is True


def test_a_window_of_zero_takes_no_earlier_code(engine):
    """The strict reading of OWASP ASVS 6.5.5: a code is good for its own 30 seconds."""
    verifier = engine.verifier(window=0)
    enrollment = verifier.register("ana")
    earlier = code_of(enrollment, -1)
    assert verifier.verify("ana", earlier) is False
    assert engine.verifier(window=5).verify("ana", earlier) is True


def test_registering_twice_keeps_the_first_secret(engine):
    verifier = engine.verifier()
    enrollment = verifier.register("ana")
    with pytest.raises(lambdatotp.UserExistsError, match="already registered"):
        verifier.register("ana")
    assert verifier.verify("ana", code_of(enrollment)) is True


def test_deleting(engine):
    verifier = engine.verifier()
    enrollment = verifier.register("ana")
    assert verifier.delete("ana") is None
    assert is_gone(engine, "ana")
    for call in (
        lambda: verifier.verify("ana", code_of(enrollment)),
        lambda: verifier.delete("ana"),
    ):
        with pytest.raises(lambdatotp.UserNotFoundError, match="no such user"):
            call()
    # A new enrollment has a new secret, and nothing of the old one.
    again = verifier.register("ana")
    assert again.secret != enrollment.secret
    assert verifier.verify("ana", code_of(enrollment)) is False
    assert verifier.verify("ana", code_of(again)) is True


def test_a_secret_can_be_brought_along(engine):
    verifier = engine.verifier()
    for user, secret in (
        ("a", LEGACY),
        ("b", "jbsw y3dp ehpk 3pxp"),
        ("c", lambdatotp.Secret(LEGACY)),
    ):
        assert verifier.register(user, secret=secret).secret == LEGACY
        assert verifier.verify(user, legacy_code()) is True
    for bad in ("", "JBSWY3DP", "not base32!", "\ud800"):
        with pytest.raises(lambdatotp.InvalidSecretError):
            verifier.register("d", secret=bad)
    with pytest.raises(TypeError):
        verifier.register("d", secret=12)
    assert engine.get("d") is None


def test_the_original_applications_items_verify_as_they_are(engine):
    engine.put("old@example.com", secret=LEGACY)
    verifier = engine.verifier()
    code = legacy_code()
    assert verifier.verify("old@example.com", code) is True
    assert verifier.verify("old@example.com", code) is False
    item = engine.get("old@example.com")
    assert item["secret"] == LEGACY
    assert item["misses"] == 1  # the replay counts as one
    with pytest.raises(lambdatotp.UserExistsError):
        verifier.register("old@example.com")


@pytest.mark.parametrize("digits", [6, 7, 8])
@pytest.mark.parametrize("algorithm", ["SHA1", "SHA256", "SHA512"])
def test_a_users_parameters_outlive_the_configuration(engine, digits, algorithm):
    made = engine.verifier(digits=digits, algorithm=algorithm, period=60)
    parsed = pyotp.parse_uri(made.register("ana").uri)
    assert (parsed.digits, parsed.interval) == (digits, 60)
    assert engine.verifier().verify("ana", parsed.now()) is True


@pytest.mark.parametrize(
    "code",
    ["", " ", "12345", "123456789", "abcdef", "+12345", "12345x", "1_23456", "123456.",
     "12\x003456", "１２３４５", "¹23456", "\ud800", "-" * 10_000, "9" * 10_000],
)  # fmt: skip
def test_what_is_no_code_is_false_and_costs_nothing(engine, code):
    verifier = engine.verifier(burst=1)
    verifier.register("ana")
    for _ in range(5):
        assert verifier.verify("ana", code) is False
    assert "throttle_at" not in engine.get("ana")


def test_spaces_and_hyphens_in_a_code_do_not_matter(engine):
    verifier = engine.verifier()
    enrollment = verifier.register("ana")
    code = code_of(enrollment)
    assert verifier.verify("ana", f" {code[:3]}-{code[3:]} ") is True


@pytest.mark.parametrize(
    "user", ["", "a" * 257, "ä" * 129, "a\nb", "\x00", "a\x7f", "a\x85b", "\ud800"]
)
def test_user_ids_that_cannot_be(engine, user):
    verifier = engine.verifier()
    calls = (verifier.register, verifier.delete, lambda user: verifier.verify(user, "123456"))
    for call in calls:
        with pytest.raises(lambdatotp.InvalidUserError, match="invalid user"):
            call(user)
        with pytest.raises(TypeError):
            call(12)


@pytest.mark.parametrize(
    "user",
    ["a", "a" * 256, "ä" * 128, "a@b.c", "a+b", "a/b", "%41", "a b", " ", "日本語", "🎉", "a:b",
     "'\"{}", "../..", "#:x", "a\u200db"],
)  # fmt: skip
def test_user_ids_that_can(engine, user):
    verifier = engine.verifier(issuer="A:B + C% ü")
    enrollment = verifier.register(user)
    uri = lambdatotp.KeyUri.parse(enrollment.uri)
    assert (uri.issuer, uri.account_name) == ("A:B + C% ü", user.lstrip(" "))
    assert enrollment.qr_png().startswith(b"\x89PNG")
    assert verifier.verify(user, code_of(enrollment)) is True
    verifier.delete(user)


def test_user_ids_are_taken_as_they_are(engine):
    verifier = engine.verifier()
    for user in ("Ana", "ana", "ana ", "é", "e\u0301"):
        verifier.register(user)


def test_the_budget_of_guesses(engine):
    verifier = engine.verifier(burst=3, refill=3600)
    enrollment = verifier.register("ana")
    wrong = wrong_code(enrollment)
    for _ in range(3):
        assert verifier.verify("ana", wrong) is False
    charged = engine.get("ana")
    for code in (wrong, code_of(enrollment)):
        with pytest.raises(lambdatotp.TooManyAttemptsError, match="try again in") as error:
            verifier.verify("ana", code)
        assert 3590 <= error.value.retry_after <= 3600
    # A refused attempt changes nothing.
    assert engine.get("ana") == charged
    # Other users are not touched.
    other = verifier.register("bob")
    assert verifier.verify("bob", code_of(other)) is True


def test_success_gives_back_its_own_attempt_only(engine):
    verifier = engine.verifier(burst=3, window=6)  # one more than is used
    enrollment = verifier.register("ana")
    wrong = wrong_code(enrollment)
    assert verifier.verify("ana", wrong) is False
    assert verifier.verify("ana", wrong) is False
    for step in (-5, -4, -3, -2, -1, 0, 1, 2, 3):
        assert verifier.verify("ana", code_of(enrollment, step)) is True
    assert verifier.verify("ana", wrong) is False
    with pytest.raises(lambdatotp.TooManyAttemptsError):
        verifier.verify("ana", wrong)


def test_an_attempt_comes_back_after_the_refill_time(engine):
    verifier = engine.verifier(burst=1, refill=3600)
    enrollment = verifier.register("ana")
    assert verifier.verify("ana", wrong_code(enrollment)) is False
    with pytest.raises(lambdatotp.TooManyAttemptsError):
        verifier.verify("ana", code_of(enrollment))
    # An hour passes for the item: the clock stays.
    item = engine.get("ana")
    engine.put("ana", **{**item, "throttle_at": item["throttle_at"] - 3600_000})
    assert verifier.verify("ana", code_of(enrollment)) is True


def test_a_hundred_misses_in_a_row_lock(engine):
    verifier = engine.verifier(burst=100, refill=0.001)
    enrollment = verifier.register("ana")
    item = engine.get("ana")
    engine.put("ana", **item, misses=99)
    assert verifier.verify("ana", wrong_code(enrollment)) is False
    assert engine.get("ana")["misses"] == 100
    for _ in range(3):
        with pytest.raises(lambdatotp.LockedError, match="locked"):
            verifier.verify("ana", code_of(enrollment))
    assert engine.get("ana")["misses"] == 100
    # Enrolling anew unlocks.
    verifier.delete("ana")
    assert verifier.verify("ana", code_of(verifier.register("ana"))) is True


def test_success_ends_a_run_of_misses(engine):
    verifier = engine.verifier(burst=100, max_misses=3, window=2)  # one more than is used
    enrollment = verifier.register("ana")
    wrong = wrong_code(enrollment)
    for step in (-1, 0, 1):
        assert verifier.verify("ana", wrong) is False
        assert verifier.verify("ana", wrong) is False
        assert verifier.verify("ana", code_of(enrollment, step)) is True


def test_damaged_items_are_named(engine):
    verifier = engine.verifier()
    for attribute, damage in {
        "secret": {"N": "5"},
        "digits": {"S": "six"},
        "period": {"N": "0"},
        "algorithm": {"S": "MD5"},
        "last_step": {"N": "-1"},
    }.items():
        engine.put("ana", **{"secret": LEGACY, attribute: damage})
        with pytest.raises(lambdatotp.StoreCorruptError, match=f'"ana".*{attribute}') as error:
            verifier.verify("ana", "123456")
        assert LEGACY not in str(error.value)


def test_every_item_has_what_the_design_says(engine):
    verifier = engine.verifier()
    enrollment = verifier.register("ana")
    item = engine.get("ana")
    assert set(item) == {"user_id", "secret", "enrollment_id", "registered_at", "generated"}
    assert abs(item["registered_at"] - time.time()) < 60
    verifier.verify("ana", code_of(enrollment))
    item = engine.get("ana")
    assert set(item) == {
        "user_id", "secret", "enrollment_id", "registered_at", "reserve_id", "accept_id",
        "last_step", "misses", "throttle_at", "confirmed_at", "generated",
    }  # fmt: skip
    assert item["misses"] == 0
    assert abs(item["last_step"] - time.time() / 30) < 3


def test_connecting_beforehand(engine):
    """It asks the table nothing, so it leaves no trace on any engine."""
    verifier = engine.verifier()
    assert verifier.connect() is None
    assert asyncio.run(verifier.connect_async()) is None
    code = code_of(verifier.register("ana"))
    assert verifier.verify("ana", code)
