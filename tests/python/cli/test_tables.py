"""`lambdatotp create-table` and `check-table`, against real engines."""

from __future__ import annotations

import json
import socket

import boto3
import lambdatotp

from tests.python.support.cli import findings, run
from tests.python.support.fault_proxy import DENY, LOSE_REPLY, NOT_YET, PASS, THROTTLE, fault_proxy


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
