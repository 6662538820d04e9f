"""The fixtures of what is shipped."""

from __future__ import annotations

import os

import pytest


@pytest.fixture(autouse=True)
def umask():
    """The Makefile's, whatever ours is: Lambda reads the files as another user."""
    before = os.umask(0o022)
    yield
    os.umask(before)
