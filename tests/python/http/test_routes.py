"""The routes of the HTTP service, through Chalice's own test client."""

from __future__ import annotations

import base64
import html
import inspect
import re
import sys
import time
from email.utils import formatdate
from urllib.parse import quote, urlencode

import lambdatotp
import pyotp
import pytest

from tests.python.support.codes import LEGACY, legacy_code
from tests.python.support.pictures import pixels_of_png, read
from tests.python.support.service import FORM, JSON

USERS = [
    "ana@example.com",
    "a+b",
    "a/b",
    "50%",
    "%41",
    "a b",
    "日本語",
    "🎉",
    "a:b",
    "a&b=c",
    "..",
    "a?b#c",
    "verify",
    "enroll",
]


def test_register_scan_verify(service):
    response = service.register("ana@example.com")
    assert response.status_code == 201
    body = response.json_body
    assert set(body) == {"user_id", "user", "qr_code", "qr_code_url"}
    assert body["user_id"] == body["user"] == "ana@example.com"
    # What a phone would read off the picture.
    kind, _, data = body["qr_code_url"].partition(",")
    assert kind == "data:image/png;base64"
    scanned = read(pixels_of_png(base64.b64decode(data)))
    assert scanned == body["qr_code"]
    totp = pyotp.parse_uri(scanned)
    assert (totp.name, totp.issuer) == ("ana@example.com", "MyApp")
    code = totp.now()
    verified = service.verify("ana@example.com", code)
    told = {"code_is_valid": True, "first": True, "attempts_left": 10, "recovery_codes_left": 0}
    assert (verified.status_code, verified.json_body) == (200, told)
    told |= {"code_is_valid": False, "first": False, "attempts_left": 9}
    assert service.verify("ana@example.com", code).json_body == told
    # The table was not asked.
    refused = {"code_is_valid": False, "first": False}
    assert service.verify("ana@example.com", "no code").json_body == refused


@pytest.mark.parametrize("user", USERS)
def test_user_ids_on_every_route(engine, load_app, user):
    # A step more than is used, so that one may end between computing a code and sending it.
    service = load_app(
        **engine.environment(), LAMBDATOTP_API_TOKEN="t0ken-of-an-operator", LAMBDATOTP_WINDOW="2"
    )
    bearer = {"Authorization": "Bearer t0ken-of-an-operator"}
    for register in (
        lambda: service.call("POST", "/", {"user": user}, bearer),
        lambda: service.call("POST", "/", urlencode({"user": user}), {**FORM, **bearer}),
    ):
        response = register()
        assert response.status_code == 201
        assert response.json_body["user_id"] == user
        totp = pyotp.parse_uri(response.json_body["qr_code"])
        assert totp.name == user
        for step, call in enumerate(
            (
                lambda code: service.call("POST", "/verify", {"user": user, "code": code}, bearer),
                lambda code: service.call(
                    "POST", "/verify", urlencode({"user": user, "code": code}), {**FORM, **bearer}
                ),
                lambda code: service.call(
                    "GET", "/verify?" + urlencode({"user": user, "code": code}), headers=bearer
                ),
            ),
            start=-1,
        ):
            code = totp.at(time.time(), counter_offset=step)
            assert call(code).json_body["code_is_valid"] is True
        root = "/?" + urlencode({"user": user, "code": "000000"}, quote_via=quote)
        assert service.call("GET", root, headers=bearer).json_body["code_is_valid"] is False
        assert service.call("DELETE", "/" + quote(user, safe=""), headers=bearer).status_code == 204
        gone = service.call("DELETE", "/" + quote(user, safe=""), headers=bearer)
        assert (gone.status_code, gone.json_body["Code"]) == (404, "NotFoundError")


def test_the_original_applications_users(engine, load_app):
    engine.put("old@example.com", secret=LEGACY)
    service = load_app(**engine.environment())
    path = "/verify?" + urlencode({"user": "old@example.com", "code": legacy_code()})
    assert service.call("GET", path).json_body["code_is_valid"] is True


def test_the_time_is_the_services_own(engine, load_app):
    """With a time of their own, callers could use a code of any time."""
    for call in ("verify", "check", "confirm", "verify_async", "check_async", "confirm_async"):
        asked = inspect.signature(getattr(lambdatotp.Verifier, call)).parameters
        assert list(asked) == ["self", "user", "code"]
    service = load_app(**engine.environment())
    uri = service.register("ana").json_body["qr_code"]
    past = int(time.time()) - 3600
    code = pyotp.parse_uri(uri).at(past)
    for name in ("time", "at", "now", "timestamp", "for_time"):
        fields = {"user": "ana", "code": code, name: past}
        for answer in (
            service.call("POST", "/verify", fields, {"Date": formatdate(past, usegmt=True)}),
            service.call("GET", f"/verify?{urlencode(fields)}"),
        ):
            assert answer.status_code == 200
            assert answer.json_body["code_is_valid"] is False


