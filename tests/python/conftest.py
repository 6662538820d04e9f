"""The fixtures of all tests: a clean environment, and the engines."""

from __future__ import annotations

import importlib
import json
import signal
import uuid
from typing import TYPE_CHECKING, Any

import lambdatotp
import pytest
from chalice.test import Client
from hypothesis import settings

from tests.python.support import ROOT, service
from tests.python.support.engines import Engine, local_client
from tests.python.support.environment import clean
from tools import dynamodb_local

# Machines differ in speed: how long an example takes says nothing.
settings.register_profile("lambdatotp", deadline=None)
settings.load_profile("lambdatotp")

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

# In a shell's background (`make test &`) Ctrl-C is ignored, and whatever tests start would
# ignore it, too.
signal.signal(signal.SIGINT, signal.default_int_handler)


LOCAL = pytest.param("dynamodb_local", marks=pytest.mark.local)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--screenshots", metavar="FOLDER", help="write the README's pictures there")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark whatever asks for DynamoDB Local or moto by a fixture."""
    for item in items:
        if {"dynamodb_url", "moto"} & set(getattr(item, "fixturenames", ())):
            item.add_marker("local")


@pytest.fixture(scope="session", autouse=True)
def empty_home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Give what outlives a test the same environment, too; the home is empty."""
    home = tmp_path_factory.mktemp("home")
    with pytest.MonkeyPatch.context() as monkeypatch:
        clean(monkeypatch, home)
        yield home


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch: pytest.MonkeyPatch, empty_home: Path) -> None:
    """Give each test the same environment, and no verifier made before it."""
    clean(monkeypatch, empty_home)
    monkeypatch.setattr(lambdatotp, "_default_verifier", {})


@pytest.fixture(scope="session")
def dynamodb_url() -> Iterator[str]:
    """Run one DynamoDB Local for all tests; each makes a table of its own."""
    # Compiled quickly, not well: that halves the CPU time of so many different requests.
    with dynamodb_local.running("-XX:TieredStopAtLevel=1") as url:
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


@pytest.fixture
def make_engine(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[str], Engine]:
    """Make an engine by its name."""

    def make(name: str) -> Engine:
        table_name = f"users_{uuid.uuid4().hex}"
        if name == "dynamodb_local":
            assert request.node.get_closest_marker("local"), "ask for local_engine, or mark local"
            url = request.getfixturevalue("dynamodb_url")
            dynamodb_local.create_table(local_client(url), table_name)
            return Engine({"endpoint_url": url, "region": "eu-west-1", "table_name": table_name})
        at = ":memory:" if name == "memory" else str(tmp_path / "users.db")
        # The first use makes the table.
        return Engine({"embedded": at, "table_name": table_name})

    return make


@pytest.fixture
def local_engine(dynamodb_url: str, make_engine: Callable[[str], Engine]) -> Engine:
    """DynamoDB Local with an empty table; a test that asks for it is marked `local`."""
    del dynamodb_url
    return make_engine("dynamodb_local")


@pytest.fixture(params=["memory", "file", LOCAL])
def engine(request: pytest.FixtureRequest, make_engine: Callable[[str], Engine]) -> Engine:
    """Each engine in turn, with an empty table."""
    return make_engine(request.param)


@pytest.fixture(params=["file", LOCAL])
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


@pytest.fixture
def load_app(monkeypatch: pytest.MonkeyPatch) -> Callable[..., service.Service]:
    """Import the app anew, as a fresh Lambda does, in the environment of the test."""

    def load(**variables: str) -> service.Service:
        for name, value in variables.items():
            monkeypatch.setenv(name, value)
        service.forget_app()
        return service.Service(Client(importlib.import_module("app").app))

    return load
