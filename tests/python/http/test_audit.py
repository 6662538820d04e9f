"""One line for the log an event."""

from __future__ import annotations

import importlib
import json
import os
import time
import uuid
from types import SimpleNamespace

import pyotp
import pytest

from tests.python.support.codes import LEGACY
from tools.lambda_runtime import proxy_event

FIELDS = {
    "_aws",
    "Function",
    "Operation",
    "Outcome",
    "Events",
    "Latency",
    "User",
    "RecoveryCodesLeft",
    "RequestId",
    "ColdStart",
}


class TestAudit:
    def events(self, capfd):
        out, _ = capfd.readouterr()
        lines = [json.loads(line) for line in out.splitlines() if line.startswith('{"_aws"')]
        for line in lines:
            assert set(line) == FIELDS
            (metrics,) = line["_aws"]["CloudWatchMetrics"]
            # Of each Lambda function on its own: stages may share an account.
            function = os.environ.get("AWS_LAMBDA_FUNCTION_NAME")
            assert line["Function"] == function
            named = ["Function", "Outcome"] if function else ["Outcome"]
            assert metrics["Dimensions"] == [named]
            assert {metric["Name"] for metric in metrics["Metrics"]} == {"Events", "Latency"}
            assert abs(line["_aws"]["Timestamp"] / 1000 - time.time()) < 60
            assert line["Events"] == 1
            assert 0 <= line["Latency"] < 60_000
        assert lines == [] or {line["ColdStart"] for line in lines[1:]} <= {False}
        self.left = {line["Outcome"]: line["RecoveryCodesLeft"] for line in lines}
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
        # As the verdicts said; who gets none learns nothing.
        known = {name: left for name, left in self.left.items() if left is not None}
        assert known == {"accepted": 1, "replayed": 1, "rejected": 1, "recovered": 0}
        for hidden in (code, recovery, body["qr_code"], "t0ken-of-an-operator"):
            assert hidden not in out

    def test_an_outage_is_one_too(self, load_app, capfd):
        service = load_app(AWS_ENDPOINT_URL_DYNAMODB="http://127.0.0.1:9", LAMBDATOTP_AUDIT="on")
        assert service.register("ana").status_code == 503
        assert self.events(capfd)[0] == [("unavailable", "ana")]

    @pytest.mark.parametrize("setting", ["0", "true", "no", "on off"])
    def test_what_is_neither_on_nor_off_stops_the_app(self, load_app, setting):
        with pytest.raises(SystemExit) as stopped:
            load_app(LAMBDATOTP_AUDIT=setting)
        assert stopped.value.code == "lambdatotp: LAMBDATOTP_AUDIT is neither off nor on"

    @pytest.mark.parametrize(
        ("variables", "wanted"),
        [
            ({}, False),
            ({"AWS_LAMBDA_FUNCTION_NAME": "app"}, True),
            ({"AWS_LAMBDA_FUNCTION_NAME": "app", "LAMBDATOTP_AUDIT": "off"}, False),
            ({"LAMBDATOTP_AUDIT": "ON"}, True),
        ],
    )
    def test_one_setting_turns_it_off(self, engine, load_app, capfd, variables, wanted):
        load_app(**engine.environment(), **variables).register("ana")
        assert bool(self.events(capfd)[0]) is wanted

    def test_users_cannot_write_lines_of_their_own(self, engine, load_app, capfd):
        user = 'a"}\u2028{"Outcome":"accepted'
        load_app(**engine.environment(), LAMBDATOTP_AUDIT="on").register(user)
        assert self.events(capfd)[0] == [("registered", user)]

    def test_of_a_rotation_and_a_look(self, engine, load_app, capfd):
        service = load_app(
            **engine.environment(),
            LAMBDATOTP_API_TOKEN="t0ken-of-an-operator",
            LAMBDATOTP_AUDIT="on",
        )
        bearer = {"Authorization": "Bearer t0ken-of-an-operator"}

        def call(path, **fields):
            return service.call("POST", path, {"user": "ana", **fields}, bearer).json_body

        call("/")
        code = pyotp.parse_uri(call("/rotate", account_name="Ana")["qr_code"]).now()
        for typed in ("no code", code, code):
            call("/confirm", code=typed)
        call("/status")
        events, out = self.events(capfd)
        assert [outcome for outcome, _ in events] == [
            "registered",
            "rotated",
            "rejected",
            "confirmed",
            "no_rotation",
            "looked_up",
        ]
        assert code not in out
        assert '"Ana"' not in out

    def test_settings_that_make_no_verifier(self, load_app, capfd):
        """Nobody can log in: the alarm for that must ring."""
        service = load_app(LAMBDATOTP_KEYS="no key", LAMBDATOTP_AUDIT="on")
        assert service.register("ana").status_code == 503
        assert service.verify("ana", "123456").status_code == 503
        assert self.events(capfd)[0] == [("unavailable", "ana")] * 2

    def test_a_log_that_cannot_be_written_changes_no_verdict(self, engine, load_app, monkeypatch):
        service = load_app(**engine.environment(), LAMBDATOTP_AUDIT="on")

        class Full:
            def write(self, _text):
                raise OSError(28, "No space left on device")

        monkeypatch.setattr("sys.stdout", Full())
        assert service.register("ana").status_code == 201
        assert service.verify("ana", "no code").json_body["code_is_valid"] is False


class TestTheRequest:
    """As Lambda calls the app: with an event and a context."""

    @pytest.fixture
    def invoke(self, load_app, capfd):
        load_app(
            LAMBDATOTP_EMBEDDED=":memory:",
            LAMBDATOTP_TABLE_NAME=uuid.uuid4().hex,
            LAMBDATOTP_AUDIT="on",
        )
        app = importlib.import_module("app").app

        def invoke(request_id, path, fields):
            event = proxy_event(
                "POST", path, headers={"Content-Type": "application/json"}, body=json.dumps(fields)
            )
            app(event, SimpleNamespace(aws_request_id=request_id))
            lines = [json.loads(line) for line in capfd.readouterr().out.splitlines()]
            return [
                (line["Operation"], line["Outcome"], line["RequestId"], line["ColdStart"])
                for line in lines
            ]

        return invoke

    def test_each_event_names_its_own(self, invoke):
        assert invoke("one", "/", {"user": "ana"}) == [("register", "registered", "one", True)]
        assert invoke("two", "/verify", {"user": "ana", "code": "x"}) == [
            ("verify", "rejected", "two", False)
        ]
        assert invoke("three", "/delete", {}) == []
        assert invoke("four", "/unlock", {"user": "ana"}) == [
            ("unlock", "forbidden", "four", False)
        ]

    def test_a_start_is_cold_for_one_request(self, invoke):
        assert invoke("one", "/verify", {"user": ""}) == []
        assert invoke("two", "/", {"user": "ana"}) == [("register", "registered", "two", False)]
