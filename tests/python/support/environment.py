"""The environment of the tests, whatever the machine's is."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pytest

VARIABLES = {
    "AWS_ACCESS_KEY_ID": "testing",
    "AWS_SECRET_ACCESS_KEY": "testing",
    "AWS_REGION": "eu-west-1",
    "AWS_EC2_METADATA_DISABLED": "true",
}


def clean(monkeypatch: pytest.MonkeyPatch) -> None:
    """Take away what the machine's owner has set, and give test credentials."""
    for name in list(os.environ):
        if name.startswith(("AWS_", "LAMBDATOTP_")):
            monkeypatch.delenv(name)
    for name, value in VARIABLES.items():
        monkeypatch.setenv(name, value)
