"""The fixtures of the command line."""

from __future__ import annotations

import json
import uuid

import pytest

from tests.python.support.cli import run


@pytest.fixture
def name():
    return f"users_{uuid.uuid4().hex}"


@pytest.fixture
def local(local_engine):
    return local_engine


@pytest.fixture
def bring(engine, tmp_path):
    """Import a text; returns the exit code and the outcome."""

    def bring(text, *options, name="users", **variables):
        file = tmp_path / name
        file.write_bytes(text if isinstance(text, bytes) else text.encode())
        code, said = run(
            "import", str(file), "--json", *options, **engine.environment(), **variables
        )
        return code, json.loads(said) if said.startswith("{") else said

    return bring
