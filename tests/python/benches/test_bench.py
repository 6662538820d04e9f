"""The benchmarks still run, and the capacity sheet adds up."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import xml.etree.ElementTree as ET

import pyotp
import pytest

from benches import capacity, instructions, plots, report, servers, service
from benches.measure import Figure, in_turns, ratio
from benches.peers import boto3_peer
from benches.trips import MINIMUM
from tests.python.support import ROOT


def run(sections, folder, **variables):
    command = [sys.executable, "-m", "benches", *sections, "--quick", "--out", str(folder)]
    environment = {**os.environ, **variables}
    subprocess.run(command, cwd=ROOT, env=environment, check=True)
    return {name: json.loads((folder / f"{name}.json").read_text()) for name in sections}


@pytest.mark.local
def test_calls_and_round_trips(tmp_path):
    found = run(["calls", "trips"], tmp_path)
    assert {"now", "verify", "QR code to PNG", "QR code to SVG"} <= set(found["calls"]["targets"])
    rows = found["trips"]["tables"][0]["rows"]
    assert [row[1] for row in rows] == [row[2] for row in rows], "the fewest possible"
    results = (tmp_path / "RESULTS.md").read_text()
    assert "## Capacity" in results
    for picture in (tmp_path / "plots").iterdir():
        ET.parse(picture)  # noqa: S314 - our own


def test_each_peer_does_what_it_is_there_for(dynamodb_url):
    client = servers.boto3_client(dynamodb_url)
    table = servers.new_table(client)
    for mode, peer in service.NAMES:
        users = [f"{mode}-{peer}-{number}" for number in range(4)]
        servers.load(client, table, users)
        plan = {"mode": mode, "peer": peer, "operation": "verify", "workers": 2}
        plan |= {"users": users[1:], "warm": users[:1]}
        variables = servers.environment(dynamodb_url, table)
        result = service.run(plan, variables)
        assert len(result["latencies"]) == 3
        used = client.get_item(TableName=table, Key={"user_id": {"S": users[1]}})["Item"]
        assert ("last_step" in used) == (peer != "boto3-plain")


def test_the_safe_peer_is_as_safe_as_ours(dynamodb_url, monkeypatch):
    client = servers.boto3_client(dynamodb_url)
    table = servers.new_table(client)
    servers.load(client, table, ["ana", "eve"])
    for name, value in servers.settings(dynamodb_url, table).items():
        monkeypatch.setenv(name, value)
    safe, plain = boto3_peer.Safe(), boto3_peer.Plain()
    code = pyotp.TOTP(servers.SECRET).now()
    assert [plain.verify("ana", code) for _ in range(2)] == [True, True]
    assert [safe.verify("ana", code) for _ in range(2)] == [True, False]
    wrong = "000000" if code != "000000" else "000001"
    assert [safe.verify("eve", wrong) for _ in range(10)] == [False] * 10
    with pytest.raises(PermissionError, match="too many"):
        safe.verify("eve", wrong)
    with pytest.raises(LookupError):
        safe.verify("nobody", wrong)


@pytest.mark.shipped
def test_first_use(tmp_path):
    found = run(["first_use"], tmp_path, PYTHONPATH=str(ROOT / "vendor"))
    assert found["first_use"]["targets"]["first"]["times"] > 1


def test_ratios_are_taken_within_rounds():
    assert ratio([10, 40, 90], [1, 2, 3]) == Figure(20, 15, 25)
    order: list[str] = []
    cases = {name: lambda name=name: order.append(name) for name in "ab"}
    assert in_turns(cases, 2) == {"a": [None, None], "b": [None, None]}
    assert "".join(order) == "baabba", "alternating, after a warm-up"


def test_capacity_by_hand():
    # user_id 7+24, secret 6+32, enrollment_id 13+22, reserve_id 10+22, accept_id 9+22;
    # registered_at 13+6, confirmed_at 12+6, last_step 9+5, throttle_at 11+8, misses 6+2.
    assert capacity.item_bytes() == 31 + 38 + 35 + 32 + 31 + 19 + 18 + 14 + 19 + 8
    need = capacity.needs(capacity.Load(1_000_000, 100), warm_ms=4)
    # 0.95 * 2 + 0.05 * 1 writes; a login a day, of which 5 % are repeated.
    assert need.peak_writes == pytest.approx(195)
    assert need.monthly_verifies == pytest.approx(30_000_000 / 0.95)
    assert need.dynamodb == pytest.approx(30 / 0.95 * 1.95 * 0.625)
    assert need.gateway == pytest.approx(30 / 0.95 * 3.50)
    assert need.seconds == pytest.approx(0.004 * 1769 / 512 + 1.95 * 0.005)
    assert need.concurrency == pytest.approx(100 * need.seconds)
    assert need.table_gb == pytest.approx(1e6 * (245 + 100) / 2**30)
    assert capacity.gateway_cost(1e9) == pytest.approx(333 * 3.5 + 667 * 2.8)
    assert "API Gateway's 10,000 requests/s: 10.0 times" not in capacity.sheet()
    assert "| 1,000,000,000 | 100,000 |" in capacity.sheet()
    assert MINIMUM["right code"][0] == capacity.RIGHT
    assert MINIMUM["wrong code"][0] == capacity.WRONG


def test_cells():
    assert report.cell({"middle": 0.3104, "low": 0.3, "high": 0.32}) == "0.310 ± 3%"
    made = {"middle": 1234.5, "low": 1234.5, "high": 1234.5, "times": 41.2}
    assert report.cell(made) == "1,234 (**41.2** times)"
    assert plots.number(0) == "0"


def test_more_instructions_are_noticed(capsys):
    baseline = {"counts": {"code": 1000, "verify": 3000}}
    now = {"counts": {"code": 1029, "verify": 3100}}
    assert instructions.differences(baseline, now) == ["verify: 3,000 -> 3,100 (+3.3%)"]
    assert "+2.9%" in capsys.readouterr().out
