"""The HTTP service, through Chalice's own test client."""

from __future__ import annotations

import base64
import hashlib
import importlib
import json
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlencode

import pyotp
import pytest
from chalice.test import Client
from codes import LEGACY, legacy_code
from fault_proxy import fault_proxy
from lambda_runtime import proxy_event
from pictures import pixels_of_png, read

if TYPE_CHECKING:
    from collections.abc import Iterator

JSON = {"Content-Type": "application/json"}
FORM = {"Content-Type": "application/x-www-form-urlencoded"}
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


class Service:
    """The app, as a caller sees it."""

    def __init__(self, client: Client) -> None:
        self.client = client

    def call(self, method: str, path: str, body: Any = b"", headers: Any = None) -> Any:
        if not isinstance(body, (bytes, str)):
            body, headers = json.dumps(body), {**JSON, **(headers or {})}
        response = self.client.http.request(method, path, headers=headers or {}, body=body)
        assert "Traceback" not in response.body.decode()
        assert response.status_code != 500
        return response

    def register(self, user: str, **headers: str) -> Any:
        return self.call("POST", "/", {"user": user}, headers)

    def verify(self, user: str, code: str) -> Any:
        return self.call("POST", "/verify", {"user": user, "code": code})


@pytest.fixture
def load_app(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """Import the app anew, as a fresh Lambda does, in the environment of the test."""

    def load(**variables: str) -> Service:
        for name, value in variables.items():
            monkeypatch.setenv(name, value)
        for name in [name for name in sys.modules if name.split(".")[0] in {"app", "chalicelib"}]:
            del sys.modules[name]
        return Service(Client(importlib.import_module("app").app))

    return load


@pytest.fixture
def service(engine, load_app):
    return load_app(**engine.environment())


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
    assert (verified.status_code, verified.json_body) == (200, {"code_is_valid": True})
    assert service.verify("ana@example.com", code).json_body == {"code_is_valid": False}


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
            assert call(code).json_body == {"code_is_valid": True}
        root = "/?" + urlencode({"user": user, "code": "000000"}, quote_via=quote)
        assert service.call("GET", root, headers=bearer).json_body == {"code_is_valid": False}
        assert service.call("DELETE", "/" + quote(user, safe=""), headers=bearer).status_code == 204
        gone = service.call("DELETE", "/" + quote(user, safe=""), headers=bearer)
        assert (gone.status_code, gone.json_body["Code"]) == (404, "NotFoundError")


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
    assert service.verify("ana", code).json_body == {"code_is_valid": False}


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


def test_the_original_applications_users(engine, load_app):
    engine.put("old@example.com", secret=LEGACY)
    service = load_app(**engine.environment())
    path = "/verify?" + urlencode({"user": "old@example.com", "code": legacy_code()})
    assert service.call("GET", path).json_body == {"code_is_valid": True}


def test_too_many_attempts(engine, load_app):
    service = load_app(**engine.environment(), LAMBDATOTP_BURST="2")
    service.register("ana")
    for _ in range(2):
        assert service.verify("ana", "000000").json_body == {"code_is_valid": False}
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


@pytest.mark.parametrize(
    ("variables", "logged"),
    [
        ({"LAMBDATOTP_TABLE_NAME": "missing"}, "there is no table"),
        ({"LAMBDATOTP_DIGITS": "5"}, "LAMBDATOTP_DIGITS"),
        ({"LAMBDATOTP_EMBEDDED": "/nowhere/users.db"}, "cannot open the embedded table"),
    ],
)
def test_what_the_operator_must_mend_is_logged(make_engine, load_app, caplog, variables, logged):
    service = load_app(**{**make_engine("dynamodb_local").environment(), **variables})
    for refused in (service.register("ana"), service.verify("ana", "123456")):
        assert (refused.status_code, refused.json_body["Code"]) == (503, "ServiceUnavailableError")
        assert logged not in refused.json_body["Message"]
    assert logged in caplog.text


class TestTheToken:
    TOKEN = "secret-of-the-app"
    ROUTES = (
        ("POST", "/", b'{"user": "ana"}'),
        ("GET", "/?user=ana&code=123456", b""),
        ("GET", "/verify?user=ana&code=123456", b""),
        ("POST", "/verify", b'{"user": "ana", "code": "123456"}'),
        ("DELETE", "/ana", b""),
    )

    @pytest.mark.parametrize("route", ROUTES)
    @pytest.mark.parametrize(
        "given",
        [None, "", TOKEN, "Bearer", "Bearer ", "Bearer  ", f"Bearer {TOKEN[:-1]}",
         f"Bearer {TOKEN}x", f"Basic {TOKEN}", f"Bearer {TOKEN}\u00e9"],
    )  # fmt: skip
    def test_is_demanded_on_every_route(self, make_engine, load_app, route, given):
        engine = make_engine("memory")
        service = load_app(**engine.environment(), LAMBDATOTP_API_TOKEN=self.TOKEN)
        method, path, body = route
        headers = JSON if given is None else {**JSON, "Authorization": given}
        response = service.call(method, path, body, headers)
        assert (response.status_code, response.json_body["Code"]) == (401, "UnauthorizedError")
        assert response.headers["WWW-Authenticate"] == "Bearer"
        assert engine.get("ana") is None

    @pytest.mark.parametrize("given", [f"Bearer {TOKEN}", f"bearer {TOKEN}", f"BEARER  {TOKEN} "])
    def test_opens_every_route(self, make_engine, load_app, given):
        service = load_app(**make_engine("memory").environment(), LAMBDATOTP_API_TOKEN=self.TOKEN)
        headers = {**JSON, "Authorization": given}
        statuses = [
            service.call(method, path, body, headers).status_code
            for method, path, body in self.ROUTES
        ]
        assert statuses == [201, 200, 200, 200, 204]

    def test_is_needed_to_delete(self, service):
        service.register("ana")
        refused = service.call("DELETE", "/ana")
        assert (refused.status_code, refused.json_body["Code"]) == (403, "ForbiddenError")
        assert "LAMBDATOTP_API_TOKEN" in refused.json_body["Message"]
        assert service.register("ana").status_code == 409


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
        assert verified == {"code_is_valid": True, "recovery_codes_left": 1}
        again = self.call(guarded, "/verify", {"user": "ana", "code": first}).json_body
        assert again == {"code_is_valid": False}
        form = guarded.call(
            "POST", "/verify", urlencode({"user": "ana", "code": second}), {**FORM, **self.TOKEN}
        )
        assert form.json_body == {"code_is_valid": True, "recovery_codes_left": 0}

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
        assert self.call(guarded, "/verify", right).json_body == {"code_is_valid": True}
        assert self.call(guarded, "/unlock", {"user": "nobody"}).status_code == 404

    @pytest.mark.parametrize("path", ["/unlock", "/recovery_codes"])
    def test_without_a_token_nobody_may(self, service, engine, path):
        engine.put("ana", secret=LEGACY, misses=100)
        response = service.call("POST", path, {"user": "ana"})
        assert (response.status_code, response.json_body["Code"]) == (403, "ForbiddenError")
        assert engine.get("ana")["misses"] == 100


class TestAccess:
    HASHED = "sha256:" + hashlib.sha256(b"the-second-of-two").hexdigest().upper()

    @pytest.mark.parametrize(
        "tokens",
        [
            "the-first-of-three,{}",
            " the-first-of-three ,\r\n {} ",
            "{},the-first-of-three\n",
            "some-other-operator, the-first-of-three,,{},",
        ],
    )
    def test_several_tokens_plain_and_hashed(self, engine, load_app, tokens):
        service = load_app(**engine.environment(), LAMBDATOTP_API_TOKEN=tokens.format(self.HASHED))
        for token, status in [
            ("the-first-of-three", 404),
            ("the-second-of-two", 404),
            ("a-third-one-of-none", 401),
            ("", 401),
            (self.HASHED, 401),
            ("the-first-of-three,", 401),
            ("THE-FIRST-OF-THREE", 401),
        ]:
            headers = {"Authorization": f"Bearer {token}"}
            response = service.call("GET", "/verify?user=nobody&code=123456", headers=headers)
            assert response.status_code == status, token
        basic = service.call(
            "GET", "/verify", headers={"Authorization": "Basic the-first-of-three"}
        )
        assert basic.status_code == 401

    def test_an_open_app_warns_once_at_its_start(self, engine, load_app, caplog):
        service = load_app(**engine.environment())
        service.register("ana")
        service.register("bob")
        assert caplog.text.count("Anyone who knows the URL") == 1
        load_app(**engine.environment(), LAMBDATOTP_API_TOKEN="t0ken-of-an-operator").register(
            "eve"
        )
        assert caplog.text.count("Anyone who knows the URL") == 1

    def test_who_does_not_show_a_token_writes_nothing(self, make_engine, load_app):
        engine = make_engine("dynamodb_local")
        with fault_proxy(engine.settings["endpoint_url"]) as proxy:
            environment = {**engine.environment(), "AWS_ENDPOINT_URL_DYNAMODB": proxy.url}
            service = load_app(**environment, LAMBDATOTP_API_TOKEN="t0ken-of-an-operator")
            for headers in ({}, {"Authorization": "Bearer wrong"}):
                for method, path in [
                    ("POST", "/"),
                    ("POST", "/verify"),
                    ("GET", "/verify?user=ana&code=123456"),
                    ("GET", "/?user=ana&code=123456"),
                    ("POST", "/unlock"),
                    ("POST", "/recovery_codes"),
                    ("DELETE", "/ana"),
                    ("DELETE", "/verify"),
                    ("DELETE", "/enroll"),
                ]:
                    body = {"user": "ana", "code": "123456"} if method == "POST" else b""
                    assert service.call(method, path, body, headers).status_code == 401
            # Nor does what has no use, or may not be.
            bearer = {"Authorization": "Bearer t0ken-of-an-operator"}
            service.call("POST", "/", {"user": ""}, bearer)
            service.call("POST", "/verify", {"user": "ana", "code": "no code"}, bearer)
            assert proxy.operations == []

    @pytest.mark.filterwarnings("ignore:IAMAuthorizer is not a supported in local mode")
    def test_iam_is_one_switch(self, engine, load_app, monkeypatch):
        import chalicelib.config

        source = Path(chalicelib.config.__file__).read_text()
        assert source.count("IAM_AUTHORIZATION = False") == 1
        load_app(**engine.environment())
        plain = sys.modules["app"].app
        assert not any(
            entry.authorizer for methods in plain.routes.values() for entry in methods.values()
        )
        for name in [name for name in sys.modules if name.split(".")[0] in {"app", "chalicelib"}]:
            del sys.modules[name]
        monkeypatch.setattr(importlib.import_module("chalicelib.config"), "IAM_AUTHORIZATION", True)
        app = importlib.import_module("app").app
        entries = [entry for methods in app.routes.values() for entry in methods.values()]
        assert len(entries) == 12
        assert {type(entry.authorizer).__name__ for entry in entries} == {"IAMAuthorizer"}
        # Signed callers may do what only tokens could; unsigned ones (on this machine, where
        # nothing checks signatures) may not.
        service = Service(Client(app))
        service.register("ana")
        assert service.call("DELETE", "/ana").status_code == 403
        event = proxy_event("DELETE", "/ana", resource="/{user_id}")
        event["requestContext"]["identity"]["userArn"] = "arn:aws:iam::123456789012:user/backend"
        assert app(event, None)["statusCode"] == 204


class TestEnrollmentPage:
    """Who gets it; what it does is in test_enroll_page.py."""

    @pytest.mark.parametrize("setting", [None, "", "off", "1", "true", "on off"])
    def test_it_is_off_until_it_is_switched_on(self, engine, load_app, setting):
        variables = {} if setting is None else {"LAMBDATOTP_ENROLL_PAGE": setting}
        service = load_app(
            **engine.environment(), **variables, LAMBDATOTP_API_TOKEN="t0ken-of-an-operator"
        )
        for headers in ({}, {"Authorization": "Bearer t0ken-of-an-operator"}):
            response = service.call("GET", "/enroll", headers=headers)
            assert (response.status_code, response.json_body["Code"]) == (404, "NotFoundError")

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


class TestAudit:
    def events(self, capfd):
        out, _ = capfd.readouterr()
        lines = [json.loads(line) for line in out.splitlines() if line.startswith('{"_aws"')]
        for line in lines:
            (metrics,) = line["_aws"]["CloudWatchMetrics"]
            assert metrics["Dimensions"] == [["Outcome"]]
            assert {metric["Name"] for metric in metrics["Metrics"]} == {"Events", "Latency"}
            assert abs(line["_aws"]["Timestamp"] / 1000 - time.time()) < 60
            assert line["Events"] == 1
            assert 0 <= line["Latency"] < 60_000
        return [(line["Outcome"], line["User"]) for line in lines], out

    def test_one_line_an_event(self, engine, load_app, capfd):
        service = load_app(
            **engine.environment(),
            LAMBDATOTP_API_TOKEN="t0ken-of-an-operator",
            LAMBDATOTP_AUDIT="on",
            LAMBDATOTP_BURST="2",
            LAMBDATOTP_REFILL="2592000",
        )
        bearer = {"Authorization": "Bearer t0ken-of-an-operator"}

        def call(path, **fields):
            return service.call("POST", path, {"user": "ana", **fields}, bearer)

        body = call("/", recovery_codes=1).json_body
        code = pyotp.parse_uri(body["qr_code"]).now()
        recovery = body["recovery_codes"][0]
        call("/verify", code=code)
        call("/verify", code=code)
        call("/verify", code="000000")
        call("/verify", code="000000")
        call("/verify", code=recovery)
        call("/unlock")
        call("/recovery_codes")
        engine.put("bob", secret=LEGACY, misses=100)
        service.call("POST", "/verify", {"user": "bob", "code": "000000"}, bearer)
        service.call("DELETE", "/ana", headers=bearer)
        service.call("POST", "/verify", {"user": "nobody", "code": "000000"}, bearer)
        events, out = self.events(capfd)
        assert events == [
            ("registered", "ana"),
            ("accepted", "ana"),
            ("replayed", "ana"),
            ("rejected", "ana"),
            ("throttled", "ana"),
            ("recovered", "ana"),
            ("unlocked", "ana"),
            ("recovery_codes", "ana"),
            ("locked", "bob"),
            ("deleted", "ana"),
            ("not_found", "nobody"),
        ]
        for hidden in (code, recovery, body["qr_code"], "t0ken-of-an-operator"):
            assert hidden not in out

    def test_an_outage_is_one_too(self, load_app, capfd):
        service = load_app(AWS_ENDPOINT_URL_DYNAMODB="http://127.0.0.1:9", LAMBDATOTP_AUDIT="on")
        assert service.register("ana").status_code == 503
        assert self.events(capfd)[0] == [("unavailable", "ana")]

    @pytest.mark.parametrize(
        ("variables", "wanted"),
        [
            ({}, False),
            ({"AWS_LAMBDA_FUNCTION_NAME": "app"}, True),
            ({"AWS_LAMBDA_FUNCTION_NAME": "app", "LAMBDATOTP_AUDIT": "off"}, False),
            ({"LAMBDATOTP_AUDIT": "on"}, True),
        ],
    )
    def test_one_setting_turns_it_off(self, engine, load_app, capfd, variables, wanted):
        load_app(**engine.environment(), **variables).register("ana")
        assert bool(self.events(capfd)[0]) is wanted

    def test_users_cannot_write_lines_of_their_own(self, engine, load_app, capfd):
        user = 'a"}\u2028{"Outcome":"accepted'
        load_app(**engine.environment(), LAMBDATOTP_AUDIT="on").register(user)
        assert self.events(capfd)[0] == [("registered", user)]
