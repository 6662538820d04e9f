"""What an import costs, and what it does not do: every cold start pays for it."""

from __future__ import annotations

import json
import os
import subprocess
import sys

from tests.python.support import ROOT


def fresh(program: str, **variables: str) -> str:
    """What a fresh interpreter prints."""
    return subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
        cwd=ROOT,
        env={**os.environ, **variables},
    ).stdout


def test_importing_loads_nothing_but_itself():
    """Not typing, not asyncio, not re: the interpreter has what it needs already."""
    program = """
import sys
before = set(sys.modules)
import lambdatotp
print(*sorted(name for name in set(sys.modules) - before))
"""
    assert fresh(program).split() == [
        "lambdatotp",
        "lambdatotp._lambdatotp",
        "lambdatotp._verifier",
        "lambdatotp.exceptions",
    ]


def test_importing_the_app_touches_nothing(tmp_path):
    """Chalice imports it to package it, with no table and no credentials about."""
    at = tmp_path / "users.db"
    program = """
import json, sys, threading
import app
print(json.dumps([sorted(sys.modules), threading.active_count()]))
"""
    variables = {"LAMBDATOTP_EMBEDDED": str(at), "AWS_ACCESS_KEY_ID": "", "AWS_REGION": ""}
    modules, threads = json.loads(fresh(program, **variables))
    assert threads == 1
    assert not at.exists()
    assert not {"boto3", "botocore", "hmac", "hashlib", "pyotp", "qrcode"} & set(modules)
    assert "chalicelib.http" in modules
    assert "chalicelib.enroll" not in modules


def test_a_first_call_loads_no_more():
    program = """
import sys, lambdatotp
before = set(sys.modules)
verifier = lambdatotp.Verifier(embedded=":memory:")
verifier.register("ana")
verifier.verify("ana", "123456")
print(*(set(sys.modules) - before))
"""
    assert fresh(program).split() == []
