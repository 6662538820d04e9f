"""The fixtures of what is shipped."""

from __future__ import annotations

import os

import pytest

from tests.python.support.cloud import Cloud
from tests.python.support.installed import Installed, wheel
from tools import ministack


@pytest.fixture(scope="session")
def cloud(tmp_path_factory):
    """An AWS on this machine, for all tests."""
    scratch = tmp_path_factory.mktemp("cloud")
    with (scratch / "log").open("wb") as log, ministack.running(log.fileno()) as url:
        yield Cloud(url, scratch)


@pytest.fixture(scope="session")
def wheelhouse(tmp_path_factory):
    """A folder with the package's wheel, which pip is to look in, and nowhere else."""
    folder = tmp_path_factory.mktemp("wheelhouse")
    wheel(folder)
    return folder


@pytest.fixture(scope="session")
def installed(tmp_path_factory, wheelhouse):
    environment = Installed(tmp_path_factory.mktemp("installed"))
    environment.install(next(wheelhouse.glob("*.whl")))
    return environment


@pytest.fixture(autouse=True)
def umask():
    """The Makefile's, whatever ours is: Lambda reads the files as another user."""
    before = os.umask(0o022)
    yield
    os.umask(before)
