"""`lambdatotp create-table` and `check-table`, against real engines."""

from __future__ import annotations

import json
import socket

import boto3
import lambdatotp
import pytest

from tests.python.support.cli import findings, run
from tests.python.support.fault_proxy import (
    DENY,
    LOSE_REPLY,
    NOT_YET,
    PASS,
    THROTTLE,
    fault_proxy,
    running,
)
from tests.python.support.global_tables import GlobalTables


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


class TestSeveralRegions:
    @pytest.fixture
    def regions(self, moto):
        with running(GlobalTables(moto)) as proxy:
            yield proxy

    @pytest.fixture
    def where(self, regions, name):
        return ["--table-name", name, "--endpoint-url", regions.url]

    def protected(self, regions, region, name):
        client = regions.client(region)
        backups = client.describe_continuous_backups(TableName=name)
        recovery = backups["ContinuousBackupsDescription"]["PointInTimeRecoveryDescription"]
        table = client.describe_table(TableName=name)["Table"]
        return (recovery["PointInTimeRecoveryStatus"], table["DeletionProtectionEnabled"])

    def test_three_regions(self, regions, where, name):
        three = ["--regions", "eu-west-1,eu-central-1,eu-west-3"]
        code, text = run("create-table", *where, *three, "--json")
        assert code == 0
        made = json.loads(text)
        assert made[f"table {name}"] == "created"
        assert made["strongly consistent"] == "made, in eu-west-1, eu-central-1, eu-west-3"
        assert made["expiry by expires_at"].startswith("off")
        assert regions.updates == [
            {
                "TableName": name,
                "ReplicaUpdates": [
                    {"Create": {"RegionName": "eu-central-1"}},
                    {"Create": {"RegionName": "eu-west-3"}},
                ],
                "MultiRegionConsistency": "STRONG",
            }
        ]
        # It waited until the copies were active, and left no Region without its switches.
        changed = regions.operations.index("UpdateTable") + 1
        assert regions.operations[changed : changed + 3] == ["DescribeTable"] * 3
        for region in ("eu-west-1", "eu-central-1", "eu-west-3"):
            assert self.protected(regions, region, name) == ("ENABLED", True)
        assert "UpdateTimeToLive" not in regions.operations

        # Again, and by somebody who does not name the Regions: nothing is left to do.
        for again in (three, []):
            code, text = run("create-table", *where, *again, "--json")
            assert code == 0
            made = json.loads(text)
            assert made[f"table {name}"] == "was there already"
            assert made["expiry by expires_at"].startswith("off")
        assert len(regions.updates) == 1
        assert "UpdateTimeToLive" not in regions.operations

        code, text = run("doctor", *where, "--json")
        assert code == 0
        found = findings(text)
        state, said = found["several Regions"]
        assert state == "ok"
        assert said.startswith("eu-west-1, eu-central-1, eu-west-3, strongly consistent: a code")
        assert found["expiry by expires_at"][0] == "ok"
        regions.not_yet = 1
        state, said = findings(run("doctor", *where, "--json")[1])["several Regions"]
        assert state == "warning"
        assert "eu-central-1 is CREATING" in said

    def test_two_regions_and_a_witness(self, regions, where):
        two = ["--regions", "eu-west-1,eu-central-1", "--witness", "eu-west-3"]
        code, text = run("create-table", *where, *two, "--json")
        assert code == 0
        said = json.loads(text)["strongly consistent"]
        assert said == "made, in eu-west-1, eu-central-1, witness eu-west-3"
        update = regions.updates[0]
        assert update["ReplicaUpdates"] == [{"Create": {"RegionName": "eu-central-1"}}]
        assert update["GlobalTableWitnessUpdates"] == [{"Create": {"RegionName": "eu-west-3"}}]
        said = findings(run("doctor", *where, "--json")[1])["several Regions"][1]
        assert said.startswith("eu-west-1, eu-central-1, witness eu-west-3, strongly")
        # Nobody can add to it.
        three = ["--regions", "eu-west-1,eu-central-1,eu-west-3"]
        code, text = run("create-table", *where, *three)
        assert code == 3
        assert "has its copies elsewhere" in text

    def test_an_eventually_consistent_one(self, regions, where):
        run("create-table", *where)
        regions.replicas = ["us-east-1"]
        regions.not_yet = 0
        for regions.consistency in (None, "EVENTUAL"):
            code, text = run("doctor", *where, "--json")
            assert code == 0
            state, said = findings(text)["several Regions"]
            assert state == "warning"
            assert said.startswith("eu-west-1, us-east-1, eventually consistent: a code works once")
        three = ["--regions", "eu-west-1,eu-central-1,eu-west-3"]
        code, text = run("create-table", *where, *three)
        assert code == 3
        assert "eventually consistent" in text
        assert regions.updates == []

    def test_a_table_with_users(self, regions, where, name, moto):
        run("create-table", *where)
        lambdatotp.Verifier(table_name=name, endpoint_url=moto).register("ana")
        three = ["--regions", "eu-west-1,eu-central-1,eu-west-3"]
        code, text = run("create-table", *where, *three)
        assert code == 3
        assert "has users" in text
        assert regions.updates == []

    def test_a_table_with_expiry(self, regions, where):
        run("create-table", *where)
        three = ["--regions", "eu-west-1,eu-central-1,eu-west-3"]
        code, text = run("create-table", *where, *three)
        assert code == 3
        assert "update-time-to-live" in text
        assert regions.updates == []

    def test_regions_that_dynamodb_refuses(self, where):
        three = ["--regions", "eu-west-1,eu-central-1,us-east-1"]
        code, text = run("create-table", *where, *three)
        assert code == 3
        assert "DynamoDB refused UpdateTable: ValidationException" in text

    def test_a_lost_reply(self, regions, where):
        # Describe, create, describe, scan, expiry; then the change itself.
        regions.faults.extend([*[PASS] * 5, LOSE_REPLY])
        three = ["--regions", "eu-west-1,eu-central-1,eu-west-3"]
        code, text = run("create-table", *where, *three, "--json")
        assert code == 0
        assert json.loads(text)["strongly consistent"].startswith("in eu-west-1")
        assert len(regions.updates) == 2

    @pytest.mark.parametrize(
        ("options", "words"),
        [
            (["--regions", "eu-west-1,eu-central-1"], "three --regions, or two and a --witness"),
            (["--regions", "eu-west-1", "--witness", "eu-west-3"], "three --regions"),
            (["--regions", "eu-west-1,eu-west-2,eu-west-3,eu-central-1"], "three --regions"),
            (["--regions", "eu-west-1,eu-west-1,eu-west-3"], "named twice"),
            (["--regions", "eu-west-1,eu-west-2", "--witness", "eu-west-2"], "named twice"),
            (["--regions", "eu-west-1,Frankfurt,eu-west-3"], "'Frankfurt' is not the name of"),
            (["--regions", ""], "'' is not the name of a Region"),
            (["--witness", "eu-west-3"], "--witness needs --regions"),
            (
                ["--regions", "eu-west-1,eu-west-2,eu-west-3", "--region", "eu-west-2"],
                "made in the first one, eu-west-1",
            ),
        ],
    )
    def test_regions_that_cannot_be(self, regions, where, options, words):
        code, text = run("create-table", *where, *options)
        assert code == 2
        assert words in text
        assert regions.operations == []

    def test_a_dry_run(self):
        three = ["--regions", "eu-west-1,eu-central-1", "--witness", "eu-west-3"]
        code, text = run("create-table", "--dry-run", *three)
        assert code == 0
        plan = json.loads(text)
        names = [step["operation"] for step in plan]
        assert names == ["CreateTable", "UpdateTable", "UpdateContinuousBackups"]
        assert plan[1]["request"]["MultiRegionConsistency"] == "STRONG"
