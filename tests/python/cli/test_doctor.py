"""`lambdatotp doctor`, of a table and of an app."""

from __future__ import annotations

import threading

import pytest

from tests.python.support.chalice_local import chalice_local
from tests.python.support.cli import findings, run
from tests.python.support.fault_proxy import DENY, PASS, fault_proxy
from tests.python.support.keys import K1, K2


def users_of(engine, table_name):
    """Everybody in a table: who was deleted has left a tombstone."""
    items = engine.client.scan(TableName=table_name)["Items"]
    return [item["user_id"]["S"] for item in items if "deleted_at" not in item]


class TestDoctor:
    def test_all_is_well(self, dynamodb_url, name, local):
        where = ["--table-name", name, "--endpoint-url", dynamodb_url]
        run("create-table", *where)
        code, text = run("doctor", *where, "--json")
        assert code == 0
        found = findings(text)
        unknown = found.pop("point-in-time recovery")
        assert unknown[0] == "warning"
        assert found.pop("secrets")[0] == "warning"
        assert {state for state, _ in found.values()} == {"ok"}
        assert found["region"][1] == "eu-west-1"
        # The doctor leaves nobody behind.
        assert users_of(local, name) == []
        # And says the same to people, a line each.
        code, text = run("doctor", *where)
        assert code == 0
        assert len(text.splitlines()) == len(found) + 2
        assert "\x1b" not in text

    def test_no_table(self, dynamodb_url, name):
        code, text = run("doctor", "--table-name", name, "--endpoint-url", dynamodb_url)
        assert code == 1
        assert f"lambdatotp create-table --table-name {name}" in text

    @pytest.mark.parametrize(
        ("variables", "subject", "words"),
        [
            ({"AWS_ACCESS_KEY_ID": ""}, "credentials", "no AWS credentials"),
            ({"AWS_REGION": ""}, "region", "set AWS_REGION"),
            ({"LAMBDATOTP_DIGITS": "5"}, "settings", "LAMBDATOTP_DIGITS"),
        ],
    )
    def test_what_is_missing(self, dynamodb_url, variables, subject, words, tmp_path):
        variables = {"HOME": str(tmp_path), **variables}
        code, text = run("doctor", "--endpoint-url", dynamodb_url, "--json", **variables)
        assert code == 1
        state, said = findings(text)[subject]
        assert state == "failure"
        assert words in said

    def test_nobody_there(self):
        code, text = run("doctor", "--endpoint-url", "http://127.0.0.1:9")
        assert code == 1
        assert "connection failed" in text

    def test_no_permission_to_look(self, local):
        """Anyone who may only use the table, as the app does, still learns that it works."""
        with fault_proxy(local.settings["endpoint_url"]) as proxy:
            proxy.faults.append(DENY)
            where = ["--table-name", local.table_name, "--endpoint-url", proxy.url]
            code, text = run("doctor", *where, "--json")
        assert code == 0
        found = findings(text)
        assert found["table in view"][0] == "warning"
        assert found["round trip"][0] == "ok"

    @pytest.mark.parametrize(("allowed", "failed"), [(0, "register"), (1, "verify"), (4, "delete")])
    def test_no_permission_to_write(self, local, allowed, failed):
        """Describe, TTL and backups first; then register 1, verify 2 and 1, delete 1."""
        with fault_proxy(local.settings["endpoint_url"]) as proxy:
            proxy.faults.extend([*[PASS] * (3 + allowed), DENY])
            where = ["--table-name", local.table_name, "--endpoint-url", proxy.url]
            code, text = run("doctor", *where, "--json")
        assert code == 1
        state, said = findings(text)["round trip"]
        assert state == "failure"
        assert said.startswith(f"{failed}: DynamoDB refused access")

    @pytest.mark.parametrize(
        ("ahead", "state", "words"),
        [
            (0.0, "ok", "within a second"),
            (-10.0, "warning", "10 s ahead of DynamoDB's"),
            (60.0, "failure", "60 s behind DynamoDB's: right codes will be refused"),
        ],
    )
    def test_the_clock(self, local, ahead, state, words):
        with fault_proxy(local.settings["endpoint_url"]) as proxy:
            proxy.clock_ahead = ahead
            where = ["--table-name", local.table_name, "--endpoint-url", proxy.url]
            _, text = run("doctor", *where, "--json")
        found = findings(text)["clock"]
        assert found[0] == state
        assert words in found[1]

    def test_the_embedded_engine(self, tmp_path):
        code, text = run("doctor", LAMBDATOTP_EMBEDDED=str(tmp_path / "users.db"))
        assert code == 0
        assert "round trip" in text


