"""The fixtures of what is shipped."""

from __future__ import annotations

import os

import pytest

from tests.python.support.cloud import Cloud
from tools import ministack


@pytest.fixture(scope="session")
def cloud(tmp_path_factory):
    """An AWS on this machine, for all tests."""
    scratch = tmp_path_factory.mktemp("cloud")
    with (scratch / "log").open("wb") as log, ministack.running(log.fileno()) as url:
        yield Cloud(url, scratch)


@pytest.fixture(autouse=True)
def umask():
    """The Makefile's, whatever ours is: Lambda reads the files as another user."""
    before = os.umask(0o022)
    yield
    os.umask(before)
