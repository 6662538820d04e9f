"""The network between the store and its engine, in the hands of a test."""

from __future__ import annotations

import pytest

from tests.python.support.fault_proxy import fault_proxy


@pytest.fixture
def proxy(engine):
    with fault_proxy(engine.settings["endpoint_url"]) as proxy:
        yield proxy


@pytest.fixture
def verifier(engine, proxy):
    return engine.verifier(endpoint_url=proxy.url)
