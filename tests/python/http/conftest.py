"""The fixtures of the HTTP service."""

from __future__ import annotations

import logging

import pytest

# As Chalice sets the app's logger when the first test loads the app: caplog listens to such
# loggers if they are so before the test begins.
logging.getLogger("lambdatotp").propagate = False


@pytest.fixture
def service(engine, load_app):
    return load_app(**engine.environment())
