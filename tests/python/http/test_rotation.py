"""Enrollment's life over HTTP: names, starting again, a change of phone, status."""

from __future__ import annotations

import time
from urllib.parse import urlencode

import pyotp
import pytest
from lambdatotp._verifier import STATUS

from tests.python.support.codes import LEGACY
from tests.python.support.service import FORM

TOKEN = {"Authorization": "Bearer t0ken-of-an-operator"}


@pytest.fixture
def guarded(engine, load_app):
    return load_app(**engine.environment(), LAMBDATOTP_API_TOKEN="t0ken-of-an-operator")


def post(service, path, **fields):
    return service.call("POST", path, fields, TOKEN)


def totp_of(reply):
    return pyotp.parse_uri(reply.json_body["qr_code"])


def test_names_on_the_phone(guarded):
    reply = post(guarded, "/", user="4711", account_name="ana@example.com", issuer="ACME")
    assert (reply.status_code, reply.json_body["user_id"]) == (201, "4711")
    assert (totp_of(reply).issuer, totp_of(reply).name) == ("ACME", "ana@example.com")
    form = urlencode({"user": "4711", "account_name": "Ana", "issuer": "Other"})
    reply = guarded.call("POST", "/rotate", form, {**FORM, **TOKEN})
    assert (totp_of(reply).issuer, totp_of(reply).name) == ("Other", "Ana")


@pytest.mark.parametrize("path", ["/", "/rotate"])
@pytest.mark.parametrize(
    "name", [{"account_name": ""}, {"account_name": 1}, {"issuer": None}, {"issuer": "a\nb"},
             {"issuer": "a" * 101}, {"account_name": "a" * 257}],
)  # fmt: skip
def test_names_that_cannot_be(guarded, engine, path, name):
    engine.put("bob", secret=LEGACY)
    user = "ana" if path == "/" else "bob"
    reply = post(guarded, path, user=user, **name)
    assert (reply.status_code, reply.json_body["Code"]) == (400, "BadRequestError")
    assert next(iter(name)) in reply.json_body["Message"]
    assert engine.get("ana") is None
    assert "pending" not in engine.get("bob")


def test_starting_again(guarded):
    first = totp_of(post(guarded, "/", user="ana"))
    assert post(guarded, "/", user="ana").status_code == 409
    for value in (False, "false"):
        assert post(guarded, "/", user="ana", replace_unconfirmed=value).status_code == 409
    for value in (1, "yes", None, "", "True"):
        refused = post(guarded, "/", user="ana", replace_unconfirmed=value)
        assert refused.status_code == 400
        assert "replace_unconfirmed is not true or false" in refused.json_body["Message"]
    form = urlencode({"user": "ana", "replace_unconfirmed": "true"})
    second = guarded.call("POST", "/", form, {**FORM, **TOKEN})
    assert second.status_code == 201
    assert totp_of(second).secret != first.secret
    third = totp_of(post(guarded, "/", user="ana", replace_unconfirmed=True))
    assert post(guarded, "/verify", user="ana", code=third.now()).json_body["first"] is True
    assert post(guarded, "/", user="ana", replace_unconfirmed=True).status_code == 409


def test_a_change_of_phone(guarded):
    old = totp_of(post(guarded, "/", user="ana", recovery_codes=1))
    none = post(guarded, "/confirm", user="ana", code="123456")
    assert (none.status_code, none.json_body["Code"]) == (409, "ConflictError")
    assert "no rotation to confirm" in none.json_body["Message"]
    rotated = post(guarded, "/rotate", user="ana")
    assert rotated.status_code == 201
    assert set(rotated.json_body) == {"user_id", "user", "qr_code", "qr_code_url"}
    new = totp_of(rotated)
    told = {"code_is_valid": True, "first": True, "attempts_left": 10, "recovery_codes_left": 1}
    assert post(guarded, "/verify", user="ana", code=old.now()).json_body == told
    wrong = post(guarded, "/confirm", user="ana", code=old.at(time.time() + 30))
    told |= {"code_is_valid": False, "first": False, "attempts_left": 9}
    assert (wrong.status_code, wrong.json_body) == (200, told)
    right = post(guarded, "/confirm", user="ana", code=new.now())
    assert (right.status_code, right.json_body) == (200, {**told, "code_is_valid": True})
    again = post(guarded, "/verify", user="ana", code=new.now())
    assert again.json_body["code_is_valid"] is False
    for path in ("/rotate", "/confirm"):
        assert post(guarded, path, user="nobody", code="123456").status_code == 404
        assert post(guarded, path, code="123456").status_code == 400


def test_status(guarded, engine):
    post(guarded, "/", user="ana", recovery_codes=2)
    post(guarded, "/rotate", user="ana")
    reply = post(guarded, "/status", user="ana")
    assert reply.status_code == 200
    known = reply.json_body
    assert list(known) == ["user_id", *STATUS]
    assert (known["user_id"], known["locked"], known["attempts_left"]) == ("ana", False, 10)
    assert (known["recovery_codes_left"], known["confirmed_at"]) == (2, None)
    assert 800 < known["rotation_expires_at"] - time.time() <= 900
    for secret in (engine.get("ana")["secret"], engine.get("ana")["pending"]["secret"]["S"]):
        assert secret not in reply.body.decode()
    guarded.call("DELETE", "/ana", headers=TOKEN)
    # A tombstone is as good as nobody.
    for user in ("ana", "nobody"):
        gone = post(guarded, "/status", user=user)
        assert (gone.status_code, gone.json_body["Code"]) == (404, "NotFoundError")


@pytest.mark.parametrize("path", ["/status", "/rotate", "/confirm"])
def test_without_a_token_nobody_may(service, engine, path):
    engine.put("ana", secret=LEGACY)
    response = service.call("POST", path, {"user": "ana", "code": "123456"})
    assert (response.status_code, response.json_body["Code"]) == (403, "ForbiddenError")
    assert set(engine.get("ana")) == {"user_id", "secret"}
