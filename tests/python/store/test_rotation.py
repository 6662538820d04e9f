"""A change of phone without a gap: the old one works until the new one has proven itself."""

from __future__ import annotations

import asyncio
import time

import lambdatotp
import pyotp
import pytest
from lambdatotp import _lambdatotp as native

from tests.python.support.codes import LEGACY, code_of, legacy_code, wrong_code
from tests.python.support.keys import K1, K2

# DynamoDB bills a write by kilobytes that were begun.
KILOBYTE = 1024


def lapse(engine, user="ana"):
    """Let the rotation lapse: the clock stays."""
    engine.client.update_item(
        TableName=engine.table_name,
        Key={"user_id": {"S": user}},
        UpdateExpression="SET pending.expires_at = :past",
        ExpressionAttributeValues={":past": {"N": str(int(time.time()) - 1)}},
    )


def size_of(engine, user):
    """The size of an item as DynamoDB counts it."""
    reply = engine.client.get_item(TableName=engine.table_name, Key={"user_id": {"S": user}})

    def size(value):
        ((kind, inner),) = value.items()
        if kind == "N":
            return (len(inner.strip("-")) + 1) // 2 + 1
        if kind == "M":
            return 3 + sum(len(name) + size(one) + 1 for name, one in inner.items())
        if kind == "SS":
            return sum(len(one.encode()) for one in inner)
        return 1 if kind == "BOOL" else len(inner.encode() if kind == "S" else inner)

    return sum(len(name) + size(value) for name, value in reply["Item"].items())


def test_recovery_codes_that_were_used_are_in_nobodys_way(engine):
    """A confirmation demands that no other was used since: the set is compared as a set."""
    verifier = engine.verifier()
    old = verifier.register("ana", recovery_codes=6)
    for code in old.recovery_codes[:5]:
        assert verifier.verify("ana", code) is True
    new = verifier.rotate("ana")
    assert verifier.confirm("ana", code_of(new)).outcome == "accepted"
    assert verifier.status("ana").recovery_codes_left == 1


@pytest.mark.parametrize("keys", [None, K1])
def test_a_change_of_phone(engine, keys):
    verifier = engine.verifier(keys=keys, window=3)
    old = verifier.register("ana", recovery_codes=2)
    before = verifier.check("ana", code_of(old, -1))
    new = verifier.rotate("ana")
    assert (new.user, new.recovery_codes) == ("ana", [])
    assert new.secret != old.secret
    waits = verifier.status("ana").rotation_expires_at
    assert 890 <= waits - time.time() <= 900
    # Each looks at its own secret, and at nothing else.
    assert verifier.verify("ana", code_of(new)) is False
    assert not verifier.confirm("ana", code_of(old, 1))
    assert verifier.verify("ana", code_of(old)) is True
    verdict = verifier.confirm("ana", code_of(new))
    assert (verdict.outcome, bool(verdict), verdict.first) == ("accepted", True, False)
    assert (verdict.recovery_codes_left, verdict.attempts_left) == (2, 8)
    assert abs(verdict.step - time.time() / 30) < 3
    assert verdict.enrollment_id not in {before.enrollment_id, None}
    # The code is used, the old secret is gone, recovery codes stay.
    assert verifier.check("ana", code_of(new, -1)).outcome == "replayed"
    assert verifier.verify("ana", code_of(old, 2)) is False
    assert verifier.verify("ana", code_of(new, 1)) is True
    assert verifier.verify("ana", old.recovery_codes[0]) is True
    assert verifier.status("ana").rotation_expires_at is None
    with pytest.raises(lambdatotp.NoRotationError, match="no rotation to confirm"):
        verifier.confirm("ana", code_of(new, 2))
    item = engine.get("ana")
    assert "pending" not in item
    assert item["enrollment_id"] == verdict.enrollment_id
    assert ("secret" in item) is (keys is None)
    assert old.secret not in str(item)


