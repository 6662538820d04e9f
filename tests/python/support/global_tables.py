"""Global tables in front of moto, which has none; neither does any other engine here.

The proxy answers as AWS documents it for `UpdateTable` and `DescribeTable`. The tables of the
other Regions are moto's own.
"""

from __future__ import annotations

import json
from typing import Any

import boto3

from tests.python.support.fault_proxy import FaultProxy

# The Regions of AWS's three sets; a table stays within one.
SETS = (
    {"us-east-1", "us-east-2", "us-west-2"},
    {"eu-west-1", "eu-west-2", "eu-west-3", "eu-central-1"},
    {"ap-northeast-1", "ap-northeast-2", "ap-northeast-3"},
)


class GlobalTables(FaultProxy):
    """A proxy that makes copies of a table in other Regions."""

    def __init__(self, upstream: str, own: str = "eu-west-1") -> None:
        super().__init__(upstream)
        self.engine = upstream
        self.own = own
        self.consistency: str | None = None
        self.replicas: list[str] = []
        self.witnesses: list[str] = []
        # How often the copies are described before they are active.
        self.not_yet = 2
        self.updates: list[dict[str, Any]] = []

    def client(self, region: str) -> Any:
        return boto3.client("dynamodb", endpoint_url=self.engine, region_name=region)

    def answer(self, request: bytes) -> bytes | None:
        update = json.loads(request)
        if "ReplicaUpdates" not in update:
            return None
        self.updates.append(update)
        table = self.client(self.own).describe_table(TableName=update["TableName"])["Table"]
        if self.replicas:
            return _error("ResourceInUseException", "the table is being updated")
        replicas = [one["Create"]["RegionName"] for one in update["ReplicaUpdates"]]
        witnesses = update.get("GlobalTableWitnessUpdates", [])
        witnesses = [one["Create"]["RegionName"] for one in witnesses]
        every = {self.own, *replicas, *witnesses}
        if not any(every <= together for together in SETS):
            return _error("ValidationException", "Regions of different sets")
        self.replicas, self.witnesses = replicas, witnesses
        self.consistency = update.get("MultiRegionConsistency")
        for region in replicas:
            self.client(region).create_table(
                TableName=update["TableName"],
                KeySchema=table["KeySchema"],
                AttributeDefinitions=table["AttributeDefinitions"],
                BillingMode="PAY_PER_REQUEST",
            )
        return json.dumps({"TableDescription": {"TableStatus": "UPDATING"}}).encode()

    def retouch(self, operation: str, reply: bytes) -> bytes:
        if operation != "DescribeTable" or not self.replicas:
            return reply
        described = json.loads(reply)
        if "Table" not in described:
            return reply
        status = "CREATING" if self.not_yet > 0 else "ACTIVE"
        self.not_yet -= 1
        table = described["Table"]
        table["Replicas"] = [
            {"RegionName": region, "ReplicaStatus": status} for region in self.replicas
        ]
        if self.witnesses:
            table["GlobalTableWitnesses"] = [
                {"RegionName": region, "WitnessStatus": status} for region in self.witnesses
            ]
        if self.consistency:
            table["MultiRegionConsistency"] = self.consistency
        return json.dumps(described).encode()


def _error(code: str, message: str) -> bytes:
    kind = f"com.amazonaws.dynamodb.v20120810#{code}"
    return json.dumps({"__type": kind, "message": message}).encode()
