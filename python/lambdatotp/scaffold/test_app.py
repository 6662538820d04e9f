"""A user registers and logs in, on an engine in memory: `pytest`."""

from __future__ import annotations

import json
from urllib.parse import parse_qs, urlsplit

import lambdatotp
import pytest
from chalice.test import Client, HTTPResponse


@pytest.fixture
def client(monkeypatch: pytest.MonkeyPatch) -> Client:
    monkeypatch.setenv("LAMBDATOTP_EMBEDDED", ":memory:")
    import app

    return Client(app.app)


def post(client: Client, path: str, **fields: str) -> HTTPResponse:
    headers = {"Content-Type": "application/json"}
    return client.http.post(path, headers=headers, body=json.dumps(fields))


def test_a_code_is_good_once(client: Client) -> None:
    registered = post(client, "/", user="ana@example.com")
    assert registered.status_code == 201
    secret = parse_qs(urlsplit(registered.json_body["qr_code"]).query)["secret"][0]
    code = lambdatotp.Totp(secret).now()
    answers = [post(client, "/verify", user="ana@example.com", code=code) for _ in range(2)]
    assert [answer.json_body["code_is_valid"] for answer in answers] == [True, False]