def test_awaitables(engine):
    verifier = engine.verifier()
    verifier.register("ana")

    async def change():
        new = await verifier.rotate_async("ana")
        assert not await verifier.confirm_async("ana", wrong_code(new))
        return await verifier.confirm_async("ana", code_of(new))

    assert asyncio.run(change()).outcome == "accepted"


def test_nothing_else_changes_by_beginning(engine):
    verifier = engine.verifier()
    old = verifier.register("ana", recovery_codes=1)
    verifier.verify("ana", wrong_code(old))
    before = engine.get("ana")
    verifier.rotate("ana")
    after = engine.get("ana")
    assert {name for name in after if after[name] != before.get(name)} == {"pending", "change_id"}
    assert set(before) <= set(after)


def test_a_newer_rotation_takes_the_place_of_one_that_waits(engine):
    verifier = engine.verifier()
    verifier.register("ana")
    first, second = verifier.rotate("ana"), verifier.rotate("ana")
    assert not verifier.confirm("ana", code_of(first))
    assert verifier.confirm("ana", code_of(second))


def test_it_lapses(engine):
    verifier = engine.verifier(rotation_ttl=60)
    old = verifier.register("ana")
    new = verifier.rotate("ana")
    assert 50 <= verifier.status("ana").rotation_expires_at - time.time() <= 60
    lapse(engine)
    before = engine.get("ana")
    with pytest.raises(lambdatotp.NoRotationError, match="expired"):
        verifier.confirm("ana", code_of(new))
    assert engine.get("ana") == before
    assert verifier.status("ana").rotation_expires_at is None
    assert verifier.verify("ana", code_of(old)) is True
    assert verifier.confirm("ana", code_of(verifier.rotate("ana")))


def test_without_a_rotation_nothing_is_charged(engine):
    verifier = engine.verifier()
    verifier.register("ana")
    before = engine.get("ana")
    with pytest.raises(lambdatotp.NoRotationError) as refused:
        verifier.confirm("ana", "123456")
    assert isinstance(refused.value, ValueError)
    assert engine.get("ana") == before
    for call in (lambda: verifier.confirm("nobody", "123456"), lambda: verifier.rotate("nobody")):
        with pytest.raises(lambdatotp.UserNotFoundError):
            call()
    assert not verifier.confirm("nobody", "no code")


def test_guesses_share_one_budget(engine):
    verifier = engine.verifier(burst=4)
    old = verifier.register("ana")
    new = verifier.rotate("ana")
    for call, left in ((verifier.check, 3), (verifier.confirm, 2), (verifier.check, 1)):
        assert call("ana", wrong_code(old)).attempts_left == left
    assert verifier.confirm("ana", wrong_code(new)).attempts_left == 0
    for call in (verifier.check, verifier.confirm):
        with pytest.raises(lambdatotp.TooManyAttemptsError):
            call("ana", code_of(new))
    assert engine.get("ana")["misses"] == 4


def test_misses_lock_both(engine):
    verifier = engine.verifier(max_misses=2)
    old = verifier.register("ana")
    new = verifier.rotate("ana")
    assert not verifier.confirm("ana", wrong_code(new))
    assert not verifier.verify("ana", wrong_code(old))
    for call, code in ((verifier.confirm, code_of(new)), (verifier.verify, code_of(old))):
        with pytest.raises(lambdatotp.LockedError):
            call("ana", code)
    verifier.unlock("ana")
    assert verifier.confirm("ana", code_of(new))
    assert engine.get("ana")["misses"] == 0


def test_a_confirmed_code_gives_its_own_attempt_back(engine):
    verifier = engine.verifier(burst=3)
    old = verifier.register("ana")
    new = verifier.rotate("ana")
    assert not verifier.verify("ana", wrong_code(old))
    assert verifier.confirm("ana", code_of(new)).attempts_left == 2
    assert verifier.status("ana").attempts_left == 2


