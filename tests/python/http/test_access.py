"""Who may call which route."""

from __future__ import annotations

import hashlib
import importlib
import sys
from pathlib import Path

import pytest
from chalice.test import Client

from tests.python.support.fault_proxy import fault_proxy
from tests.python.support.service import JSON, Service, forget_app
from tools.lambda_runtime import proxy_event


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

    @pytest.mark.local
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
        forget_app()
        monkeypatch.setattr(importlib.import_module("chalicelib.config"), "IAM_AUTHORIZATION", True)
        app = importlib.import_module("app").app
        entries = [entry for methods in app.routes.values() for entry in methods.values()]
        assert len(entries) == 18
        assert {type(entry.authorizer).__name__ for entry in entries} == {"IAMAuthorizer"}
        # Signed callers may do what only tokens could; unsigned ones (on this machine, where
        # nothing checks signatures) may not.
        service = Service(Client(app))
        service.register("ana")
        assert service.call("DELETE", "/ana").status_code == 403
        event = proxy_event("DELETE", "/ana", resource="/{user_id}")
        event["requestContext"]["identity"]["userArn"] = "arn:aws:iam::123456789012:user/backend"
        assert app(event, None)["statusCode"] == 204
