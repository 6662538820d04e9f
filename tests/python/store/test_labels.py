"""The names that authenticator apps show, apart from the user id."""

from __future__ import annotations

import asyncio

import lambdatotp
import pytest

from tests.python.support.codes import code_of

# A user id that means nothing to people.
OPAQUE = "3f0c8f0e-4c1b-4b8e-9a53-0f6de3c7f2aa"


def shown(enrollment):
    uri = lambdatotp.KeyUri.parse(enrollment.uri)
    return uri.issuer, uri.account_name


def test_the_phone_shows_a_name_and_the_table_has_none(engine):
    verifier = engine.verifier(issuer="ACME")
    enrollment = verifier.register(OPAQUE, account_name="ana@example.com", issuer="ACME Staging")
    assert enrollment.user == OPAQUE
    assert shown(enrollment) == ("ACME Staging", "ana@example.com")
    rotated = verifier.rotate(OPAQUE, account_name="Ana: work", issuer="ACME Ltd")
    assert (rotated.user, shown(rotated)) == (OPAQUE, ("ACME Ltd", "Ana: work"))
    assert not {"ana", "Ana", "ACME"} & {str(value)[:4] for value in engine.get(OPAQUE).values()}
    assert "account_name" not in engine.get(OPAQUE)
    assert verifier.verify(OPAQUE, code_of(enrollment)) is True


def test_each_alone(engine):
    verifier = engine.verifier(issuer="ACME")
    assert shown(verifier.register("a", account_name="Ana")) == ("ACME", "Ana")
    assert shown(verifier.register("b", issuer="Other")) == ("Other", "b")
    assert shown(verifier.register("c")) == ("ACME", "c")
    assert shown(asyncio.run(verifier.register_async("d", account_name="Ana"))) == ("ACME", "Ana")
    assert shown(asyncio.run(verifier.rotate_async("d", issuer="Other"))) == ("Other", "d")


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("account_name", ""),
        ("account_name", "a\nb"),
        ("account_name", "a" * 257),
        ("account_name", "\ud800"),
        ("issuer", ""),
        ("issuer", "a\x00"),
        ("issuer", "ä" * 51),
        ("issuer", "\ud800"),
    ],
)
def test_names_that_cannot_be_store_nothing(engine, name, text):
    verifier = engine.verifier()
    enrollment = verifier.register("bob")
    with pytest.raises(lambdatotp.InvalidLabelError, match=f"invalid {name}") as refused:
        verifier.register("ana", **{name: text})
    assert isinstance(refused.value, ValueError)
    assert engine.get("ana") is None
    before = engine.get("bob")
    with pytest.raises(lambdatotp.InvalidLabelError, match=f"invalid {name}"):
        verifier.rotate("bob", **{name: text})
    assert engine.get("bob") == before
    with pytest.raises(TypeError, match=f"{name} must be a str"):
        verifier.register("ana", **{name: 1})
    assert verifier.verify("bob", code_of(enrollment)) is True


def test_the_longest_names_fit_into_a_qr_code(engine):
    made = engine.verifier().register("ana", account_name="ä" * 128, issuer="ü" * 50)
    assert made.qr_png().startswith(b"\x89PNG")
