"""The table of tests/simulation decides as DynamoDB Local does."""

from __future__ import annotations

import json
import os
import subprocess
import urllib.error
import urllib.request
from typing import TYPE_CHECKING, Any

import pytest

from tests.python.support import ROOT

if TYPE_CHECKING:
    from pathlib import Path

    from tests.python.support.engines import Engine

SIGNED = "AWS4-HMAC-SHA256 Credential=testing/20260101/eu-west-1/dynamodb/aws4_request, "
"""DynamoDB Local looks at the access key alone."""


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    """What random runs of the simulation asked, and what its table answered."""
    file: Path = tmp_path_factory.mktemp("simulation") / "requests.jsonl"
    command = "cargo test --locked --quiet --profile simulation --features simulation"
    subprocess.run(
        [*command.split(), "--test", "simulation", "recording", "--", "--ignored"],
        cwd=ROOT,
        env={**os.environ, "SIMULATION_RECORDING": str(file)},
        check=True,
    )
    return [json.loads(line) for line in file.read_text().splitlines()]


def ask(url: str, operation: str, request: dict[str, Any]) -> tuple[int, dict[str, Any]]:
    """Ask as the store does, byte for byte but for the table's name."""
    asked = urllib.request.Request(
        url,
        json.dumps(request).encode(),
        {
            "Content-Type": "application/x-amz-json-1.0",
            "X-Amz-Target": f"DynamoDB_20120810.{operation}",
            "Authorization": SIGNED + "SignedHeaders=host, Signature=0",
        },
    )
    try:
        with urllib.request.urlopen(asked) as reply:
            return reply.status, json.load(reply)
    except urllib.error.HTTPError as error:
        with error:
            return error.code, json.load(error)


def plain(item: dict[str, Any] | None) -> dict[str, Any] | None:
    """Sets have no order, and a number is written in more than one way."""
    if item is None:
        return None
    kinds = {"SS": sorted, "N": int}
    return {
        name: {kind: kinds.get(kind, lambda same: same)(value) for kind, value in typed.items()}
        for name, typed in item.items()
    }


def test_every_kind_of_request_is_decided_alike(
    local_engine: Engine, recorded: list[dict[str, Any]]
) -> None:
    url, table = local_engine.settings["endpoint_url"], local_engine.table_name
    kinds = set()
    for line in recorded:
        request = {**line["request"], "TableName": table}
        key = {"user_id": (request.get("Key") or request["Item"])["user_id"]}
        about = {"TableName": table, "Key": key}
        if line["before"] is None:
            assert ask(url, "DeleteItem", about)[0] == 200
        else:
            assert ask(url, "PutItem", {"TableName": table, "Item": line["before"]})[0] == 200
        status, reply = ask(url, line["operation"], request)
        expected = line["reply"]
        assert status == line["status"], (line, reply)
        assert reply.get("__type") == expected.get("__type"), line
        for item in ("Item", "Attributes"):
            assert plain(reply.get(item)) == plain(expected.get(item)), line
        _, now = ask(url, "GetItem", {**about, "ConsistentRead": True})
        assert plain(now.get("Item")) == plain(line["after"]), line
        kinds.add((line["operation"], request.get("ConditionExpression"), status))
    # As many as the store has, refused and not: fewer would say that recording is broken.
    assert len(kinds) >= 20
