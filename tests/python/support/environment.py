"""The environment of the tests, whatever the machine's is."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pytest

VARIABLES = {
    "AWS_ACCESS_KEY_ID": "testing",
    "AWS_SECRET_ACCESS_KEY": "testing",
    "AWS_REGION": "eu-west-1",
    "AWS_EC2_METADATA_DISABLED": "true",
    "TERM": "xterm-256color",
}
# What changes an answer, or how it is printed. The locale and the time zone stay: no answer
# may depend on them.
FOREIGN = ("AWS_", "LAMBDATOTP_", "PYTHON", "SSL_CERT_", "CLICOLOR")
FOREIGN_NAMES = {
    "ALL_PROXY",
    "COLUMNS",
    "CURL_CA_BUNDLE",
    "FORCE_COLOR",
    "HTTPS_PROXY",
    "HTTP_PROXY",
    "LINES",
    "NO_COLOR",
    "NO_PROXY",
    "REQUESTS_CA_BUNDLE",
    "SESSION_KEY",
}
# This one is how the mutants are imported.
OURS = {"PYTHONPATH"}


def clean(monkeypatch: pytest.MonkeyPatch, home: Path) -> None:
    """Take away what the machine's owner has set, and give test credentials.

    Tools keep their caches, which are in the owner's home unless something says otherwise.
    """
    owner = Path(os.environ["HOME"])
    for name, folder in (
        ("CARGO_HOME", ".cargo"),
        ("RUSTUP_HOME", ".rustup"),
        ("XDG_CACHE_HOME", ".cache"),
    ):
        if name not in os.environ:
            monkeypatch.setenv(name, str(owner / folder))
    for name in set(os.environ) - OURS:
        if name.startswith(FOREIGN) or name.upper() in FOREIGN_NAMES:
            monkeypatch.delenv(name)
    for name, value in {**VARIABLES, "HOME": str(home)}.items():
        monkeypatch.setenv(name, value)
