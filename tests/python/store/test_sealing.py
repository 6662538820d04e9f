"""Secrets sealed at rest: what a copy of the table gives away, and to whom it opens."""

from __future__ import annotations

import base64
import os
import threading
import time
from pathlib import Path

import lambdatotp
import pytest

from tests.python.support.codes import LEGACY, code_of, legacy_code, wrong_codes
from tests.python.support.keys import K1, K2


def raw(value):
    """An attribute as boto3 takes it."""
    if isinstance(value, bytes):
        return {"B": value}
    return {"SS": list(value)} if isinstance(value, (list, set)) else value


def change(engine, user, **attributes):
    item = {**engine.get(user), **attributes}
    engine.put(user, **{k: raw(v) for k, v in item.items() if k != "user_id" and v is not None})


def test_the_table_holds_no_secret(engine):
    verifier = engine.verifier(keys=K1)
    enrollment = verifier.register("ana", recovery_codes=1)
    item = engine.get("ana")
    assert "secret" not in item
    assert item["sealed_by"] == "k1/2"
    secret = lambdatotp.Secret(enrollment.secret)
    for text in (enrollment.secret, bytes(secret).hex()):
        assert text not in str(item)
    assert bytes(secret) not in item["sealed"]
    assert verifier.status("ana").sealed_by == "k1"
    code = code_of(enrollment)
    assert [verifier.verify("ana", code) for _ in range(2)] == [True, False]


def test_neither_does_the_embedded_file(make_engine):
    engine = make_engine("file")
    secrets = [engine.verifier(keys=K1).register(f"user{n}").secret for n in range(20)]
    path = Path(engine.settings["embedded"])
    everything = b"".join(file.read_bytes() for file in sorted(path.parent.glob("users.db*")))
    assert len(everything) > 1000
    assert b"user19" in everything
    for secret in secrets:
        key = bytes(lambdatotp.Secret(secret))
        for text in (secret.encode(), key, base64.b64encode(key)[:-4]):
            assert text not in everything


def test_a_sealed_secret_opens_for_its_own_user_and_enrollment(engine):
    verifier = engine.verifier(keys=K1)
    ana, bob = verifier.register("ana"), verifier.register("bob")
    # A thief who can write to the table gives bob a secret that they know.
    change(engine, "bob", sealed=engine.get("ana")["sealed"])
    with pytest.raises(lambdatotp.ConfigurationError, match=r'key "k1" cannot decrypt.*"bob"'):
        verifier.verify("bob", code_of(ana))
    # The whole item but its key: the user is authenticated, too.
    change(engine, "bob", **{k: v for k, v in engine.get("ana").items() if k != "user_id"})
    with pytest.raises(lambdatotp.ConfigurationError, match="cannot decrypt"):
        verifier.verify("bob", code_of(ana))
    # An earlier secret brought back after a new registration.
    old = engine.get("ana")["sealed"]
    verifier.delete("ana")
    verifier.register("ana")
    change(engine, "ana", sealed=old)
    with pytest.raises(lambdatotp.ConfigurationError, match="cannot decrypt"):
        verifier.verify("ana", code_of(ana))
    assert bob.secret != ana.secret


@pytest.mark.parametrize("keys", [None, K2])
def test_without_its_key_nothing_is_judged_and_nothing_charged(engine, keys):
    enrollment = engine.verifier(keys=K1).register("ana", recovery_codes=1)
    before = engine.get("ana")
    blind = engine.verifier(keys=keys)
    for code in (code_of(enrollment), *wrong_codes(enrollment, 1)):
        for _ in range(3):
            with pytest.raises(lambdatotp.ConfigurationError, match='sealed by key "k1"'):
                blind.verify("ana", code)
    assert engine.get("ana") == before
    # Nor are recovery codes, which are hashed under it. Looking and helping need no key.
    with pytest.raises(lambdatotp.ConfigurationError, match="hashed with a key"):
        blind.verify("ana", enrollment.recovery_codes[0])
    assert blind.status("ana").sealed_by == "k1"
    blind.unlock("ana")


def test_another_key_under_the_same_name(engine):
    enrollment = engine.verifier(keys=K1).register("ana")
    other = f"k1:{base64.b64encode(os.urandom(32)).decode()}"
    with pytest.raises(lambdatotp.ConfigurationError, match='"k1" cannot decrypt') as refused:
        engine.verifier(keys=other).verify("ana", code_of(enrollment))
    assert enrollment.secret not in str(refused.value)
    assert other[3:] not in str(refused.value)


