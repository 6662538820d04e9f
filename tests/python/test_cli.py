"""The command line, against real engines."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import threading
import uuid
from pathlib import Path

import boto3
import lambdatotp
import pytest
from click.testing import CliRunner
from fault_proxy import DENY, LOSE_REPLY, NOT_YET, PASS, THROTTLE, fault_proxy
from lambdatotp.cli import main
from test_chalice_local import chalice_local

ROOT = Path(__file__).parents[2]


def run(*arguments, **variables):
    """Run a command in this process: its exit code, and what it printed, or else told."""
    outcome = CliRunner(env=variables).invoke(main, arguments)
    if outcome.exception and not isinstance(outcome.exception, SystemExit):
        raise outcome.exception
    return outcome.exit_code, outcome.stdout or outcome.stderr


def shell(*arguments, **variables):
    """Run a command as its user does."""
    return subprocess.run(
        [sys.executable, "-m", "lambdatotp", *arguments],
        env={**os.environ, **variables},
        capture_output=True,
        text=True,
        check=False,
    )


def findings(text):
    return {found["subject"]: (found["state"], found["text"]) for found in json.loads(text)}


@pytest.fixture
def name():
    return f"users_{uuid.uuid4().hex}"


@pytest.fixture
def local(make_engine):
    return make_engine("dynamodb_local")


class TestCreateTable:
    def test_a_new_table(self, dynamodb_url, name, local):
        where = ["--table-name", name, "--endpoint-url", dynamodb_url]
        code, text = run("create-table", *where)
        assert code == 0
        assert text.splitlines()[0] == f"table {name}: created"
        assert text.splitlines()[2] == "expiry by expires_at: switched on"
        table = local.client.describe_table(TableName=name)["Table"]
        assert table["KeySchema"] == [{"AttributeName": "user_id", "KeyType": "HASH"}]
        assert table["AttributeDefinitions"] == [{"AttributeName": "user_id", "AttributeType": "S"}]
        assert table["BillingModeSummary"]["BillingMode"] == "PAY_PER_REQUEST"
        assert table["DeletionProtectionEnabled"] is True
        expiry = local.client.describe_time_to_live(TableName=name)["TimeToLiveDescription"]
        assert expiry["TimeToLiveStatus"] == "ENABLED"
        assert expiry["AttributeName"] == "expires_at"

        # Again: nothing is left to do, and nobody is lost.
        lambdatotp.Verifier(table_name=name, endpoint_url=dynamodb_url).register("ana")
        code, text = run("create-table", *where, "--json")
        assert code == 0
        assert list(json.loads(text).values())[::2] == ["was there already", "on"]
        assert local.client.describe_table(TableName=name)["Table"]["ItemCount"] == 1

    def test_recovery_and_encryption(self, moto, name):
        client = boto3.client("dynamodb", endpoint_url=moto, region_name="eu-west-1")
        for expected in (["created", "switched on", "switched on"], ["was there already"]):
            code, text = run("create-table", "--table-name", name, "--endpoint-url", moto, "--json")
            assert code == 0
            assert list(json.loads(text).values())[: len(expected)] == expected
        table = client.describe_table(TableName=name)["Table"]
        assert (table["SSEDescription"]["Status"], table["SSEDescription"]["SSEType"]) == (
            "ENABLED",
            "KMS",
        )
        backups = client.describe_continuous_backups(TableName=name)
        recovery = backups["ContinuousBackupsDescription"]["PointInTimeRecoveryDescription"]
        assert recovery["PointInTimeRecoveryStatus"] == "ENABLED"
        _, text = run("doctor", "--table-name", name, "--endpoint-url", moto, "--json")
        found = findings(text)
        assert found["point-in-time recovery"] == ("ok", "on")
        assert found["encryption at rest"] == ("ok", "by AWS KMS")

    def test_it_waits_until_the_table_is_active(self, dynamodb_url, name):
        with fault_proxy(dynamodb_url) as proxy:
            proxy.faults.extend([PASS, PASS, NOT_YET, NOT_YET])
            code, _ = run("create-table", "--table-name", name, "--endpoint-url", proxy.url)
        assert code == 0
        assert proxy.operations[:5] == ["DescribeTable", "CreateTable", *["DescribeTable"] * 3]
        assert proxy.operations[5] == "DescribeTimeToLive" or "Backups" in proxy.operations[5]

    def test_a_table_of_the_originals(self, local):
        local.put("ana", secret="JBSWY3DPEHPK3PXP")
        where = ["--table-name", local.table_name, "--endpoint-url", local.settings["endpoint_url"]]
        code, text = run("create-table", *where)
        assert code == 0
        assert "was there already" in text
        assert local.get("ana")["secret"] == "JBSWY3DPEHPK3PXP"

    def test_a_table_with_another_key(self, local, name):
        local.client.create_table(
            TableName=name,
            KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
            AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "N"}],
            ProvisionedThroughput={"ReadCapacityUnits": 1, "WriteCapacityUnits": 1},
        )
        where = ["--table-name", name, "--endpoint-url", local.settings["endpoint_url"]]
        code, text = run("create-table", *where)
        assert code == 3
        assert "key id (N)" in text
        assert "--table-name" in text
        code, text = run("doctor", *where, "--json")
        assert code == 1
        assert findings(text)["key"][0] == "failure"
        assert findings(text)["billing"][0] == "warning"
        assert "round trip" not in findings(text)

    def test_a_lost_reply(self, dynamodb_url, name):
        with fault_proxy(dynamodb_url) as proxy:
            proxy.faults.extend([PASS, LOSE_REPLY, LOSE_REPLY])
            code, text = run("create-table", "--table-name", name, "--endpoint-url", proxy.url)
        assert code == 0
        assert "switched on" in text
        assert proxy.operations.count("CreateTable") == 3

    def test_a_table_that_is_not_ready_for_a_switch(self, dynamodb_url, name):
        """The store refuses it for longer than the client itself tries."""
        with fault_proxy(dynamodb_url) as proxy:
            before = [PASS] * 3  # describe, create, describe
            proxy.faults.extend([*before, PASS, PASS, *[THROTTLE] * 4])
            code, text = run("create-table", "--table-name", name, "--endpoint-url", proxy.url)
        assert code == 0
        assert "expiry by expires_at: switched on" in text

    def test_a_dry_run_sends_nothing(self):
        with socket.socket() as closed:
            closed.bind(("127.0.0.1", 0))
            url = f"http://127.0.0.1:{closed.getsockname()[1]}"
            code, text = run("create-table", "--dry-run", "--endpoint-url", url)
        assert code == 0
        plan = json.loads(text)
        assert [step["operation"] for step in plan] == [
            "CreateTable",
            "UpdateTimeToLive",
            "UpdateContinuousBackups",
        ]
        assert {step["request"]["TableName"] for step in plan} == {"totp_users"}

    def test_no_permission(self, dynamodb_url, name):
        with fault_proxy(dynamodb_url) as proxy:
            proxy.faults.append(DENY)
            code, text = run("create-table", "--table-name", name, "--endpoint-url", proxy.url)
        assert code == 3
        assert "refused access" in text

    def test_the_embedded_engine_makes_its_own(self):
        code, text = run("create-table", LAMBDATOTP_EMBEDDED=":memory:")
        assert code == 3
        assert "unset it" in text


class TestDoctor:
    def test_all_is_well(self, dynamodb_url, name, local):
        where = ["--table-name", name, "--endpoint-url", dynamodb_url]
        run("create-table", *where)
        code, text = run("doctor", *where, "--json")
        assert code == 0
        found = findings(text)
        unknown = found.pop("point-in-time recovery")
        assert unknown[0] == "warning"
        assert {state for state, _ in found.values()} == {"ok"}
        assert found["region"][1] == "eu-west-1"
        # The doctor leaves nobody behind.
        assert local.client.scan(TableName=name)["Count"] == 0
        # And says the same to people, a line each.
        code, text = run("doctor", *where)
        assert code == 0
        assert len(text.splitlines()) == len(found) + 1
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
        """Whoever may only use the table, as the app does, still learns that it works."""
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
        assert local.client.scan(TableName=local.table_name)["Count"] == 0

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
        assert local.client.scan(TableName=local.table_name)["Count"] == 0

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


class TestProgram:
    def test_help(self):
        done = shell("--help")
        assert done.returncode == 0
        for word in ("create-table", "doctor", "Exit codes"):
            assert word in done.stdout
        for command in ("create-table", "doctor"):
            shown = shell(command, "--help").stdout
            assert f"  lambdatotp {command}" in shown

    def test_an_error_is_one_line_and_no_traceback(self):
        done = shell("create-table", "--table-name", "x")
        assert (done.returncode, done.stdout) == (3, "")
        (line,) = done.stderr.splitlines()
        assert line.startswith("lambdatotp: invalid table_name")

    @pytest.mark.parametrize(
        ("arguments", "said"),
        [
            (["no-such-command"], "lambdatotp: No such command 'no-such-command'"),
            (["verify"], "lambdatotp: Missing argument 'USER': see lambdatotp verify --help"),
            (["show", "a", "b"], "see lambdatotp show --help"),
            (["list", "--limit", "many"], "'many' is not a valid integer range"),
            (["import", "/no/such/file"], "does not exist"),
        ],
    )
    def test_wrong_use_is_one_line_that_says_what_to_do(self, arguments, said):
        done = shell(*arguments)
        assert (done.returncode, done.stdout) == (2, "")
        (line,) = done.stderr.splitlines()
        assert line.startswith("lambdatotp: ")
        assert said in line
        assert "--help" in line

    def test_exit_codes_tell_a_refusal_from_no_verdict(self, local):
        where = ["--endpoint-url", local.settings["endpoint_url"], "--table-name"]
        assert shell("verify", "ana", "123456", *where, local.table_name).returncode == 1
        assert shell("verify", "ana", "123456", *where, "no_such_table").returncode == 3
        nobody = ["--endpoint-url", "http://127.0.0.1:9"]
        assert shell("verify", "ana", "123456", *nobody).returncode == 3

    def test_whoever_reads_may_have_seen_enough(self, make_engine):
        """`lambdatotp list | head -1`: no traceback, no message."""
        engine = make_engine("file")
        for number in range(50):
            engine.put(f"{number:0200}", secret="JBSWY3DPEHPK3PXP")
        process = subprocess.Popen(
            [sys.executable, "-m", "lambdatotp", "list"],
            env={**os.environ, **engine.environment()},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        process.stdout.close()
        assert process.stderr.read() == ""
        process.stderr.close()
        assert process.wait(60) == 1

    def test_every_command_has_help_with_examples(self):
        for name, command in main.commands.items():
            done = run(name, "--help")
            assert done[0] == 0
            assert "Example" in done[1], name
            assert command.get_short_help_str(60)[-3:] != "...", name

    def test_commands_that_say_something_say_it_in_json(self):
        silent = {"new-key", "completion", "serve"}
        for name, command in main.commands.items():
            has = any("--json" in parameter.opts for parameter in command.params)
            assert has or name in silent, name

    @pytest.mark.parametrize("shell_name", ["bash", "zsh", "fish"])
    def test_completion(self, shell_name):
        code, text = run("completion", shell_name)
        assert code == 0
        assert "_LAMBDATOTP_COMPLETE" in text

    @pytest.mark.parametrize(
        ("typed", "offered"),
        [
            ("lambdatotp che", "check-table"),
            ("lambdatotp import --dry", "--dry-run"),
            ("lambdatotp export --format migr", "migration"),
        ],
    )
    def test_bash_completes(self, typed, offered):
        """In a real shell, with the script that it would read."""
        words = typed.split()
        script = f"""
            PATH={Path(sys.executable).parent}:$PATH
            eval "$(lambdatotp completion bash)"
            COMP_WORDS=({typed}) COMP_CWORD={len(words) - 1}
            _lambdatotp_completion lambdatotp {words[-1]} {words[-2]}
            printf '%s\\n' "${{COMPREPLY[@]}}"
        """
        done = subprocess.run(
            ["/usr/bin/env", "bash", "-c", script],
            capture_output=True,
            text=True,
            check=True,
            timeout=60,
        )
        assert done.stdout.split() == [offered], done.stderr

    def test_the_program_is_installed(self):
        program = Path(sys.executable).with_name("lambdatotp")
        done = subprocess.run([program, "--version"], capture_output=True, text=True, check=True)
        assert done.stdout == f"lambdatotp, version {lambdatotp.__version__}\n"

    def test_without_its_libraries(self):
        """As installed without the extra: an interpreter that has nothing but lambdatotp."""
        done = subprocess.run(
            [sys.executable, "-S", "-m", "lambdatotp"],
            env={"PYTHONPATH": str(ROOT / "python")},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 1
        assert "pip install 'lambdatotp[cli]'" in done.stderr
        assert "Traceback" not in done.stderr
