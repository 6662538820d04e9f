"""The command line, as its user runs it, and what it answered."""

from __future__ import annotations

import json
import os
import pty
import select
import subprocess
import sys

from click.testing import CliRunner
from lambdatotp.cli import main


def run(*arguments, **variables):
    """Run a command in this process: its exit code, and what it printed, or else told."""
    outcome = CliRunner(env=variables).invoke(main, arguments)
    if outcome.exception and not isinstance(outcome.exception, SystemExit):
        raise outcome.exception
    return outcome.exit_code, outcome.stdout or outcome.stderr


def shell(*arguments, **variables):
    """Run a command as its user does."""
    return subprocess.run(
        [sys.executable, "-m", "lambdatotp", *arguments],
        env={**os.environ, **variables},
        capture_output=True,
        text=True,
        check=False,
    )


def in_a_terminal(engine, *arguments, prompt="", typed=""):
    """Run a command with a terminal around it; answer its prompt when it comes."""
    master, slave = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "lambdatotp", *arguments],
        env={**os.environ, **engine.environment(), "COLUMNS": "120"},
        stdin=slave,
        stdout=slave,
        stderr=slave,
        start_new_session=True,
    )
    os.close(slave)
    shown, answered = b"", not prompt
    while select.select([master], [], [], 60)[0]:
        try:
            chunk = os.read(master, 65536)
        except OSError:  # the other end is closed
            break
        shown += chunk
        if not answered and prompt in shown.decode(errors="ignore"):
            os.write(master, f"{typed}\n".encode())
            answered = True
    os.close(master)
    try:
        return process.wait(60), shown.decode()
    finally:
        process.kill()


def findings(text):
    return {found["subject"]: (found["state"], found["text"]) for found in json.loads(text)}


def counts(outcome):
    return tuple(outcome[name] for name in ("new", "same", "refused", "passed_over"))


def problems(outcome):
    return {problem["line"]: problem["problem"] for problem in outcome["problems"]}