def test_replies_are_not_kept(service):
    for response in (service.register("ana"), service.register("ana"), service.verify("ana", "1")):
        assert response.headers["Cache-Control"] == "no-store"
        assert "Access-Control-Allow-Origin" not in response.headers


class TestRecovery:
    TOKEN = {"Authorization": "Bearer t0ken-of-an-operator"}  # noqa: RUF012 - nobody changes it

    @pytest.fixture
    def guarded(self, engine, load_app):
        return load_app(**engine.environment(), LAMBDATOTP_API_TOKEN="t0ken-of-an-operator")

    def call(self, service, path, fields):
        return service.call("POST", path, fields, self.TOKEN)

    def test_codes_come_with_a_registration_that_asks_for_them(self, guarded):
        body = self.call(guarded, "/", {"user": "ana", "recovery_codes": 2}).json_body
        assert len(body["recovery_codes"]) == 2
        first, second = body["recovery_codes"]
        verified = self.call(guarded, "/verify", {"user": "ana", "code": first}).json_body
        told = {"code_is_valid": True, "first": True, "attempts_left": 10}
        assert verified == {**told, "recovery_codes_left": 1}
        again = self.call(guarded, "/verify", {"user": "ana", "code": first}).json_body
        told |= {"first": False}
        assert again == {**told, "code_is_valid": False, "recovery_codes_left": 1}
        form = guarded.call(
            "POST", "/verify", urlencode({"user": "ana", "code": second}), {**FORM, **self.TOKEN}
        )
        assert form.json_body == {**told, "recovery_codes_left": 0}

    def test_a_form_asks_with_text(self, guarded):
        body = urlencode({"user": "ana", "recovery_codes": "3"})
        response = guarded.call("POST", "/", body, {**FORM, **self.TOKEN})
        assert len(response.json_body["recovery_codes"]) == 3

    @pytest.mark.parametrize(
        "count", [-1, 21, 1.5, "x", "", "٣", None, True, [1], 10**30, "9" * 99]
    )
    def test_numbers_that_cannot_be(self, guarded, count):
        response = self.call(guarded, "/", {"user": "ana", "recovery_codes": count})
        assert (response.status_code, response.json_body["Code"]) == (400, "BadRequestError")
        assert "recovery_codes is not a number" in response.json_body["Message"]

    @pytest.mark.parametrize("count", [2, 2.0, "2", "02"])
    def test_numbers_that_are_one(self, guarded, count):
        body = {"user": "ana", "recovery_codes": count}
        assert len(self.call(guarded, "/", body).json_body["recovery_codes"]) == 2

    def test_new_ones(self, guarded):
        old = self.call(guarded, "/", {"user": "ana", "recovery_codes": 1}).json_body
        new = self.call(guarded, "/recovery_codes", {"user": "ana"})
        assert (new.status_code, new.json_body["user_id"]) == (201, "ana")
        assert len(new.json_body["recovery_codes"]) == 10
        for code, right in [
            (old["recovery_codes"][0], False),
            (new.json_body["recovery_codes"][0], True),
        ]:
            body = self.call(guarded, "/verify", {"user": "ana", "code": code}).json_body
            assert body["code_is_valid"] is right
        assert self.call(guarded, "/recovery_codes", {"user": "nobody"}).status_code == 404
        assert self.call(guarded, "/recovery_codes", {"user": "ana", "count": 0}).status_code == 400

    def test_unlock(self, engine, guarded):
        engine.put("ana", secret=LEGACY, misses=100)
        right = {"user": "ana", "code": legacy_code()}
        assert self.call(guarded, "/verify", right).status_code == 423
        assert self.call(guarded, "/unlock", {"user": "ana"}).status_code == 204
        assert self.call(guarded, "/verify", right).json_body["code_is_valid"] is True
        assert self.call(guarded, "/unlock", {"user": "nobody"}).status_code == 404

    @pytest.mark.parametrize("path", ["/unlock", "/recovery_codes"])
    def test_without_a_token_nobody_may(self, service, engine, path):
        engine.put("ana", secret=LEGACY, misses=100)
        response = service.call("POST", path, {"user": "ana"})
        assert (response.status_code, response.json_body["Code"]) == (403, "ForbiddenError")
        assert engine.get("ana")["misses"] == 100