def test_a_new_key_seals_and_the_old_one_opens(engine):
    enrollment = engine.verifier(keys=K1).register("ana")
    both = engine.verifier(keys=f"{K2},{K1}", window=10)
    both.verify("ana", wrong_codes(enrollment, 1)[0])
    assert engine.get("ana")["sealed_by"] == "k1/2"
    assert both.verify("ana", code_of(enrollment))
    assert engine.get("ana")["sealed_by"] == "k2/2"
    assert engine.verifier(keys=K2, window=10).verify("ana", code_of(enrollment, 1))


@pytest.mark.parametrize("attributes", [{}, {"enrollment_id": "chosen"}], ids=["legacy", "ours"])
def test_secrets_in_the_open_are_sealed_at_the_next_accepted_code(engine, attributes):
    engine.put("ana", secret=LEGACY, **attributes)
    verifier = engine.verifier(keys=K1)
    assert verifier.verify("ana", "000000") is False
    assert engine.get("ana")["secret"] == LEGACY
    code = legacy_code()
    assert verifier.verify("ana", code) is True
    item = engine.get("ana")
    assert "secret" not in item
    assert item["sealed_by"] == "k1/2"
    assert item["enrollment_id"] == attributes.get("enrollment_id", item["enrollment_id"])
    assert verifier.verify("ana", code) is False
    assert engine.verifier(keys=K1, window=10).verify(
        "ana", lambdatotp.Totp(LEGACY).at(time.time() + 30)
    )


def test_many_at_once_seal_once(shared_engine):
    """One of many callers is let in, and the item they leave is whole."""
    shared_engine.put("ana", secret=LEGACY)
    verifiers = [shared_engine.verifier(keys=K1) for _ in range(4)]
    code, answers = legacy_code(), []

    def log_in(verifier):
        answers.extend(bool(verifier.verify("ana", code)) for _ in range(2))

    threads = [threading.Thread(target=log_in, args=(verifier,)) for verifier in verifiers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(answers) == [False] * 7 + [True]
    assert verifiers[0].verify("ana", code) is False


@pytest.mark.parametrize(
    "tampered",
    [
        {"sealed": "text"},
        {"sealed": b""},
        {"sealed": b"\0" * 48},
        {"sealed_by": None},
        {"sealed_by": {"N": "1"}},
        {"enrollment_id": None},
    ],
)
def test_damaged_items_are_named(engine, tampered):
    verifier = engine.verifier(keys=K1)
    enrollment = verifier.register("ana")
    change(engine, "ana", **tampered)
    with pytest.raises(lambdatotp.LambdaTotpError, match="ana") as refused:
        verifier.verify("ana", code_of(enrollment))
    assert isinstance(refused.value, (lambdatotp.StoreCorruptError, lambdatotp.ConfigurationError))


def test_an_item_stays_below_one_kilobyte(engine):
    """Then each write bills one unit. Everything that an item can have, at its longest."""
    verifier = engine.verifier(
        keys=f"{'k' * 32}:{K1[3:]}",
        algorithm="SHA512",
        digits=8,
        period=60,
        enrollment_ttl=86400,
    )
    user = "u" * 256
    enrollment = verifier.register(user, recovery_codes=10, secret="A" * 103)
    totp = lambdatotp.Totp(enrollment.secret, algorithm="SHA512", digits=8, period=60)
    assert verifier.verify(user, totp.now())
    assert verifier.verify(user, enrollment.recovery_codes[0])
    verifier.new_recovery_codes(user, 10)
    verifier.verify(user, "00000000")
    verifier.verify(user, "AAAA-AAAA-AAAA-AAAA")
    assert size(engine.get(user)) < 1024


def size(item):
    """As DynamoDB counts: names and values; a number takes half its digits and one byte."""
    total = 0
    for name, value in item.items():
        values = value if isinstance(value, (list, set)) else [value]
        sizes = [1 + (len(str(v)) + 1) // 2 + 1 if isinstance(v, int) else len(v) for v in values]
        total += len(name) + sum(sizes)
    return total


def test_keys_from_a_file(engine, tmp_path, monkeypatch):
    file = tmp_path / "keys"
    file.write_text(f"{K2}\n{K1}\n")
    enrollment = engine.verifier(keys=f"file:{file}").register("ana")
    assert engine.get("ana")["sealed_by"] == "k2/2"
    monkeypatch.setenv("LAMBDATOTP_KEYS", f"file:{file}")
    assert engine.verifier().verify("ana", code_of(enrollment))


@pytest.mark.parametrize(
    "keys", ["k1", "k1:short", "file:/nowhere", K1 + "," + K1, "k 1:" + K1[3:], ","]
)
def test_keys_that_cannot_be(keys):
    with pytest.raises(lambdatotp.ConfigurationError, match="invalid keys") as refused:
        lambdatotp.Verifier(keys=keys)
    assert K1[3:] not in str(refused.value)