def test_a_rotation_confirms_an_enrollment_that_nobody_has_used(engine):
    verifier = engine.verifier(enrollment_ttl=60)
    verifier.register("ana")
    verdict = verifier.confirm("ana", code_of(verifier.rotate("ana")))
    assert (verdict.outcome, verdict.first) == ("accepted", True)
    status = verifier.status("ana")
    assert (status.expires_at, bool(status.confirmed_at)) == (None, True)


@pytest.mark.parametrize("keys", [None, K1])
def test_users_of_the_original_application_change_too(engine, keys):
    engine.put("ana", secret=LEGACY)
    verifier = engine.verifier(keys=keys, window=2)
    new = verifier.rotate("ana")
    # With a key, this login seals the old secret and gives the enrollment a name.
    assert verifier.verify("ana", legacy_code()) is True
    verdict = verifier.confirm("ana", code_of(new))
    assert verdict.outcome == "accepted"
    assert LEGACY not in str(engine.get("ana"))
    assert verifier.verify("ana", legacy_code()) is False
    assert verifier.check("ana", code_of(new, 1)).enrollment_id == verdict.enrollment_id


def test_the_new_secret_has_the_parameters_of_today(engine):
    engine.verifier(digits=8, algorithm="SHA512", period=60).register("ana")
    new = engine.verifier().rotate("ana")
    assert engine.verifier().confirm("ana", pyotp.parse_uri(new.uri).now())
    item = engine.get("ana")
    assert not {"digits", "algorithm", "period"} & set(item)
    there_again = engine.verifier(digits=7, algorithm="SHA256", period=90)
    new = there_again.rotate("ana")
    totp = lambdatotp.Totp(new.secret, digits=7, algorithm="SHA256", period=90)
    assert engine.verifier().confirm("ana", totp.now())
    item = engine.get("ana")
    assert (item["digits"], item["algorithm"], item["period"]) == (7, "SHA256", 90)


class TestSealing:
    def test_what_waits_is_sealed_for_its_own_place(self, engine):
        verifier = engine.verifier(keys=K1)
        verifier.register("ana")
        new = verifier.rotate("ana")
        item = engine.get("ana")
        pending = item["pending"]
        assert set(pending) == {"enrollment_id", "sealed", "sealed_by", "expires_at"}
        assert pending["enrollment_id"]["S"] != item["enrollment_id"]
        assert new.secret not in str(item)
        # Anyone who writes to the table cannot make it the secret, nor move it to another user.
        moved = {name: pending[name] for name in ("enrollment_id", "sealed", "sealed_by")}
        engine.put("ana", **{**item, **moved, "pending": {"M": pending}, "sealed": moved["sealed"]})
        with pytest.raises(lambdatotp.ConfigurationError, match="cannot decrypt"):
            verifier.verify("ana", code_of(new))
        verifier.register("bob")
        bob = {**engine.get("bob"), "pending": {"M": pending}}
        engine.put("bob", **{**bob, "sealed": {"B": bob["sealed"]}})
        with pytest.raises(lambdatotp.ConfigurationError, match="cannot decrypt"):
            verifier.confirm("bob", code_of(new))

    def test_without_its_key_nothing_is_charged(self, engine):
        engine.verifier(keys=K1).register("ana")
        new = engine.verifier(keys=f"{K2},{K1}").rotate("ana")
        before = engine.get("ana")
        with pytest.raises(lambdatotp.ConfigurationError, match='sealed by key "k2"'):
            engine.verifier(keys=K1).confirm("ana", code_of(new))
        assert engine.get("ana") == before
        assert engine.verifier(keys=K2).confirm("ana", code_of(new))
        assert engine.get("ana")["sealed_by"] == "k2/2"

    def test_reseal_seals_it_too(self, engine):
        engine.verifier(keys=K1).register("ana")
        new = engine.verifier(keys=K1).rotate("ana")
        page = native.reseal_users(engine.verifier(keys=f"{K2},{K1}"), None, limit=10)
        assert (page.sealed, page.refused) == (1, [])
        assert engine.get("ana")["pending"]["sealed_by"]["S"] == "k2/2"
        only = engine.verifier(keys=K2)
        again = native.reseal_users(only, None, limit=10)
        assert (again.sealed, again.already) == (0, 1)
        assert only.confirm("ana", code_of(new))

    def test_reseal_removes_one_that_has_lapsed(self, engine):
        """Its key is about to go."""
        old = engine.verifier(keys=K1).register("ana")
        engine.verifier(keys=K1).rotate("ana")
        lapse(engine)
        page = native.reseal_users(engine.verifier(keys=f"{K2},{K1}"), None, limit=10)
        assert page.refused == []
        assert "pending" not in engine.get("ana")
        assert engine.verifier(keys=K2).verify("ana", code_of(old)) is True