class TestEnrollmentPage:
    """Who gets it; what it does is in tests/python/page."""

    @pytest.mark.parametrize("setting", [None, "", "off", "OFF"])
    def test_it_is_off_until_it_is_switched_on(self, engine, load_app, setting):
        variables = {} if setting is None else {"LAMBDATOTP_ENROLL_PAGE": setting}
        service = load_app(
            **engine.environment(), **variables, LAMBDATOTP_API_TOKEN="t0ken-of-an-operator"
        )
        for headers in ({}, {"Authorization": "Bearer t0ken-of-an-operator"}):
            response = service.call("GET", "/enroll", headers=headers)
            assert (response.status_code, response.json_body["Code"]) == (404, "NotFoundError")

    @pytest.mark.parametrize("setting", ["1", "true", "no", "on off", " on"])
    def test_what_is_neither_on_nor_off_stops_the_app(self, engine, load_app, setting):
        with pytest.raises(SystemExit) as stopped:
            load_app(**engine.environment(), LAMBDATOTP_ENROLL_PAGE=setting)
        message = "lambdatotp: LAMBDATOTP_ENROLL_PAGE is neither off, on nor demo"
        assert stopped.value.code == message

    @pytest.mark.parametrize(
        "link",
        ["/", "/account?a=1&b=2#c", "https://example.com", "https://example.com:8443/a%20b",
         "http://localhost:3000/", "http://127.0.0.1/x", "http://[::1]:8000/", '/"><script>'],
    )  # fmt: skip
    @pytest.mark.parametrize("issuer", ["MyApp", "<b>A&B</b>{{link}}"])
    def test_it_leads_where_the_configuration_says(self, engine, load_app, link, issuer):
        settings = {"LAMBDATOTP_ENROLL_PAGE": "on", "LAMBDATOTP_ENROLL_LINK": link}
        service = load_app(**engine.environment(), **settings, LAMBDATOTP_ISSUER=issuer)
        text = service.call("GET", "/enroll").body.decode()
        (found,) = re.findall(r'<a id="back" class="button" href="([^"]*)">(.*?)</a>', text)
        assert html.unescape(found[0]) == link
        assert html.unescape(re.sub(r"</?(span|bdi)>", "", found[1])) == f"Back to {issuer}"
        assert text.count("<script") == 1

    @pytest.mark.parametrize(
        "link",
        ["account", "//elsewhere.example", "/\\elsewhere.example", "\\\\elsewhere.example",
         "https:/\\elsewhere.example", "http://example.com/", "http://localhost.example.com/",
         "http://localhost@example.com/", "https://user:password@example.com/", "https://",
         "https:///path", "https://[::1", "https://example.com:port/", "javascript:alert(1)",
         "JavaScript://%0aalert(1)", "data:text/html,x", "ftp://example.com/", "/a b", " /a",
         "/a\n", "\t//elsewhere.example", "/\t/elsewhere.example", "https://ex\u00e4mple.com/"],
    )  # fmt: skip
    def test_a_link_that_cannot_be_used_stops_the_app(self, engine, load_app, link):
        with pytest.raises(SystemExit) as stopped:
            load_app(**engine.environment(), LAMBDATOTP_ENROLL_LINK=link)
        assert stopped.value.code == (
            "lambdatotp: LAMBDATOTP_ENROLL_LINK cannot be used: give an https:// URL, or a path "
            "such as /account, in visible ASCII characters"
        )

    @pytest.mark.parametrize("setting", ["on", "demo"])
    def test_only_the_demonstration_invites_to_type_a_code_again(self, engine, load_app, setting):
        service = load_app(**engine.environment(), LAMBDATOTP_ENROLL_PAGE=setting)
        text = service.call("GET", "/enroll").body.decode()
        assert ("Type the same one again" in text) is (setting == "demo")
        assert 'id="back"' not in text

    @pytest.mark.parametrize("token", [None, "t0ken-of-an-operator"])
    def test_it_is_shown_to_everybody_and_asks_for_the_token(self, engine, load_app, token):
        settings = {"LAMBDATOTP_ENROLL_PAGE": "ON"}
        if token:
            settings["LAMBDATOTP_API_TOKEN"] = token
        response = load_app(**engine.environment(), **settings).call("GET", "/enroll")
        assert response.status_code == 200
        assert response.headers["Content-Type"] == "text/html; charset=utf-8"
        assert response.headers["Cache-Control"] == "no-store"
        html = response.body.decode()
        assert html.startswith("<!doctype html>")
        assert ('type="password"' in html) is bool(token)
        assert "t0ken-of-an-operator" not in html

    def test_there_is_none_with_iam(self, engine, load_app, monkeypatch):
        service = load_app(**engine.environment(), LAMBDATOTP_ENROLL_PAGE="on")
        assert service.call("GET", "/enroll").status_code == 200
        monkeypatch.setattr(sys.modules["chalicelib.config"], "IAM_AUTHORIZATION", True)
        assert service.call("GET", "/enroll").status_code == 404


def test_every_reply_has_the_headers_of_a_careful_service(service):
    for response in (
        service.register("ana"),
        service.verify("ana", "000000"),
        service.verify("nobody", "000000"),
        service.call("POST", "/", b"", JSON),
        service.call("DELETE", "/ana"),
    ):
        headers = {name.lower(): value for name, value in response.headers.items()}
        assert headers["cache-control"] == "no-store"
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["content-security-policy"].startswith("default-src 'none'")
        assert headers["referrer-policy"] == "no-referrer"
        assert not [name for name in headers if name.startswith("access-control")]
