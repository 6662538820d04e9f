"""The fixtures of the HTTP service."""

from __future__ import annotations

import importlib
import logging
from typing import TYPE_CHECKING, Any

import pytest
from chalice.test import Client

from tests.python.support.service import Service, forget_app

if TYPE_CHECKING:
    from collections.abc import Iterator

# As Chalice sets the app's logger when the first test loads the app: caplog listens to such
# loggers if they are so before the test begins.
logging.getLogger("lambdatotp").propagate = False


@pytest.fixture
def load_app(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """Import the app anew, as a fresh Lambda does, in the environment of the test."""

    def load(**variables: str) -> Service:
        for name, value in variables.items():
            monkeypatch.setenv(name, value)
        forget_app()
        return Service(Client(importlib.import_module("app").app))

    return load


@pytest.fixture
def service(engine, load_app):
    return load_app(**engine.environment())
