"""Refused requests are audit events, too: who tried, and no token."""

from __future__ import annotations

import importlib
import json
import sys
from urllib.parse import quote

import pytest
from chalice.test import Client

TOKEN = "correct-horse-battery-staple"
VERIFY = "verify-and-nothing-else"
WRONG = "a-token-of-somebody-else"

# What an event may say was asked for, refused or not.
OPERATIONS = {
    "register",
    "verify",
    "rotate",
    "confirm",
    "recovery_codes",
    "unlock",
    "status",
    "delete",
}


@pytest.fixture
def call(monkeypatch):
    """Call the app, which has two tokens and writes its audit trail."""
    settings = {
        "LAMBDATOTP_EMBEDDED": ":memory:",
        "LAMBDATOTP_TABLE_NAME": "refusals",
        "LAMBDATOTP_AUDIT": "on",
        "LAMBDATOTP_API_TOKEN": TOKEN,
        "LAMBDATOTP_VERIFY_TOKEN": VERIFY,
    }
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    for name in [name for name in sys.modules if name.split(".")[0] in {"app", "chalicelib"}]:
        del sys.modules[name]
    client = Client(importlib.import_module("app").app).http

    def call(method, path, body=b"", token=None, kind="application/json"):
        headers = {"Content-Type": kind}
        if token:
            headers["Authorization"] = f"Bearer {token}"
        if not isinstance(body, (bytes, str)):
            body = json.dumps(body)
        return client.request(method, path, headers=headers, body=body).status_code

    return call


def events(capfd):
    out, err = capfd.readouterr()
    for hidden in (TOKEN, VERIFY, WRONG):
        assert hidden not in out + err
    lines = [json.loads(line) for line in out.splitlines() if line.startswith('{"_aws"')]
    assert all(line["Operation"] in OPERATIONS for line in lines)
    return [(line["Outcome"], line["User"]) for line in lines]


@pytest.mark.parametrize("token", [None, WRONG])
@pytest.mark.parametrize(
    ("method", "path", "body", "kind", "user"),
    [
        ("POST", "/", {"user": "ana"}, "application/json", "ana"),
        ("POST", "/verify", "user=a%2Bb&code=1", "application/x-www-form-urlencoded", "a+b"),
        ("GET", "/verify?user=ana&code=123456", b"", "application/json", "ana"),
        ("DELETE", "/" + quote("ána b/c", safe=""), b"", "application/json", "ána b/c"),
        ("DELETE", "/verify", b"", "application/json", "verify"),
        ("POST", "/unlock", {"user": {"not": "text"}}, "application/json", ""),
        ("POST", "/unlock", b"{", "application/json", ""),
        ("POST", "/", {"user": "x" * 100_000}, "application/json", "x" * 256),
    ],
)
def test_who_shows_no_token(call, capfd, method, path, body, kind, user, token):
    assert call(method, path, body, token, kind) == 401
    assert events(capfd) == [("unauthorized", user)]


def test_a_token_that_may_not_do_that(call, capfd):
    assert call("DELETE", "/ana", token=VERIFY) == 403
    assert events(capfd) == [("forbidden", "ana")]


def test_unknown_and_known_users(call, capfd):
    assert call("POST", "/", {"user": "ana"}, TOKEN) == 201
    assert call("POST", "/", {"user": "ana"}, TOKEN) == 409
    for method, path, body in [
        ("POST", "/verify", {"user": "bob", "code": "123456"}),
        ("GET", "/?user=bob&code=123456", b""),
        ("POST", "/unlock", {"user": "bob"}),
        ("POST", "/recovery_codes", {"user": "bob"}),
        ("DELETE", "/bob", b""),
    ]:
        assert call(method, path, body, TOKEN) == 404
    assert call("DELETE", "/unlock", b"", TOKEN) == 404
    assert events(capfd) == [
        ("registered", "ana"),
        ("conflict", "ana"),
        *[("not_found", "bob")] * 5,
        ("not_found", "unlock"),
    ]


def test_what_cannot_be_read_is_no_event(call, capfd):
    assert call("POST", "/", b"{", TOKEN) == 400
    assert call("POST", "/", {"user": "a\nb"}, TOKEN) == 400
    assert events(capfd) == []


def test_operations_are_called_as_the_rights_are(call, capfd):
    assert call("POST", "/", {"user": "bea"}, TOKEN) == 201
    capfd.readouterr()
    for method, path, code in [
        ("POST", "/unlock", 204),
        ("POST", "/recovery_codes", 201),
        ("POST", "/rotate", 201),
        ("POST", "/status", 200),
        ("DELETE", "/bea", 204),
    ]:
        assert call(method, path, {"user": "bea"}, VERIFY) == 403
        assert call(method, path, {"user": "bea"}, TOKEN) == code
        refused, done = map(json.loads, capfd.readouterr().out.splitlines())
        assert refused["Operation"] == done["Operation"]
    access = importlib.import_module("chalicelib.access")
    assert access.EVERYTHING == OPERATIONS
