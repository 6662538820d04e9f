"""The command line, as its user runs it, and what it answered."""

from __future__ import annotations

import fcntl
import json
import os
import pty
import select
import struct
import subprocess
import sys
import termios

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


# Takes the terminal for its own, so that Ctrl-C there is a signal here.
OWN_TERMINAL = """
import fcntl, runpy, termios
fcntl.ioctl(0, termios.TIOCSCTTY, 0)
runpy.run_module("lambdatotp", run_name="__main__", alter_sys=True)
"""


def in_a_terminal(engine, *arguments, prompt="", typed="", rows=50, columns=120):
    """Run a command with a terminal around it; answer its prompt when it comes.

    What is typed ends with a line end, unless it is a control character: Ctrl-C, Ctrl-D.
    """
    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
    environment = {**os.environ, **engine.environment()}
    process = subprocess.Popen(
        [sys.executable, "-c", OWN_TERMINAL, *arguments],
        env={name: environment[name] for name in environment.keys() - {"COLUMNS", "LINES"}},
        stdin=slave,
        stdout=slave,
        stderr=slave,
        start_new_session=True,
    )
    os.close(slave)
    shown, answered, patience = b"", not prompt, 60
    while patience:
        if not select.select([master], [], [], 1)[0]:
            patience -= 1
            # A signal just before a program waits for a key wakes nobody: people press again.
            if prompt and answered and typed in CONTROLS:
                os.write(master, typed.encode())
            continue
        try:
            chunk = os.read(master, 65536)
        except OSError:  # the other end is closed
            break
        shown += chunk
        if not answered and prompt in shown.decode(errors="ignore"):
            os.write(master, typed.encode() if typed in CONTROLS else f"{typed}\n".encode())
            answered = True
    os.close(master)
    try:
        return process.wait(60), shown.decode()
    finally:
        process.kill()


CTRL_C, CTRL_D = CONTROLS = "\x03", "\x04"


def findings(text):
    return {found["subject"]: (found["state"], found["text"]) for found in json.loads(text)}


def counts(outcome):
    settled = tuple(outcome[name] for name in ("new", "same", "refused", "filtered"))
    assert sum(settled) == outcome["read"]
    return settled


def problems(outcome):
    return {
        problem.get("line", problem.get("entry")): problem["problem"]
        for problem in outcome["problems"]
    }
