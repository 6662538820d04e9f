"""The README does what it says."""

from __future__ import annotations

import doctest
import json
import os
import re
import shutil
import subprocess
from pathlib import Path

import lambdatotp
import pyotp
import pytest
from test_chalice_local import chalice_local

README = (Path(__file__).parents[2] / "README.md").read_text()


def console_sessions() -> list[tuple[str, str]]:
    """Each command of the console blocks, with the output that stands below it."""
    blocks = "\n".join(re.findall(r"```console\n(.*?)```", README, re.DOTALL))
    return re.findall(r"^\$ (.*)\n((?:(?!\$ ).*\n)*)", blocks, re.MULTILINE)


@pytest.mark.skipif(not shutil.which("curl"), reason="the session uses curl")
def test_the_curl_session(tmp_path):
    sessions = console_sessions()
    assert len(sessions) == 4
    code = "123456"
    with chalice_local(LAMBDATOTP_EMBEDDED=str(tmp_path / "users.db")) as port:
        for command, expected in sessions:
            run = command.replace(":8000", f":{port}").replace("123456", code)
            done = subprocess.run(  # noqa: S602 - the README's own commands
                run, shell=True, capture_output=True, text=True, check=True, timeout=60
            )
            pattern = re.escape(expected.strip()).replace(re.escape("..."), '[^"&]+')
            assert re.fullmatch(pattern, done.stdout.strip()), command
            if "qr_code" in done.stdout:
                code = pyotp.parse_uri(json.loads(done.stdout)["qr_code"]).now()


def test_the_python_sessions(monkeypatch):
    monkeypatch.setenv("LAMBDATOTP_EMBEDDED", ":memory:")
    parser = doctest.DocTestParser()
    runner = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS)
    runner.run(parser.get_doctest(README, {}, "README", "README.md", 0))
    assert runner.tries > 10
    assert runner.failures == 0


def test_the_settings_are_all_there():
    import inspect

    table = README.split("## Settings")[1].split("## ")[0]
    named = re.findall(r"^\| `(\w+)` \| `(\w+)`", table, re.MULTILINE)
    assert [name for name, _ in named] == list(inspect.signature(lambdatotp.Verifier).parameters)
    for name, variable in named:
        assert variable == f"LAMBDATOTP_{name.upper()}" or variable.startswith("AWS_")


def test_links_lead_somewhere():
    for target in re.findall(r"\]\((?!https?://)([^)#]+)\)", README):
        assert (Path(__file__).parents[2] / target).exists(), target
    assert os.access(Path(__file__).parents[2] / ".ci" / "run", os.X_OK)


def test_the_commands_exist():
    """Every make target and every subcommand that the documents name."""
    from lambdatotp.cli import main

    root = Path(__file__).parents[2]
    texts = "\n".join(
        (root / name).read_text() for name in ("README.md", "DESIGN.md", "SECURITY.md")
    )
    makefile = (root / "Makefile").read_text()
    targets = set(re.findall(r"^([a-z-]+):", makefile, re.MULTILINE))
    named = set(re.findall(r"(?:`|^|\s)make ([a-z-]+)(?=`|\s+[A-Z]+=|\s*$)", texts, re.MULTILINE))
    assert len(named) > 8
    assert named <= targets
    commands = set(
        re.findall(r"lambdatotp ((?:[a-z]+-)?[a-z]+)(?=`|\s+--|\)|$)", texts, re.MULTILINE)
    )
    assert {"create-table", "doctor", "reseal", "new-key"} <= commands
    assert commands <= set(main.commands)
