"""The program itself: its settings, its help, its exit codes."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import lambdatotp
import pytest
from lambdatotp.cli import main

from tests.python.support import ROOT
from tests.python.support.cli import run, shell


class TestProgram:
    def test_help(self):
        done = shell("--help")
        assert done.returncode == 0
        for word in ("create-table", "doctor", "Exit codes"):
            assert word in done.stdout
        for command in ("create-table", "doctor"):
            shown = shell(command, "--help").stdout
            assert f"  lambdatotp {command}" in shown

    def test_an_error_is_one_line_and_no_traceback(self):
        done = shell("create-table", "--table-name", "x")
        assert (done.returncode, done.stdout) == (3, "")
        (line,) = done.stderr.splitlines()
        assert line.startswith("lambdatotp: invalid table_name")

    @pytest.mark.parametrize(
        ("arguments", "said"),
        [
            (["no-such-command"], "lambdatotp: No such command 'no-such-command'"),
            (["verify"], "lambdatotp: Missing argument 'USER': see lambdatotp verify --help"),
            (["show", "a", "b"], "see lambdatotp show --help"),
            (["list", "--limit", "many"], "'many' is not a valid integer range"),
            (["import", "/no/such/file"], "does not exist"),
        ],
    )
    def test_wrong_use_is_one_line_that_says_what_to_do(self, arguments, said):
        done = shell(*arguments)
        assert (done.returncode, done.stdout) == (2, "")
        (line,) = done.stderr.splitlines()
        assert line.startswith("lambdatotp: ")
        assert said in line
        assert "--help" in line

    def test_exit_codes_tell_a_refusal_from_no_verdict(self, local):
        where = ["--endpoint-url", local.settings["endpoint_url"], "--table-name"]
        assert shell("verify", "ana", "123456", *where, local.table_name).returncode == 1
        assert shell("verify", "ana", "123456", *where, "no_such_table").returncode == 3
        nobody = ["--endpoint-url", "http://127.0.0.1:9"]
        assert shell("verify", "ana", "123456", *nobody).returncode == 3

    def test_a_reader_may_have_seen_enough(self, make_engine):
        """`lambdatotp list | head -1`: no traceback, no message."""
        engine = make_engine("file")
        for number in range(50):
            engine.put(f"{number:0200}", secret="JBSWY3DPEHPK3PXP")
        process = subprocess.Popen(
            [sys.executable, "-m", "lambdatotp", "list"],
            env={**os.environ, **engine.environment()},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        process.stdout.close()
        assert process.stderr.read() == ""
        process.stderr.close()
        assert process.wait(60) == 1

    def test_every_command_has_help_with_examples(self):
        for name, command in main.commands.items():
            done = run(name, "--help")
            assert done[0] == 0
            assert "Example" in done[1], name
            assert command.get_short_help_str(60)[-3:] != "...", name

    def test_commands_that_say_something_say_it_in_json(self):
        silent = {"new-key", "completion", "new", "serve", "deploy"}
        for name, command in main.commands.items():
            has = any("--json" in parameter.opts for parameter in command.params)
            assert has or name in silent, name

    @pytest.mark.parametrize("shell_name", ["bash", "zsh", "fish"])
    def test_completion(self, shell_name):
        code, text = run("completion", shell_name)
        assert code == 0
        assert "_LAMBDATOTP_COMPLETE" in text

    @pytest.mark.parametrize(
        ("typed", "offered"),
        [
            ("lambdatotp che", "check-table"),
            ("lambdatotp import --dry", "--dry-run"),
            ("lambdatotp export --format migr", "migration"),
        ],
    )
    def test_bash_completes(self, typed, offered):
        """In a real shell, with the script that it would read."""
        words = typed.split()
        script = f"""
            PATH={Path(sys.executable).parent}:$PATH
            eval "$(lambdatotp completion bash)"
            COMP_WORDS=({typed}) COMP_CWORD={len(words) - 1}
            _lambdatotp_completion lambdatotp {words[-1]} {words[-2]}
            printf '%s\\n' "${{COMPREPLY[@]}}"
        """
        done = subprocess.run(
            ["/usr/bin/env", "bash", "-c", script],
            capture_output=True,
            text=True,
            check=True,
            timeout=60,
        )
        assert done.stdout.split() == [offered], done.stderr

    def test_the_program_is_installed(self):
        program = Path(sys.executable).with_name("lambdatotp")
        done = subprocess.run([program, "--version"], capture_output=True, text=True, check=True)
        assert done.stdout == f"lambdatotp, version {lambdatotp.__version__}\n"

    def test_without_its_libraries(self):
        """As installed without the extra: an interpreter that has nothing but lambdatotp."""
        done = subprocess.run(
            [sys.executable, "-S", "-m", "lambdatotp"],
            env={"PYTHONPATH": str(ROOT / "python")},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 1
        assert "pip install 'lambdatotp[cli]'" in done.stderr
        assert "Traceback" not in done.stderr
