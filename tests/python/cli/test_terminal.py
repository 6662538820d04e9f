"""The command line in a real terminal: what fits, what is escaped, what is asked."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time

import numpy as np
import pyotp
import pytest

from tests.python.support.cli import CTRL_C, CTRL_D, in_a_terminal, run, shell
from tests.python.support.codes import LEGACY
from tests.python.support.pictures import pixels_of_terminal, read

ANSI = re.compile(r"\x1b\[[0-9;]*m")

# Invalid ids that another program may have written, and valid ones.
HOSTILE = ["a\x1b[2Jb", "a\rb", "a\nb", "a\x07b", "a\x9b31mb", "a\u202eb", "a\u2066b", "a\u200eb"]


@pytest.fixture
def file_engine(make_engine):
    return make_engine("file")


class TestListFits:
    LONG = "maximilian.mustermann@department.of.redundancy.example.com"
    LONGER = "x" * 100 + "@example.com"
    WIDE = "日本語の長い長い長い名前をもつ利用者@example.com"

    @pytest.mark.parametrize("columns", [80, 60, 120])
    def test_no_id_and_no_date_is_broken(self, file_engine, columns):
        name = "k1" if columns < 80 else "k" * 32
        verifier = file_engine.verifier(keys=f"{name}:{'A' * 43}", enrollment_ttl=600)
        users = ["ana@example.com", self.LONG, self.LONGER, self.WIDE]
        for user in users:
            verifier.register(user, recovery_codes=10)
        file_engine.put("locked@example.com", secret=LEGACY, misses=100)
        code, shown = in_a_terminal(file_engine, "list", columns=columns)
        assert code == 0
        lines = ANSI.sub("", shown).splitlines()
        for user in users:
            # Whole, and in one line.
            assert sum(user in line for line in lines) == 1, shown
        for line in lines:
            if line.strip() not in {self.LONGER, self.LONG}:
                assert sum(1 + (ord(symbol) > 0x2E80) for symbol in line) <= columns, line
        today = time.strftime("%Y-%m-%d", time.gmtime())
        assert sum(today in line for line in lines) == len(users)

    def test_columns_stand_below_their_titles(self, file_engine):
        file_engine.verifier().register("ana@example.com", recovery_codes=10)
        file_engine.put("zoë", secret=LEGACY)
        code, shown = in_a_terminal(file_engine, "list", columns=80)
        assert code == 0
        title, *lines = ANSI.sub("", shown).splitlines()
        for line in lines:
            assert line[title.index("state") - 1] == " "
            assert line[title.index("state")] != " "
        (ana,) = (line for line in lines if line.startswith("ana"))
        assert ana[title.index("registered") :].startswith("20")
        assert ana[title.index("recovery") :].startswith("10")

    def test_how_long_is_left_is_said_in_few_letters(self, file_engine):
        now = int(time.time())
        for user, left in (("a", 90), ("b", 5_000), ("c", 80_000), ("d", 10**17), ("e", -5)):
            file_engine.put(user, secret=LEGACY, registered_at=now, expires_at=now + left)
        code, shown = in_a_terminal(file_engine, "list", columns=80)
        assert code == 0
        for words in (r"(8\d|90) s", r"84 min", r"23 h", r"100000 d or more"):
            assert re.search(f"expires in {words}", shown), shown
        assert "expired" in shown


class TestIds:
    @pytest.mark.parametrize("user", HOSTILE, ids=ascii)
    def test_a_terminal_does_not_act_on_them(self, file_engine, user):
        file_engine.put(user, secret=LEGACY)
        code, shown = in_a_terminal(file_engine, "list")
        assert code == 0
        assert "\x07" not in shown
        for symbol in user:
            if not symbol.isprintable():
                assert ANSI.sub("", shown).replace("\r\n", "").count(symbol) == 0, shown
        escaped = user.encode("unicode_escape").decode()
        assert escaped in shown

    def test_a_pipe_gets_one_a_line_whole(self, file_engine):
        users = {"a\nb": "a\\nb", "c\rd": "c\\rd", "e\u202ef": "e\u202ef", "x" * 256: "x" * 256}
        for user in users:
            file_engine.put(user, secret=LEGACY)
        done = shell("list", **file_engine.environment())
        assert done.returncode == 0
        assert sorted(done.stdout.split("\n")[:-1]) == sorted(users.values())

    @pytest.mark.parametrize("command", [["show"], ["unlock"], ["recovery"]])
    def test_all_commands(self, file_engine, command):
        user = "ana\u202e\u2066"
        file_engine.verifier().register(user)
        code, shown = in_a_terminal(file_engine, *command, user)
        assert code == 0
        assert "\u202e" not in shown
        assert "ana\\u202e\\u2066" in shown

    def test_the_question_before_a_deletion(self, file_engine):
        user = "ana\u202e"
        file_engine.verifier().register(user)
        code, shown = in_a_terminal(file_engine, "delete", user, prompt="?", typed="y")
        assert code == 0
        assert "Remove the second factor of ana\\u202e?" in shown
        assert "\u202e" not in shown

    def test_errors(self, file_engine):
        code, shown = in_a_terminal(file_engine, "no\x1b[31msuch\ncommand")
        assert code == 2
        assert "\x1b" not in shown
        assert len(shown.splitlines()) == 1

    def test_the_next_page_can_be_copied_from_the_screen(self, file_engine):
        for user in ("it's", "zoë\u202e", "a b", "plain"):
            file_engine.put(user, secret=LEGACY)
        everybody = run("list", **file_engine.environment())[1].splitlines()
        for count in range(1, len(everybody)):
            code, shown = in_a_terminal(file_engine, "list", "--limit", str(count))
            assert code == 0
            after = re.search(r"there may be more: --after (.*)", shown).group(1).strip()
            assert "\u202e" not in after
            done = shell_words(after)
            assert (
                run("list", "--after", done, **file_engine.environment())[1].splitlines()
                == (everybody[count:])
            )


def shell_words(text):
    """Read a word as bash does."""
    command = ["/usr/bin/env", "bash", "-c", f"printf %s {text}"]
    environment = {"LC_ALL": "C.UTF-8"}
    return subprocess.run(command, capture_output=True, check=True, env=environment).stdout.decode()


def screen(shown, rows, columns):
    """The lines in the window at the end: long ones are wrapped, the cursor has the last one."""
    lines = []
    for line in shown.replace("\r\n", "\n").split("\n"):
        plain = ANSI.sub("", line)
        lines += [plain[at : at + columns] for at in range(0, max(len(plain), 1), columns)]
    return lines[-rows:]


def scanned(lines):
    """Read the QR code among the lines, drawn on a dark screen."""
    width = max(map(len, lines))
    framed = [" " * (width + 8), *(f"    {line:{width}}    " for line in lines), " " * (width + 8)]
    pixels = pixels_of_terminal("\n".join(framed), ansi=False)
    return read(np.ascontiguousarray(pixels))


class TestQrCode:
    @pytest.mark.parametrize(
        ("user", "rows"),
        [
            ("ana@example.com", 24),
            ("ana@example.com", 50),
            ("maximilian.mustermann@department.example.com", 24),
        ],
    )
    def test_it_is_in_the_window_as_a_whole(self, file_engine, user, rows):
        code, shown = in_a_terminal(
            file_engine, "register", user, "--recovery-codes", "10", rows=rows, columns=80
        )
        assert code == 0
        assert "enlarge" not in shown
        uri = re.search(r"uri: (\S+)", shown).group(1)
        window = [line for line in screen(shown, rows, 80) if set(line) <= set(" █▀▄")]
        # Drawn black on white: what is lit are the dark modules.
        drawn = [line.translate(NEGATIVE) for line in window if line]
        assert scanned(drawn) == uri

    def test_or_it_says_to_enlarge_the_window(self, file_engine):
        for user, rows, columns in (("ana", 12, 80), ("bob", 50, 30), ("x" * 256, 24, 80)):
            code, shown = in_a_terminal(file_engine, "register", user, rows=rows, columns=columns)
            assert code == 0
            said = re.search(r"the QR code needs a window of (\d+) columns\s+and (\d+) rows", shown)
            assert said, shown
            assert f"this one has {columns} and {rows}" in " ".join(shown.split())
            assert int(said.group(1)) > columns or int(said.group(2)) > rows


class TestProgress:
    def test_refusals_are_counted_while_it_runs(self, file_engine, tmp_path):
        file = tmp_path / "users.csv"
        rows = [f"user{number},{'x' if number % 10 else LEGACY}\n" for number in range(700)]
        file.write_text("user,secret\n" + "".join(rows))
        # By its rate it takes longer than the bar takes to be drawn anew, on any machine.
        options = ("--rate", "30")
        code, shown = in_a_terminal(file_engine, "import", str(file), *options, columns=160)
        assert code == 1
        told = re.findall(r"(\d+) users, \d+/s, (\d+) refused", ANSI.sub("", shown))
        # On its way, and at the end.
        assert ("700", "630") in told, shown
        assert any(int(users) < 700 and int(refused) for users, refused in told), shown
        assert "refused: 630" in shown


NEGATIVE = str.maketrans(" █▀▄", "█ ▄▀")


class TestPrompts:
    def test_a_code_on_standard_input(self, file_engine):
        """No warning of Python's, and no question."""
        secret = file_engine.verifier().register("ana").secret
        code = pyotp.TOTP(secret).now()
        for typed, verdict in (
            (f"{code}\n", "accepted\nattempts_left: 10"),
            (f"\ufeff{code[:3]} {code[3:]}", "replayed\nattempts_left: 9"),
        ):
            done = shell_with(typed.encode(), "verify", "ana", **file_engine.environment())
            said = f"verdict: {verdict}\nrecovery_codes_left: 0\n"
            assert (done.stdout.decode(), done.stderr) == (said, b"")

    @pytest.mark.parametrize("typed", [b"", b"\n", b"  \r\n"])
    def test_nothing_on_standard_input(self, file_engine, typed):
        file_engine.verifier().register("ana")
        done = shell_with(typed, "verify", "ana", **file_engine.environment())
        assert (done.returncode, done.stdout) == (2, b"")
        assert b"there is no code on standard input" in done.stderr
        assert len(done.stderr.splitlines()) == 1

    @pytest.mark.parametrize("typed", [b"\xff\xfe123456\n", b"\x00" * 10_000, b"12345\n"])
    def test_what_cannot_be_a_code_is_a_wrong_one(self, file_engine, typed):
        file_engine.verifier().register("ana")
        done = shell_with(typed, "verify", "ana", **file_engine.environment())
        assert (done.returncode, done.stdout, done.stderr) == (1, b"verdict: rejected\n", b"")

    def test_an_empty_argument_is_not_asked_about(self, file_engine):
        file_engine.verifier().register("ana")
        code, shown = in_a_terminal(file_engine, "verify", "ana", "")
        assert (code, "verdict: rejected" in shown) == (1, True)

    @pytest.mark.parametrize(
        ("command", "prompt"),
        [(["verify", "ana"], "Code"), (["delete", "ana"], "ana?"),
         (["check-table", "--remove-unusable"], "Remove")],
    )  # fmt: skip
    def test_given_up(self, file_engine, command, prompt):
        file_engine.verifier().register("ana")
        file_engine.put("a\nb", secret=LEGACY)
        code, shown = in_a_terminal(file_engine, *command, prompt=prompt, typed=CTRL_C)
        assert (code, "Traceback" in shown) == (130, False)
        assert "interrupted" in shown
        code, shown = in_a_terminal(file_engine, *command, prompt=prompt, typed=CTRL_D)
        assert (code, "Traceback" in shown) == (2, False)
        assert "no answer was typed" in shown
        assert file_engine.get("ana")
        assert file_engine.get("a\nb")


def shell_with(data, *arguments, **variables):
    return subprocess.run(
        [sys.executable, "-m", "lambdatotp", *arguments],
        env={**os.environ, **variables},
        input=data,
        capture_output=True,
        check=False,
        start_new_session=True,
    )
