"""What the service refuses, and how it says so."""

from __future__ import annotations

import json
import time
from urllib.parse import urlencode

import pytest
from lambdatotp import _lambdatotp

from tests.python.support.codes import LEGACY, legacy_code
from tests.python.support.service import FORM, JSON


@pytest.mark.parametrize(
    ("body", "headers", "says"),
    [
        (b"", JSON, "no body"),
        (b"", {}, "no body"),
        (b"  ", JSON, "no body"),
        (b"{", JSON, "not valid JSON"),
        (b"\xff\xfe", JSON, "not valid JSON"),
        (b"user=ana", JSON, "not valid JSON"),
        (b"[" * 100_000, JSON, "not valid JSON"),
        (b"null", JSON, "not a JSON object"),
        (b'["user"]', JSON, "not a JSON object"),
        (b'"user"', JSON, "not a JSON object"),
        (b"{}", JSON, "user is missing"),
        (b'{"user": null}', JSON, "user is missing"),
        (b'{"user": ""}', JSON, "user is missing"),
        (b'{"user": 5}', JSON, "user is not a string"),
        (b'{"user": ["ana"]}', JSON, "user is not a string"),
        (b'{"user": true}', JSON, "user is not a string"),
        (b'{"user": "a\\u0000b"}', JSON, "control characters"),
        (b'{"user": "a\\nb"}', JSON, "control characters"),
        (b'{"user": "\\ud800"}', JSON, "Unicode"),
        (json.dumps({"user": "a" * 257}).encode(), JSON, "longer than 256 bytes"),
        (json.dumps({"user": "é" * 129}).encode(), JSON, "longer than 256 bytes"),
        (b"other=1", FORM, "user is missing"),
        (b"user=", FORM, "user is missing"),
        (b"user=%ff", FORM, "not a form in UTF-8"),
        (b"user=%00", FORM, "control characters"),
        (b"&".join([b"a=1"] * 1000), FORM, "not a form"),
    ],
)
def test_bad_registrations(make_engine, load_app, body, headers, says):
    service = load_app(**make_engine("memory").environment())
    response = service.call("POST", "/", body, headers)
    assert response.status_code == 400
    assert response.json_body["Code"] == "BadRequestError"
    assert says in response.json_body["Message"]


@pytest.mark.parametrize(
    ("query", "says"),
    [
        ({}, "user is missing"),
        ({"user": "ana"}, "code is missing"),
        ({"code": "123456"}, "user is missing"),
        ({"user": "", "code": "123456"}, "user is missing"),
        ({"user": "ana", "code": ""}, "code is missing"),
        ({"user": "a\nb", "code": "123456"}, "control characters"),
        ({"user": "a" * 257, "code": "123456"}, "longer than 256 bytes"),
    ],
)
def test_bad_verifications(make_engine, load_app, query, says):
    service = load_app(**make_engine("memory").environment())
    for response in (
        service.call("GET", "/verify?" + urlencode(query)),
        service.call("GET", "/?" + urlencode(query)),
        service.call("POST", "/verify", query),
        service.call("POST", "/verify", urlencode(query) or " ", FORM),
    ):
        assert response.status_code == 400
        message = response.json_body["Message"]
        assert says in message or (not query and "no body" in message)


def test_a_code_that_is_a_number_lost_its_zeros(service):
    service.register("ana")
    response = service.call("POST", "/verify", {"user": "ana", "code": 123456})
    assert (response.status_code, response.json_body["Message"]) == (400, "code is not a string.")


@pytest.mark.parametrize(
    "code", ["abc", "12345", "１２３４５６", "123456789", "%s", "12\u00003456"]
)
def test_codes_that_are_none_are_just_wrong(service, code):
    service.register("ana")
    assert service.verify("ana", code).json_body["code_is_valid"] is False


def test_other_content_types(service):
    response = service.call("POST", "/", b"<user/>", {"Content-Type": "text/xml"})
    assert response.status_code == 415
    charset = {"Content-Type": "application/json; charset=utf-8"}
    assert service.call("POST", "/", b'{"user": "ana"}', charset).status_code == 201


def test_conflict_and_not_found(service):
    assert service.register("ana").status_code == 201
    again = service.register("ana")
    assert (again.status_code, again.json_body["Code"]) == (409, "ConflictError")
    unknown = service.verify("bob", "123456")
    assert (unknown.status_code, unknown.json_body["Code"]) == (404, "NotFoundError")


def test_too_many_attempts(engine, load_app):
    service = load_app(**engine.environment(), LAMBDATOTP_BURST="2")
    service.register("ana")
    for _ in range(2):
        assert service.verify("ana", "000000").json_body["code_is_valid"] is False
    refused = service.verify("ana", "000000")
    assert (refused.status_code, refused.json_body["Code"]) == (429, "TooManyRequestsError")
    assert 3590 <= int(refused.headers["Retry-After"]) <= 3600


def test_a_locked_user(engine, load_app):
    engine.put("ana", secret=LEGACY, misses=100)
    service = load_app(**engine.environment())
    refused = service.verify("ana", legacy_code())
    assert (refused.status_code, refused.json_body["Code"]) == (423, "LockedError")


def test_a_table_that_does_not_answer(load_app, caplog):
    service = load_app(AWS_ENDPOINT_URL_DYNAMODB="http://127.0.0.1:9", LAMBDATOTP_TIMEOUT="3")
    started = time.monotonic()
    refused = service.register("ana")
    assert time.monotonic() - started < 10
    assert (refused.status_code, refused.json_body["Code"]) == (503, "ServiceUnavailableError")
    assert int(refused.headers["Retry-After"]) > 0
    assert "StoreUnavailableError: the store did not answer" in caplog.text


def test_an_internal_error(service, caplog):
    _lambdatotp._panic_next(in_future=True)
    refused = service.register("ana")
    assert (refused.status_code, refused.json_body["Code"]) == (503, "ServiceUnavailableError")
    assert "InternalError: internal error at src/" in caplog.text
    assert refused.json_body["Message"].startswith("There is no verdict: the app failed.")
    assert service.register("ana").status_code == 201


@pytest.mark.parametrize(
    ("variables", "logged"),
    [
        ({"LAMBDATOTP_TABLE_NAME": "missing"}, "there is no table"),
        ({"LAMBDATOTP_DIGITS": "5"}, "LAMBDATOTP_DIGITS"),
        ({"LAMBDATOTP_EMBEDDED": "/nowhere/users.db"}, "cannot open the embedded table"),
    ],
)
@pytest.mark.local
def test_what_the_operator_must_mend_is_logged(make_engine, load_app, caplog, variables, logged):
    service = load_app(**{**make_engine("dynamodb_local").environment(), **variables})
    for refused in (service.register("ana"), service.verify("ana", "123456")):
        assert (refused.status_code, refused.json_body["Code"]) == (503, "ServiceUnavailableError")
        assert logged not in refused.json_body["Message"]
        assert "the app is not configured correctly" in refused.json_body["Message"]
    assert logged in caplog.text
