"""Events of what is not a REST API: the app says so, once, and answers nothing."""

from __future__ import annotations

import json
import uuid

import pytest

from tests.python.support import events
from tests.python.support.service import forget_app

OTHERS = {
    "http-api-2.0": events.http_api("POST", "/verify", {"user": "ana", "code": "123456"}),
    "function-url": events.function_url("POST", "/verify", {"user": "ana", "code": "123456"}),
    "alb": events.alb("POST", "/verify", {"user": "ana", "code": "123456"}),
    "test of the console": {"key1": "value1"},
}


@pytest.fixture
def app(monkeypatch):
    monkeypatch.setenv("LAMBDATOTP_EMBEDDED", ":memory:")
    monkeypatch.setenv("LAMBDATOTP_TABLE_NAME", f"users_{uuid.uuid4().hex}")
    forget_app()
    import app

    return app.app


@pytest.mark.parametrize("kind", OTHERS)
def test_it_says_what_it_serves_in_one_line(app, caplog, kind):
    caplog.clear()
    answer = app(OTHERS[kind], None)
    assert answer["statusCode"] == 500
    assert answer["headers"]["Cache-Control"] == "no-store"
    assert "REST API only" in json.loads(answer["body"])["Message"]
    (record,) = caplog.records
    line = record.getMessage()
    assert "\n" not in line
    assert "REST API only" in line
    assert "lambda_handler.py" in line
    assert not {"ana", "123456"} & set(line.split())


def test_a_rest_api_is_served(app):
    assert app(events.rest_api("POST", "/", {"user": "ana"}), None)["statusCode"] == 201


def test_version_1_of_an_http_api_is_served(app):
    """It says what a REST API says."""
    assert app(events.http_api_1("POST", "/", {"user": "ana"}), None)["statusCode"] == 201
