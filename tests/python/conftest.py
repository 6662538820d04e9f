"""The two real engines that every store test runs on, and a raw door to each."""

from __future__ import annotations

import json
import os
import signal
import sys
import uuid
from pathlib import Path
from typing import TYPE_CHECKING, Any

import boto3
import lambdatotp
import pytest
from botocore.awsrequest import AWSResponse
from hypothesis import settings
from lambdatotp import _lambdatotp

# Machines differ in speed: how long an example takes says nothing.
settings.register_profile("lambdatotp", deadline=None)
settings.load_profile("lambdatotp")

ROOT = Path(__file__).parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "tools")]

import dynamodb_local  # noqa: E402

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

# In a shell's background (`make test &`) Ctrl-C is ignored, and whatever tests start would
# ignore it, too.
signal.signal(signal.SIGINT, signal.default_int_handler)

VARIABLES = {
    "AWS_ACCESS_KEY_ID": "testing",
    "AWS_SECRET_ACCESS_KEY": "testing",
    "AWS_REGION": "eu-west-1",
    "AWS_EC2_METADATA_DISABLED": "true",
}


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--screenshots", metavar="FOLDER", help="write the README's pictures there")


def clean(monkeypatch: pytest.MonkeyPatch) -> None:
    """Take away what the machine's owner has set, and give test credentials."""
    for name in list(os.environ):
        if name.startswith(("AWS_", "LAMBDATOTP_")):
            monkeypatch.delenv(name)
    for name, value in VARIABLES.items():
        monkeypatch.setenv(name, value)


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Give each test the same environment, and no verifier made before it."""
    clean(monkeypatch)
    monkeypatch.setattr(lambdatotp, "_made", {})


@pytest.fixture(scope="session")
def dynamodb_url() -> Iterator[str]:
    """Run one DynamoDB Local for all tests; each makes a table of its own."""
    with dynamodb_local.running() as url:
        yield url


@pytest.fixture(scope="session")
def moto() -> Iterator[str]:
    """Run what no real engine has here: point-in-time recovery and KMS, IAM and Lambda."""
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer(port=0)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


class Engine:
    """A real DynamoDB engine with one empty table."""

    def __init__(self, settings: dict[str, str], client: Any) -> None:
        self.settings = settings
        self.table_name = settings["table_name"]
        self.client = client

    def verifier(self, **settings: Any) -> lambdatotp.Verifier:
        return lambdatotp.Verifier(**{**self.settings, **settings})

    def environment(self) -> dict[str, str]:
        """Say the same as `settings`, for another process or the app."""
        names = {
            "table_name": "LAMBDATOTP_TABLE_NAME",
            "embedded": "LAMBDATOTP_EMBEDDED",
            "endpoint_url": "AWS_ENDPOINT_URL_DYNAMODB",
            "region": "AWS_REGION",
        }
        return {names[name]: value for name, value in self.settings.items()}

    def put(self, user: str, **attributes: Any) -> None:
        """Write an item with other hands than ours."""
        item = {"user_id": {"S": user}, **{name: _typed(v) for name, v in attributes.items()}}
        self.client.put_item(TableName=self.table_name, Item=item)

    def get(self, user: str) -> dict[str, Any] | None:
        """Read an item, as plain values."""
        reply = self.client.get_item(
            TableName=self.table_name, Key={"user_id": {"S": user}}, ConsistentRead=True
        )
        if "Item" not in reply:
            return None
        return {
            name: int(value["N"]) if "N" in value else next(iter(value.values()))
            for name, value in reply["Item"].items()
        }


def _typed(value: Any) -> dict[str, Any]:
    if isinstance(value, dict):
        return value
    return {"N": str(value)} if isinstance(value, int) else {"S": value}


def _boto3(endpoint_url: str) -> Any:
    return boto3.client(
        "dynamodb",
        endpoint_url=endpoint_url,
        region_name="eu-west-1",
        aws_access_key_id="testing",
        aws_secret_access_key="testing",
    )


class _Raw:
    """A reply as botocore reads it from urllib3."""

    def __init__(self, body: bytes) -> None:
        self.body = body

    def stream(self) -> Iterator[bytes]:
        yield self.body


def embedded_client(at: str, table_name: str) -> Any:
    """Return a boto3 client whose requests go to the embedded engine at `at`."""
    client = _boto3("http://embedded.invalid")

    def answer(request: Any, **_: Any) -> AWSResponse:
        operation = request.headers["X-Amz-Target"].decode().rsplit(".")[-1]
        body = request.body.decode() if isinstance(request.body, bytes) else request.body
        status, reply = _lambdatotp._embedded_call(at, table_name, operation, body)
        return AWSResponse(request.url, status, {}, _Raw(reply.encode()))

    client.meta.events.register("before-send.dynamodb", answer)
    return client


@pytest.fixture
def make_engine(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[str], Engine]:
    """Make an engine by its name."""

    def make(name: str) -> Engine:
        table_name = f"users_{uuid.uuid4().hex}"
        if name == "dynamodb_local":
            url = request.getfixturevalue("dynamodb_url")
            client = _boto3(url)
            dynamodb_local.create_table(client, table_name)
            settings = {"endpoint_url": url, "region": "eu-west-1", "table_name": table_name}
            return Engine(settings, client)
        at = ":memory:" if name == "memory" else str(tmp_path / "users.db")
        # The first use makes the table, whoever comes first.
        return Engine({"embedded": at, "table_name": table_name}, embedded_client(at, table_name))

    return make


@pytest.fixture(params=["memory", "file", "dynamodb_local"])
def engine(request: pytest.FixtureRequest, make_engine: Callable[[str], Engine]) -> Engine:
    """Each engine in turn, with an empty table."""
    return make_engine(request.param)


@pytest.fixture(params=["file", "dynamodb_local"])
def shared_engine(request: pytest.FixtureRequest, make_engine: Callable[[str], Engine]) -> Engine:
    """Each engine that several processes can use at once."""
    return make_engine(request.param)


@pytest.fixture(scope="session")
def vectors() -> Callable[[str], dict[str, Any]]:
    """Read a file of test vectors by its name."""

    def read(name: str) -> dict[str, Any]:
        data: dict[str, Any] = json.loads((ROOT / "tests/vectors" / f"{name}.json").read_text())
        return data

    return read
