"""One line for the log an event."""

from __future__ import annotations

import json
import time

import pyotp
import pytest

from tests.python.support.codes import LEGACY


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
