"""What is odd: files, streams, encodings, times. One line and an exit code, never a traceback."""

from __future__ import annotations

import csv
import json
import os
import stat
import subprocess
import sys

import pytest
from click.testing import CliRunner
from lambdatotp.cli import main

from tests.python.support.cli import counts, problems, run, shell
from tests.python.support.codes import LEGACY

KEY = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"  # RFC 6238, appendix B
USERS = f"user,secret\nana,{KEY}\nbad,x\n"
EXPORT = ["--yes-export-secrets"]


@pytest.fixture
def file_engine(make_engine):
    return make_engine("file")


@pytest.fixture
def where(file_engine):
    return file_engine.environment()


def rows(file):
    return list(csv.DictReader(file.read_text().splitlines()))


def start(arguments, variables, **streams):
    """Run a command with streams of one's own; its exit code, output and errors."""
    done = subprocess.run(
        [sys.executable, "-m", "lambdatotp", *arguments],
        env={**os.environ, **variables},
        **{"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **streams},
        check=False,
    )
    assert b"Traceback" not in (done.stderr or b"")
    assert b"Exception" not in (done.stderr or b"")
    return done.returncode, (done.stdout or b"").decode(), (done.stderr or b"").decode()


class TestBare:
    def test_it_prints_its_help(self):
        done = shell()
        assert (done.returncode, done.stderr) == (2, "")
        assert done.stdout == shell("--help").stdout
        assert "create-table" in done.stdout

    def test_help_fits_80_columns(self):
        for command in ([], *([name] for name in main.commands)):
            _, text = run(*command, "--help", COLUMNS="80")
            for line in text.splitlines():
                assert len(line) <= 80, (command, line)


class TestNothingIsOverwritten:
    """Neither by --report nor by export: files, links, the file being read."""

    @pytest.fixture(params=["file", "symbolic link", "hard link", "link to nowhere", "folder"])
    def taken(self, request, tmp_path):
        """A name that is taken; returns it, and what must stay as it is."""
        precious, name = tmp_path / "precious", tmp_path / "name"
        precious.write_text("precious")
        if request.param == "file":
            name.write_text("precious")
        elif request.param == "symbolic link":
            name.symlink_to(precious)
        elif request.param == "hard link":
            name.hardlink_to(precious)
        elif request.param == "link to nowhere":
            name.symlink_to(tmp_path / "nowhere")
        else:
            name.mkdir()
        return name

    @staticmethod
    def state(folder):
        return {
            path.name: (path.lstat().st_ino, path.read_text() if path.is_file() else None)
            for path in folder.iterdir()
            if not path.name.startswith("users.db")
        }

    @pytest.mark.parametrize("options", [[], ["--dry-run"]])
    def test_by_a_report(self, where, taken, tmp_path, options):
        users = tmp_path / "users.csv"
        users.write_text(USERS)
        before = self.state(tmp_path)
        code, said = run("import", str(users), "--report", str(taken), *options, **where)
        assert (code, "already exists: choose another name" in said) == (2, True)
        assert {**self.state(tmp_path), **before} == self.state(tmp_path)
        assert not (tmp_path / "nowhere").exists()
        # Nor is anybody imported, since the refused would not be named.
        assert run("list", **where) == (0, "")

    @pytest.mark.parametrize("options", [[], ["--dry-run"]])
    @pytest.mark.parametrize("through", ["itself", "symbolic link", "hard link", "another path"])
    def test_by_a_report_over_the_file_being_read(self, where, tmp_path, through, options):
        users, name = tmp_path / "users.csv", tmp_path / "name.csv"
        users.write_text(USERS)
        if through == "itself":
            name = users
        elif through == "symbolic link":
            name.symlink_to(users)
        elif through == "hard link":
            name.hardlink_to(users)
        else:
            name = tmp_path / ".." / tmp_path.name / "users.csv"
        code, said = run("import", str(users), "--report", str(name), *options, **where)
        assert (code, "already exists" in said) == (2, True)
        assert users.read_text() == USERS

    def test_by_an_export(self, file_engine, where, taken, tmp_path):
        file_engine.verifier().register("ana")
        before = self.state(tmp_path)
        code, said = run("export", str(taken), *EXPORT, **where)
        assert (code, "already exists" in said or "is a directory" in said) == (2, True)
        assert {**self.state(tmp_path), **before} == self.state(tmp_path)
        assert not (tmp_path / "nowhere").exists()

    @pytest.mark.parametrize("links", [True, False])
    def test_a_file_that_comes_while_the_export_runs(
        self, file_engine, where, tmp_path, monkeypatch, links
    ):
        """Whatever file system there is: some have no hard links."""
        from lambdatotp.cli import exporting

        file_engine.verifier().register("ana")
        file, write = tmp_path / "out.jsonl", exporting._write

        def meanwhile(*arguments):
            write(*arguments)
            file.write_text("precious")

        def no_links(*_):
            raise OSError(95, "Operation not supported")

        monkeypatch.setattr(exporting, "_write", meanwhile)
        if not links:
            monkeypatch.setattr(os, "link", no_links)
        code, said = run("export", str(file), *EXPORT, **where)
        assert (code, "already exists" in said) == (2, True)
        assert file.read_text() == "precious"
        assert not (tmp_path / "out.jsonl.part").exists()

    def test_without_hard_links_it_works_as_well(self, file_engine, where, tmp_path, monkeypatch):
        def no_links(*_):
            raise OSError(95, "Operation not supported")

        monkeypatch.setattr(os, "link", no_links)
        file_engine.verifier().register("ana")
        file = tmp_path / "out.jsonl"
        assert run("export", str(file), *EXPORT, **where)[0] == 0
        assert json.loads(file.read_text())["user"] == "ana"
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
        assert not (tmp_path / "out.jsonl.part").exists()

    def test_what_an_export_left_that_was_killed(self, where, tmp_path):
        (tmp_path / "out.part").write_text("a part")
        code, said = run("export", str(tmp_path / "out"), *EXPORT, **where)
        assert (code, "out.part already exists" in said, "remove it" in said) == (2, True, True)
        assert (tmp_path / "out.part").read_text() == "a part"

    def test_a_report_is_for_its_owner(self, where, tmp_path):
        users, report = tmp_path / "users.csv", tmp_path / "refused.csv"
        users.write_text(USERS)
        assert run("import", str(users), "--report", str(report), **where)[0] == 1
        assert stat.S_IMODE(report.stat().st_mode) == 0o600
        assert [row["user"] for row in rows(report)] == ["bad"]


class TestFiles:
    @pytest.mark.parametrize(
        ("name", "said"),
        [
            ("missing", "does not exist"),
            ("", "is a directory"),
            ("missing/users", "does not exist"),
        ],
    )
    def test_not_to_be_read(self, where, tmp_path, name, said):
        code, text = run("import", str(tmp_path / name), **where)
        assert (code, said in text) == (2, True), text

    def test_no_permission(self, where, tmp_path):
        """As another user than root, who may read everything."""
        file = tmp_path / "users.csv"
        file.write_text(USERS)
        file.chmod(0)
        try:
            file.read_text()
        except PermissionError:
            code, text = run("import", str(file), **where)
            assert (code, "not readable" in text) == (2, True)
        else:
            pytest.skip("root reads everything")

    @pytest.mark.parametrize("name", ["", ".", "no/such/folder/out", "x" * 300, "a/../out/"])
    def test_not_to_be_written(self, where, tmp_path, name, monkeypatch):
        monkeypatch.chdir(tmp_path)
        users = tmp_path / "users.csv"
        users.write_text(USERS)
        for command in (
            ["export", name, *EXPORT],
            ["import", str(users), "--report", name],
        ):
            code, out, said = start(command, where)
            assert (code, out) == (2, ""), (command, said)
            assert len(said.splitlines()) == 1, said

    def test_bytes_that_are_not_utf_8_in_names(self, where, tmp_path):
        file = os.fsencode(tmp_path) + b"/zo\xeb"
        code, _, said = start([b"export", file, b"--yes-export-secrets"], where)
        assert (code, said) == (0, "exported: 0\n")
        code, _, said = start([b"import", file + b"x"], where)
        assert (code, "does not exist" in said) == (2, True)
        for command in (b"show", b"delete", b"register"):
            code, _, said = start([command, b"zo\xeb"], where)
            assert (code, said) == (1, "lambdatotp: invalid user: it is not valid Unicode\n")

    def test_a_folder_as_the_embedded_table(self, tmp_path):
        code, _, said = start(["list"], {"LAMBDATOTP_EMBEDDED": str(tmp_path)})
        assert (code, len(said.splitlines())) == (3, 1), said


HEADER = "user,secret"
URI = f"otpauth://totp/A:ana?secret={KEY}"


def aegis(**info):
    entry = {"type": "totp", "name": "ana", "info": {"secret": KEY, **info}}
    return json.dumps({"db": {"entries": [entry]}})


def keycloak(**data):
    texts = {"secretData": json.dumps({"value": KEY}), "credentialData": json.dumps(data)}
    return json.dumps({"users": [{"username": "ana", "credentials": [{"type": "otp", **texts}]}]})


# Each: the file; how many are imported, and which lines or entries are refused; or why it is as
# a whole.
NASTY = {
    "two marks of UTF-8": (f"\ufeff\ufeff{HEADER}\nana,{KEY}\n", 1, []),
    "UTF-16, big end first": (b"\xfe\xff" + f"{HEADER}\nana,{KEY}\n".encode("utf-16-be"), 1, []),
    "UTF-16, cut off": (f"{HEADER}\nana,{KEY}\nbob,{KEY}\n".encode("utf-16")[:-1], 1, [3]),
    "CR alone": (f"{HEADER}\rana,{KEY}\rbob,{KEY}\r", 2, []),
    "CR CR LF": (f"{HEADER}\r\r\nana,{KEY}\r\r\nbob,{KEY}\r\r\n", 2, []),
    "NUL in a cell at the start": (f"{HEADER}\na\0na,{KEY}\nbob,{KEY}\n", 1, [2]),
    "separated by |": (f"user|secret\nana|{KEY}\n", 1, []),
    "a cell of 200 kB": (f"{HEADER},note\nana,{KEY},{'x' * 200_000}\n", 1, []),
    "cells of blanks": (f"{HEADER},digits,period\nana,{KEY}, , \n", 1, []),
    "cells of nothing": (f"{HEADER},digits\nana,{KEY},null\nbob,{KEY},nan\n", 0, [2, 3]),
    "a unit, a fraction": (f"{HEADER},period\nana,{KEY},30s\nbob,{KEY},30.0\n", 0, [2, 3]),
    "digits of another script": (f"{HEADER},digits\nana,{KEY},\u0668\n", 0, [2]),
    "an absurd number": (f"{HEADER},digits\nana,{KEY},{'9' * 5000}\nbob,{KEY},6\n", 1, [2]),
    "a row cut off before digits": (f"{HEADER},digits\nana,{KEY},8\nbob,{KEY}\n", 1, [3]),
    "a row cut off before a note": (f"{HEADER},note\nbob,{KEY}\n", 1, []),
    "hex with 0x": (f"user,secret_hex\nana,0x{'ab' * 20}\n", 1, []),
    "ids that differ in case": (f"{HEADER}\nAna,{KEY}\nana,{KEY}\n", 2, []),
    "ids composed and not": (f"{HEADER}\nzo\xeb,{KEY}\nzoe\u0308,{KEY}\n", 2, []),
    "a user twice": (f"{HEADER}\nana,{KEY}\nana,{KEY}\nana,{LEGACY}\n", 1, [4]),
    "columns swapped": (f"{HEADER}\n{KEY},ana\n{KEY.lower()},{URI}&digits=5\n", 0, [2, 3]),
    "no header": (f"ana,{KEY}\nbob,{KEY}\n", "instead of names"),
    "no header, but its words": (f"totp,{KEY},email\nx,{KEY},y\n", "instead of names"),
    "no header, a transfer cut in two": (
        "otp,auth-migration://offline?data=CiwKFEhlbGxvId6tvu9IZWxsbyHerb7v\n", "instead of names"),
    "no header, half of a transfer": (
        f"{HEADER},CiwKFEhlbGxvId6tvu9IZWxsbyHerb7vEghBQ01FOmFu\nana,{KEY},\n", "instead of names"),
    "encoding of the secret": (f"{HEADER},secret_encoding\nana,{KEY},hex\n", "may change"),
    "JSON, a name twice": (f'{{"user":"ana","secret":"{KEY}","digits":8,"digits":6}}', 0, [1]),
    "JSON, parameters further in": (
        json.dumps({"user": "ana", "secret": KEY, "how": {"digits": 8}}), 0, [1]),
    "JSON, parameters further out": (json.dumps({"data": {"url": URI}, "digits": 8}), 0, [1]),
    "JSON, secrets for names": (json.dumps({KEY: "ana", URI: "bob"}), 0, [1]),
    "JSON, a period of 30.0": (json.dumps({"user": "ana", "secret": KEY, "period": 30.0}), 0, [1]),
    "JSON, half a letter": (f'{{"user":"a\\ud800","secret":"{KEY}"}}\n', 0, [1]),
    "JSON, lists in lists": (json.dumps([[{"user": "ana", "secret": KEY}]]), 0, [1]),
    "JSON, cut off": (json.dumps([{"user": "ana", "secret": KEY}])[:-9], "not JSON: line 1"),
    "JSON, more behind it": (json.dumps([{"user": "ana", "secret": KEY}]) + "\n;", "line 2"),
    "passlib, a strange name": (
        json.dumps({"user": "ana", "secret": json.dumps({"key": KEY, "hashalgo": "x"})}), 0, [1]),
    "an export, its name in capitals": (aegis(Digits=8), 0, [1]),
    "an export, a name twice": (aegis(digits=6, x=8).replace('"x"', '"digits"'), 0, [1]),
    "an export, the whole list twice": ('{"items": [], "items": []}', "the same name"),
    "Keycloak, a strange name": (keycloak(hashFn="x"), 0, [1]),
    "key URIs, & escaped otherwise": (f"{URI}&#38;digits=8\n", 0, [1]),
    "key URIs, trailing text": (f"{URI}&digits=8 # mine\n{URI};digits=8\n", 0, [1, 2]),
    "key URIs, not UTF-8": (URI.replace("ana", "zo\xeb").encode("latin-1"), 0, [1]),
    "OATH CSV, a unit": (f"ana,{'ab' * 20},totp,6,30s\n", 0, [1]),
}  # fmt: skip


class TestNasty:
    @pytest.mark.parametrize("name", NASTY)
    def test_each_row_is_told_and_no_secret(self, where, tmp_path, name):
        content, *expected = NASTY[name]
        file, report = tmp_path / "in", tmp_path / "refused.csv"
        file.write_bytes(content if isinstance(content, bytes) else content.encode())
        said, outcomes = "", []
        for options in (
            ["--dry-run"],
            ["--json", "--dry-run"],
            ["--json", "--report", str(report)],
        ):
            # Whatever is raised is raised here, too.
            done = CliRunner(env=where).invoke(main, ["import", str(file), *options])
            assert isinstance(done.exception, SystemExit | None), done.exception
            said += done.stdout + done.stderr
            if "--json" in options and done.stdout:
                outcomes.append(json.loads(done.stdout))
        said += report.read_text() if report.exists() else ""
        assert not [key for key in (KEY, KEY.lower(), LEGACY, "ab" * 20) if key in said], said
        if isinstance(expected[0], str):
            assert (outcomes, expected[0] in said) == ([], True), said
            return
        new, refused = expected
        for outcome in outcomes:
            assert sum(counts(outcome)) == outcome["read"]
            assert (outcome["new"], list(problems(outcome))) == (new, refused), outcome
        assert [int(row["line"]) for row in rows(report)] == refused


class TestStreams:
    @pytest.mark.parametrize(
        "command",
        [["list"], ["list", "--json"], ["show", "ana"], ["check-table"], ["export", "-", *EXPORT],
         ["export", "-", "--format", "csv", *EXPORT], ["--help"], ["new-key"],
         ["completion", "bash"]],
    )  # fmt: skip
    def test_a_full_disk(self, file_engine, where, command):
        file_engine.verifier().register("ana")
        with open("/dev/full", "wb") as full:  # noqa: PTH123
            code, _, said = start(command, where, stdout=full)
        assert code == 1
        assert said == "lambdatotp: the output: No space left on device\n"

    def test_a_full_disk_and_a_refusal(self, file_engine, where):
        """The refusal's exit code does not hide that nobody was told."""
        file_engine.put("bad", secret=LEGACY, misses="many")
        with open("/dev/full", "wb") as full:  # noqa: PTH123
            code, _, said = start(["list", "--json"], where, stdout=full)
        assert (code, said) == (1, "lambdatotp: the output: No space left on device\n")

    @pytest.mark.parametrize("command", [["list"], ["export", "-", *EXPORT], ["show", "ana"]])
    def test_a_closed_pipe(self, file_engine, where, command):
        file_engine.verifier().register("ana")
        reader, writer = os.pipe()
        os.close(reader)
        with os.fdopen(writer, "wb") as pipe:
            code, _, said = start(command, where, stdout=pipe)
        assert (code, said) == (1, "")

    def test_no_output_at_all(self, file_engine, where, tmp_path):
        """`>&-`: what would be lost is an error, and no file gets the output's number."""
        file_engine.verifier().register("ana")
        program = f"{sys.executable} -m lambdatotp"
        for command, closed, expected in (
            ("list", ">&-", 1),
            ("list", "<&-", 0),
            ("list", "2>&-", 0),
            ("show ana", ">&- 2>&- <&-", 1),
            ("verify ana", "<&-", 2),
            (f"export {tmp_path}/out --yes-export-secrets", ">&- <&-", 0),
        ):
            done = subprocess.run(
                ["/bin/sh", "-c", f"{program} {command} {closed}"],
                env={**os.environ, **where},
                capture_output=True,
                check=False,
            )
            assert done.returncode == expected, (command, closed, done.stderr)
            assert b"Traceback" not in done.stderr
        assert json.loads((tmp_path / "out").read_text())["user"] == "ana"

    def test_an_encoding_that_lacks_letters(self, file_engine, where):
        file_engine.verifier().register("日本語")
        code, out, said = start(["list"], {**where, "PYTHONIOENCODING": "latin-1"})
        assert (code, out, said) == (0, "\\u65e5\\u672c\\u8a9e\n", "")
        # A file of users is UTF-8 all the same.
        done = start(["export", "-", *EXPORT], {**where, "PYTHONIOENCODING": "latin-1"})
        assert json.loads(done[1])["user"] == "日本語"


class TestOddTimes:
    ATTRIBUTES = (
        "registered_at",
        "confirmed_at",
        "expires_at",
        "last_step",
        "misses",
        "throttle_at",
        "recovery_at",
    )

    @pytest.mark.parametrize("value", [10**17, 2**63 - 1, 2**63, 10**37, 0, 253_402_300_800])
    @pytest.mark.parametrize("attribute", ATTRIBUTES)
    def test_of_items(self, file_engine, where, attribute, value):
        file_engine.put("odd", secret=LEGACY, **{attribute: value})
        for command in (["show", "odd"], ["show", "odd", "--json"], ["list"], ["list", "--json"],
                        ["check-table"], ["export", "-", *EXPORT], ["verify", "odd", "123456"],
                        ["unlock", "odd"]):  # fmt: skip
            # Whatever is raised is raised here, too.
            code, text = run(*command, **where)
            assert code in {0, 1, 3}, (command, text)
            assert text

    def test_are_told_as_seconds(self, file_engine, where):
        file_engine.put("odd", secret=LEGACY, registered_at=10**17, confirmed_at=253_402_300_799)
        _, text = run("show", "odd", **where)
        assert "registered: 100000000000000000 s after 1970" in text
        assert "confirmed: 9999-12-31 23:59:59Z" in text

    @pytest.mark.parametrize("value", [10**17, -1, 10**30])
    def test_of_imports(self, where, tmp_path, value):
        file = tmp_path / "users.jsonl"
        file.write_text(json.dumps({"user": "ana", "secret": KEY, "registered_at": value}) + "\n")
        code, text = run("import", str(file), **where)
        assert code in {0, 1}, text
        assert run("show", "ana", **where)[0] == code

    @pytest.mark.parametrize("name", ["TIMEOUT", "ENROLLMENT_TTL", "REFILL", "PERIOD"])
    @pytest.mark.parametrize("value", ["1e300", "inf", "nan", "-1", "99999999999999999999"])
    def test_of_settings(self, where, name, value):
        code, said = run("list", **where, **{f"LAMBDATOTP_{name}": value})
        assert (code, f"LAMBDATOTP_{name}" in said) == (3, True), said


class TestFormulas:
    CELLS = (
        '=HYPERLINK("https://example.com")', "+49 123", "-1+1", "@SUM(A1)", "'=1", "''+1",
        "'quoted", "a=b", "a;=1+1", "\uff1d1+1", '"=1"', " =1", "'", "ana@example.com",
    )  # fmt: skip

    def test_of_the_example(self, where, tmp_path):
        file, out = tmp_path / "formula.csv", tmp_path / "out.csv"
        user = '=HYPERLINK("https://example.com")'
        file.write_text(f"user,secret\n{user},JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP\n")
        assert run("import", str(file), **where)[0] == 0
        assert run("export", str(out), "--format", "csv", *EXPORT, **where)[0] == 0
        (row,) = rows(out)
        assert row["user"] == f"'{user}"

    @pytest.mark.parametrize("issuer", ["MyApp", "=1+1"])
    def test_come_back_as_they_were(self, file_engine, local_engine, where, tmp_path, issuer):
        for user in self.CELLS:
            file_engine.put(user, secret=LEGACY)
        out = tmp_path / "out.csv"
        command = ["export", str(out), "--format", "csv", *EXPORT]
        assert run(*command, **where, LAMBDATOTP_ISSUER=issuer)[0] == 0
        assert len(rows(out)) == len(self.CELLS)
        for row in rows(out):
            for cell in row.values():
                assert not cell.startswith(tuple("=+-@\t\r\n\uff1d")), cell
        # Where a spreadsheet parts cells at semicolons, too.
        for row in csv.reader(out.read_text().splitlines(), delimiter=";"):
            assert not any(cell.startswith(tuple("=+-@")) for cell in row), row
        other = local_engine
        code, text = run("import", str(out), "--json", **other.environment())
        assert (code, json.loads(text)["new"]) == (0, len(self.CELLS)), text
        for user in self.CELLS:
            assert other.get(user), user

    def test_in_a_report(self, where, tmp_path):
        file, report = tmp_path / "users.csv", tmp_path / "refused.csv"
        file.write_text("user,secret\n=1+1,x\n")
        assert run("import", str(file), "--report", str(report), **where)[0] == 1
        (row,) = rows(report)
        assert row["user"] == "'=1+1"


class TestUnusableIds:
    BAD = ("a\nb", "x" * 257, "é" * 129, "\x7f", "a\x85b")

    @pytest.fixture
    def odd(self, engine):
        engine.verifier().register("ana")
        engine.put("old", secret=LEGACY)
        for user in self.BAD:
            engine.put(user, secret=LEGACY)
        return engine

    def test_are_named(self, odd):
        code, text = run("check-table", "--json", **odd.environment())
        outcome = json.loads(text)
        assert (code, outcome["original"], outcome["lambdatotp"]) == (1, 1, 1)
        assert {found["user"] for found in outcome["unusable"]} == set(self.BAD)
        problems = {found["problem"] for found in outcome["unusable"]}
        assert problems == {
            "it is longer than 256 bytes of UTF-8",
            "it contains control characters",
        }
        if odd.settings.get("embedded") != ":memory:":
            done = shell("check-table", **odd.environment())
            assert "with an invalid id (--remove-unusable): 5" in done.stdout
            assert 'user "a\\nb": this id is invalid' in done.stderr
            assert len(done.stderr.splitlines()) == 5

    def test_are_removed_when_asked_for_and_nobody_else(self, odd):
        before = odd.get("old"), odd.get("ana")
        code, text = run("check-table", "--remove-unusable", "--yes", "--json", **odd.environment())
        assert (code, json.loads(text)["removed"]) == (0, 5)
        for user in self.BAD:
            assert "secret" not in (odd.get(user) or {})
        assert (odd.get("old"), odd.get("ana")) == before
        code, text = run("check-table", "--json", **odd.environment())
        assert (code, json.loads(text)["unusable"]) == (0, [])

    def test_are_not_removed_without_a_word(self, make_engine):
        engine = make_engine("file")
        engine.put("a\nb", secret=LEGACY)
        code, out, said = start(
            ["check-table", "--remove-unusable"], engine.environment(), stdin=subprocess.DEVNULL
        )
        assert (code, out, "--yes" in said) == (2, "", True)
        assert engine.get("a\nb")


class TestShow:
    def test_says_what_seals_the_secret(self, file_engine, where):
        file_engine.verifier(keys="2026-11:" + "A" * 43).register("sealed")
        file_engine.verifier().register("open")
        assert "secret sealed by: 2026-11\n" in run("show", "sealed", **where)[1]
        said = "secret sealed by: nothing: it is stored in plaintext\n"
        assert said in run("show", "open", **where)[1]
        assert json.loads(run("show", "open", "--json", **where)[1])["sealed_by"] is None