class TestDoctorOfAnApp:
    @pytest.fixture
    def where(self, local):
        return ["--table-name", local.table_name, "--endpoint-url", local.settings["endpoint_url"]]

    def test_an_open_app(self, local, where):
        with chalice_local(**local.environment()) as port:
            url = f"http://127.0.0.1:{port}/"
            code, text = run("doctor", *where, "--url", url, "--json")
        assert code == 0
        found = findings(text)
        assert found["access"][0] == "warning"
        assert found["round trip over HTTP"] == (
            "ok",
            "registered, the code accepted once and then refused",
        )
        # It could not delete its user over HTTP, and did so by hand.
        assert users_of(local, local.table_name) == []

    def test_an_app_with_a_token(self, local, where):
        variables = {**local.environment(), "LAMBDATOTP_API_TOKEN": "let-me-in-if-you-please"}
        with chalice_local(**variables) as port:
            url = f"http://127.0.0.1:{port}"
            code, text = run(
                "doctor", *where, "--url", url, "--token", "let-me-in-if-you-please", "--json"
            )
            assert code == 0
            assert findings(text)["access"][0] == "ok"
            code, text = run("doctor", *where, "--url", url)
            assert code == 1
            assert "401, give its --token" in text
        assert users_of(local, local.table_name) == []

    def test_the_keys_of_an_app(self, local, where):
        """In a change of keys, the new one is to be known everywhere before it seals."""
        with chalice_local(**local.environment(), LAMBDATOTP_KEYS=K1) as port:
            url = f"http://127.0.0.1:{port}"
            keys = {"LAMBDATOTP_KEYS": f"{K1},{K2}"}
            code, text = run("doctor", *where, "--url", url, "--json", **keys)
        assert code == 1
        found = findings(text)
        assert found["key k1"] == ("ok", "the app has it")
        state, said = found["key k2"]
        assert (state, "add it there, last" in said) == ("failure", True)
        assert users_of(local, local.table_name) == []
        assert K1.partition(":")[2] not in text

    def test_an_app_without_its_table(self, local, where, name):
        with chalice_local(**local.environment() | {"LAMBDATOTP_TABLE_NAME": name}) as port:
            url = f"http://127.0.0.1:{port}"
            code, text = run("doctor", *where, "--url", url)
        assert code == 1
        assert "register: 503" in text

    @pytest.mark.parametrize(
        ("url", "words"),
        [("http://127.0.0.1:9", "cannot be reached"), ("abc.example.com", "it starts with")],
    )
    def test_no_app(self, where, url, words):
        code, text = run("doctor", *where, "--url", url)
        assert code == 1
        assert words in text

    def test_something_else_than_the_app(self, where):
        from http.server import HTTPServer, SimpleHTTPRequestHandler

        class Quiet(SimpleHTTPRequestHandler):
            def log_message(self, *_):
                pass

        with HTTPServer(("127.0.0.1", 0), Quiet) as server:
            threading.Thread(target=server.serve_forever, daemon=True).start()
            url = f"http://127.0.0.1:{server.server_port}/"
            code, text = run("doctor", *where, "--url", url)
            server.shutdown()
        assert code == 1
        assert "answers 404" in text