@pytest.mark.parametrize("keys", [None, K1])
def test_it_moves_to_another_table(engine, keys):
    verifier = engine.verifier(keys=keys)
    old = verifier.register("ana")
    new = verifier.rotate("ana")
    verifier.register("bob")
    verifier.rotate("bob")
    lapse(engine, "bob")
    users = {user.user: user for user in native.export_users(verifier, None, limit=10).users}
    assert users["bob"].state.pending is None
    pending = users["ana"].state.pending
    assert new.secret not in repr(pending)
    elsewhere = lambdatotp.Verifier(embedded=":memory:", table_name=f"to_{engine.table_name}")
    (outcome,) = native.import_users(elsewhere, [users["ana"]])
    assert outcome.outcome == native.ImportOutcome.NEW
    assert elsewhere.status("ana").rotation_expires_at == pending.expires_at
    assert elsewhere.verify("ana", code_of(old)) is True
    assert elsewhere.confirm("ana", code_of(new))


def test_an_item_with_everything_stays_under_a_kilobyte(engine):
    """With a UUID, ten recovery codes under a key, and parameters other than the usual."""
    user = "3f0c8f0e-4c1b-4b8e-9a53-0f6de3c7f2aa"
    verifier = engine.verifier(keys=K1, digits=8, algorithm="SHA512", period=60, window=10)
    verifier.register(user)
    verifier.delete(user)
    old = verifier.register(user, recovery_codes=10)
    totp = pyotp.parse_uri(old.uri)
    assert not verifier.verify(user, "00000000")
    assert verifier.verify(user, totp.now())
    verifier.unlock(user)
    codes = verifier.new_recovery_codes(user)
    assert verifier.verify(user, codes[0])
    verifier.rotate(user)
    item = engine.get(user)
    assert set(item) == {
        "user_id", "enrollment_id", "sealed", "sealed_by", "registered_at", "confirmed_at",
        "generated", "algorithm", "digits", "period", "last_step", "misses", "reserve_id",
        "accept_id", "recovery", "redeemed", "change_id", "unlock_id", "replaced_id", "pending",
    }  # fmt: skip
    assert size_of(engine, user) < KILOBYTE


def test_damage_is_named(engine):
    verifier = engine.verifier()
    new = None
    for name, damage in {"pending": {"S": "x"}, "digits": {"N": "9"}, "secret": {"S": "?"}}.items():
        verifier.register(name)
        new = verifier.rotate(name)
        item = engine.get(name)
        pending = damage if name == "pending" else {"M": {**item["pending"], name: damage}}
        engine.put(name, **{**item, "pending": pending})
        with pytest.raises(lambdatotp.LambdaTotpError) as refused:
            verifier.confirm(name, code_of(new))
        if name != "pending":
            assert isinstance(refused.value, lambdatotp.StoreCorruptError)
            assert name in str(refused.value)
        assert new.secret not in str(refused.value)
