"""`lambdatotp import` and `export`."""

from __future__ import annotations

import base64
import csv
import fcntl
import io
import json
import os
import random
import re
import signal
import stat
import subprocess
import sys
import threading

import boto3
import lambdatotp
import pyotp
import pytest
from click.testing import CliRunner
from lambdatotp.cli import main

from benches.moving import MEASURED
from tests.python.support.cli import counts, problems, run, shell
from tests.python.support.codes import KEY, LEGACY, code_of, wrong_codes
from tests.python.support.fault_proxy import DENY, LOSE_REPLY, PASS, THROTTLE, fault_proxy
from tests.python.support.keys import K1


class TestImport:
    TEXT = f"user,secret\nana,{KEY}\nbob,{LEGACY}\n"

    def test_again_is_fine(self, bring, engine):
        assert counts(bring(self.TEXT)[1]) == (2, 0, 0, 0)
        before = engine.get("ana")
        code, outcome = bring(self.TEXT)
        assert (code, counts(outcome)) == (0, (0, 2, 0, 0))
        assert engine.get("ana") == before

    def test_a_rehearsal_tells_the_same_and_writes_nothing(self, bring, engine):
        engine.put("bob", secret=LEGACY)
        engine.put("eve", secret=LEGACY)
        text = self.TEXT + f"eve,{KEY}\nana,{KEY}\nana,{LEGACY}\n"
        code, rehearsed = bring(text, "--dry-run")
        assert (code, rehearsed["dry_run"]) == (1, True)
        assert engine.get("ana") is None
        code, outcome = bring(text)
        assert counts(rehearsed) == counts(outcome) == (1, 2, 2, 0)
        assert set(problems(rehearsed)) == set(problems(outcome)) == {4, 6}

    def test_one_issuer_of_several(self, bring, engine):
        text = "".join(
            f"otpauth://totp/{issuer}:{issuer.lower()}?secret={KEY}\n" for issuer in ("A", "B", "C")
        )
        code, outcome = bring(text, "--issuer", "B")
        assert (code, counts(outcome)) == (0, (1, 0, 0, 2))
        assert engine.get("b")
        assert engine.get("a") is None

    def test_from_a_line(self, bring, engine):
        code, outcome = bring(self.TEXT, "--from-line", "3")
        assert (code, counts(outcome)) == (0, (1, 0, 0, 1))
        assert engine.get("ana") is None

    def test_an_imported_user_never_lapses(self, bring, engine):
        """A phone has the secret: nobody may register in its owner's place."""
        row = {"user": "ana", "secret": KEY, "expires_at": 1, "last_step": 7}
        code, outcome = bring(json.dumps(row) + "\n", "--format", "jsonl")
        assert (code, counts(outcome)) == (0, (1, 0, 0, 0))
        assert "expires_at" not in engine.get("ana")
        assert engine.get("ana")["last_step"] == 7

    def test_sealed_at_once(self, bring, engine):
        code, _ = bring(self.TEXT, LAMBDATOTP_KEYS=K1)
        assert code == 0
        item = engine.get("ana")
        assert "secret" not in item
        assert item["sealed_by"] == "k1/2"
        assert engine.verifier(keys=K1).verify("ana", pyotp.TOTP(KEY).now())
        assert counts(bring(self.TEXT, LAMBDATOTP_KEYS=K1)[1]) == (0, 2, 0, 0)
        # Without the key nobody can tell whether it is the same.
        code, outcome = bring(self.TEXT)
        assert (code, outcome["refused"]) == (1, 2)

    def test_from_a_pipe(self, make_engine):
        engine = make_engine("file")
        done = subprocess.run(
            [sys.executable, "-m", "lambdatotp", "import", "-"],
            env={**os.environ, **engine.environment()},
            input=self.TEXT,
            capture_output=True,
            text=True,
            check=True,
        )
        assert (done.stdout, done.stderr) == ("read: 2\nimported: 2\n", "")

    @pytest.mark.local
    def test_lost_replies_and_refusals_change_nothing(self, make_engine, tmp_path):
        engine = make_engine("dynamodb_local")
        file = tmp_path / "users.csv"
        users = [f"user{number}" for number in range(40)]
        file.write_text("user,secret\n" + "".join(f"{user},{KEY}\n" for user in users))
        with fault_proxy(engine.settings["endpoint_url"]) as proxy:
            proxy.faults += [LOSE_REPLY, THROTTLE, PASS, LOSE_REPLY, LOSE_REPLY] * 3
            where = {**engine.environment(), "AWS_ENDPOINT_URL_DYNAMODB": proxy.url}
            code, text = run("import", str(file), "--json", **where)
        assert (code, counts(json.loads(text))) == (0, (40, 0, 0, 0))
        assert all(engine.get(user) for user in users)

    @pytest.mark.local
    def test_a_table_that_has_enough_for_now_is_waited_for(self, make_engine, tmp_path):
        """More refusals than the client repeats: the import goes on by itself."""
        engine = make_engine("dynamodb_local")
        file = tmp_path / "users.csv"
        file.write_text(self.TEXT)
        with fault_proxy(engine.settings["endpoint_url"]) as proxy:
            proxy.faults += [THROTTLE] * 9
            where = {**engine.environment(), "AWS_ENDPOINT_URL_DYNAMODB": proxy.url}
            code, text = run("import", str(file), "--json", **where)
        assert (code, counts(json.loads(text))) == (0, (2, 0, 0, 0))

    @pytest.mark.local
    def test_a_table_that_stays_away_is_given_up_and_said_so(
        self, make_engine, tmp_path, monkeypatch
    ):
        engine = make_engine("dynamodb_local")
        monkeypatch.setattr("lambdatotp.cli.importing.WAITS", (0, 0))
        file = tmp_path / "users.csv"
        file.write_text(self.TEXT)
        with fault_proxy(engine.settings["endpoint_url"]) as proxy:
            # Of two users, one is written and one never is.
            proxy.faults += [PASS, *[THROTTLE] * 50]
            where = {**engine.environment(), "AWS_ENDPOINT_URL_DYNAMODB": proxy.url}
            code = CliRunner(env=where).invoke(main, ["import", str(file)])
        assert code.exit_code == 3
        assert code.stdout == "read: 2\nimported: 1\nread, but without an outcome: 1\n"
        assert code.stderr == (
            "lambdatotp: the store did not answer: DynamoDB answered ThrottlingException\n"
        )

    @pytest.mark.local
    def test_without_the_permission_nothing_goes_on(self, make_engine, tmp_path):
        engine = make_engine("dynamodb_local")
        file = tmp_path / "users.csv"
        file.write_text(self.TEXT)
        with fault_proxy(engine.settings["endpoint_url"]) as proxy:
            proxy.faults += [DENY, DENY]
            where = {**engine.environment(), "AWS_ENDPOINT_URL_DYNAMODB": proxy.url}
            done = shell("import", str(file), **where)
        assert (done.returncode, done.stdout) == (3, "")
        assert done.stderr.startswith("lambdatotp: DynamoDB refused access")

    @pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGKILL])
    @pytest.mark.local
    def test_interrupted_and_run_again(self, make_engine, tmp_path, how):
        """Every user there is whole, and the second run brings the rest."""
        engine = make_engine("dynamodb_local")
        file = tmp_path / "users.csv"
        rows = {f"user{number}": lambdatotp.Secret.generate().base32 for number in range(1000)}
        file.write_text("user,secret\n" + "".join(f"{u},{s}\n" for u, s in rows.items()))
        stopped = threading.Event()
        with fault_proxy(engine.settings["endpoint_url"]) as proxy:
            process = subprocess.Popen(
                [sys.executable, "-m", "lambdatotp", "import", str(file)],
                env={**os.environ, **engine.environment(), "AWS_ENDPOINT_URL_DYNAMODB": proxy.url},
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
            )

            def stop():
                process.send_signal(how)
                stopped.set()

            # Batches have 256 users: in the second.
            proxy.faults += [PASS] * 350 + [stop]
            out, err = process.communicate(timeout=120)
        assert stopped.is_set()
        if how == signal.SIGINT:
            assert process.returncode == 130, err
            done = int(err.split("everything up to line ")[1].split()[0])
            assert 0 < done < 1001
            assert f"--from-line {done + 1}" in err
            assert out.startswith("read: ")
        items = list(scanned(engine))
        assert 0 < len(items) < 1000
        for item in items:
            assert item["secret"]["S"] == rows[item["user_id"]["S"]]
            assert set(item) == {"user_id", "secret", "enrollment_id", "registered_at"}
        code, text = run("import", str(file), "--json", **engine.environment())
        assert code == 0
        new, same, *others = counts(json.loads(text))
        # What was under way when the process was killed may have arrived since.
        assert (new + same, others, same >= len(items)) == (1000, [0, 0], True)
        stored = {item["user_id"]["S"]: item["secret"]["S"] for item in scanned(engine)}
        assert stored == rows

    # Each begins where rows are still to come, and stops with a batch under way or done.
    @pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGKILL])
    @pytest.mark.parametrize(
        "kind", ["file", pytest.param("dynamodb_local", marks=pytest.mark.local)]
    )
    def test_interrupted_anywhere_and_again(self, make_engine, tmp_path, kind, how):
        """However often: at the end each row is imported, there already, refused or filtered."""
        engine, file, chance = make_engine(kind), tmp_path / "users.csv", random.Random(how)
        secrets, lines = {}, ["user,secret,issuer\n"]
        for number in range(1000):
            issuer, secret = chance.choice("AAAB"), lambdatotp.Secret.generate().base32
            bad = chance.random() < 0.02
            lines.append(f"user{number},{'x' if bad else secret},{issuer}\n")
            if issuer == "A" and not bad:
                secrets[f"user{number}"] = secret
        file.write_text("".join(lines))
        command = ["import", "-", "--issuer", "A"]
        before = 0
        for _ in range(3):
            taken = self.interrupted(
                command, "".join(lines[: chance.randint(800, 990)]), engine, how
            )
            there = {item["user_id"]["S"]: item["secret"]["S"] for item in scanned(engine)}
            assert before <= len(there) < len(secrets)
            assert len(there) >= 256
            assert there.items() <= secrets.items()
            before = len(there)
        resumed = []
        if how == signal.SIGINT:
            done = int(re.search(r"everything up to line (\d+) is done", taken)[1])
            resumed = ["--from-line", str(done + 1)]
        for options in (resumed, []):
            code, text = run(
                "import", str(file), "--issuer", "A", "--json", *options, **engine.environment()
            )
            outcome = json.loads(text)
            assert sum(counts(outcome)) == outcome["read"] == 1000
            there = {item["user_id"]["S"]: item["secret"]["S"] for item in scanned(engine)}
            assert there == secrets
        bad = sum(",x,A" in line for line in lines)
        others = 1000 - len(secrets) - bad
        assert (code, counts(outcome)) == (1, (0, len(secrets), bad, others))

    @staticmethod
    def interrupted(command, text, engine, how):
        """Import what comes through a small pipe, and stop it when it took all but the pipe's."""
        process = subprocess.Popen(
            [sys.executable, "-m", "lambdatotp", *command],
            env={**os.environ, **engine.environment()},
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )
        # What is not in it, nor in the readers' buffers of 8 KiB each, became rows.
        fcntl.fcntl(process.stdin, fcntl.F_SETPIPE_SZ, 4096)
        process.stdin.write(text)
        process.stdin.flush()
        process.send_signal(how)
        _, said = process.communicate(timeout=120)
        assert process.returncode == (130 if how == signal.SIGINT else -how), said
        return said

    @pytest.mark.local
    def test_a_rate_is_kept_to(self, make_engine, tmp_path, monkeypatch):
        """Counted where the requests arrive, throttled ones and what comes after them included."""
        engine, file, arrived = make_engine("dynamodb_local"), tmp_path / "users.csv", []
        file.write_text("user,secret\n" + "".join(f"u{number},{KEY}\n" for number in range(35)))
        clock = Clock()
        monkeypatch.setattr("lambdatotp.cli.importing.time", clock)
        with fault_proxy(engine.settings["endpoint_url"]) as proxy:
            arrives = lambda: arrived.append(clock.now)  # noqa: E731
            # The second ten: some are written, and the others refused until the import waits.
            proxy.faults += [arrives] * 14 + [THROTTLE] * 40 + [arrives] * 100
            where = {**engine.environment(), "AWS_ENDPOINT_URL_DYNAMODB": proxy.url}
            code, text = run("import", str(file), "--json", "--rate", "10", **where)
        assert (code, counts(json.loads(text))) == (0, (35, 0, 0, 0))
        assert len(arrived) == 35
        for first in arrived:
            assert sum(first <= time < first + 1 for time in arrived) <= 10, arrived


class Clock:
    """The importer's clock: a second has elapsed when it has slept for one."""

    now = 0.0

    def monotonic(self):
        return self.now

    def sleep(self, seconds):
        self.now += seconds


def scanned(engine):
    pages = engine.client.get_paginator("scan").paginate(TableName=engine.table_name)
    for page in pages:
        yield from page["Items"]


class TestExport:
    @pytest.fixture
    def users(self, engine):
        """Users of all kinds, and the codes that are used up."""
        verifier = engine.verifier()
        used = {}
        ana = verifier.register("ana@example.com", recovery_codes=2)
        used["ana@example.com"] = code_of(ana)
        assert verifier.verify("ana@example.com", used["ana@example.com"])
        for wrong in wrong_codes(ana, 3):
            verifier.verify("ana@example.com", wrong)
        engine.put("old", secret=LEGACY)
        engine.verifier(digits=8, algorithm="SHA256").register('zoë, "x"')
        return {"secrets": {item["user_id"]["S"]: item["secret"]["S"] for item in scanned(engine)}}

    @pytest.mark.parametrize("form", ["jsonl", "csv", "uri", "migration"])
    @pytest.mark.local
    def test_out_and_in_again(self, engine, make_engine, users, form, tmp_path):
        file = tmp_path / "out"
        code, text = run(
            "export", str(file), "--format", form, "--yes-export-secrets", "--json",
            **engine.environment(), LAMBDATOTP_ISSUER="ACME",
        )  # fmt: skip
        assert (code, json.loads(text)["exported"]) == (0, 3)
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
        other = make_engine("dynamodb_local")
        code, text = run("import", str(file), "--json", **other.environment())
        assert (code, counts(json.loads(text))) == (0, (3, 0, 0, 0))
        stored = {item["user_id"]["S"]: item["secret"]["S"] for item in scanned(other)}
        assert stored == users["secrets"]
        zoe = other.get('zoë, "x"')
        assert (zoe["digits"], zoe["algorithm"]) == (8, "SHA256")

    @pytest.mark.local
    def test_everything_moves_with_json_lines(self, engine, make_engine, users, tmp_path):
        """A used code stays used, a miss counted, a recovery code good."""
        file = tmp_path / "out.jsonl"
        where = engine.environment()
        rotated = engine.verifier().rotate("ana@example.com")
        assert run("export", str(file), "--yes-export-secrets", **where)[0] == 0
        other = (
            make_engine("file")
            if "endpoint_url" in engine.settings
            else make_engine("dynamodb_local")
        )
        assert run("import", str(file), **other.environment())[0] == 0
        assert users
        before, after = (made.get("ana@example.com") for made in (engine, other))
        # What belongs to a write, and not to the user, is made anew.
        for item in (before, after):
            for name in ("enrollment_id", "reserve_id", "accept_id", "change_id"):
                item.pop(name, None)
            del item["pending"]["enrollment_id"]
            item["recovery"] = sorted(item["recovery"])
        # A phone has the secret: from now on nobody takes the place of the user.
        assert before.pop("generated") is True
        assert after == before
        assert after["pending"]["secret"]["S"] == rotated.secret
        assert other.verifier().confirm("ana@example.com", code_of(rotated))
        assert after["misses"] == 3
        assert after["last_step"]

    def test_the_file_speaks_pyotps_language(self, make_engine, tmp_path):
        engine = make_engine("file")
        enrollment = engine.verifier(issuer="ACME").register("ana")
        file = tmp_path / "uris.txt"
        run("export", str(file), "--format", "uri", "--yes-export-secrets",
            **engine.environment(), LAMBDATOTP_ISSUER="ACME")  # fmt: skip
        theirs = pyotp.parse_uri(file.read_text().strip())
        assert (theirs.secret, theirs.name, theirs.issuer) == (enrollment.secret, "ana", "ACME")

    def test_not_by_accident(self, make_engine, tmp_path):
        engine = make_engine("file")
        engine.verifier().register("ana")
        file = tmp_path / "out"
        done = shell("export", str(file), **engine.environment())
        assert (done.returncode, done.stdout) == (2, "")
        assert "--yes-export-secrets" in done.stderr
        assert not file.exists()

    def test_nothing_is_written_over(self, make_engine, tmp_path):
        engine = make_engine("file")
        engine.verifier().register("ana")
        file = tmp_path / "out"
        file.write_text("precious")
        code, said = run("export", str(file), "--yes-export-secrets", **engine.environment())
        assert (code, "already exists" in said) == (2, True)
        assert file.read_text() == "precious"

    @pytest.mark.local
    def test_a_file_is_whole_or_not_there(self, make_engine, tmp_path):
        engine = make_engine("dynamodb_local")
        engine.verifier().register("ana")
        with fault_proxy(engine.settings["endpoint_url"]) as proxy:
            # The first is the table's description, for the bar.
            proxy.faults += [PASS, DENY]
            where = {**engine.environment(), "AWS_ENDPOINT_URL_DYNAMODB": proxy.url}
            code, _ = run("export", str(tmp_path / "out"), "--yes-export-secrets", **where)
        assert code == 3
        assert list(tmp_path.iterdir()) == []

    def test_what_a_format_cannot_hold_is_named(self, make_engine, tmp_path):
        engine = make_engine("file")
        engine.verifier(period=60).register("slow")
        engine.verifier(digits=7).register("seven")
        engine.put("damaged", secret="no base32!")
        secrets = [engine.verifier().register(f"user{number}").secret for number in range(23)]
        file = tmp_path / "out"
        done = shell("export", str(file), "--format", "migration", "--yes-export-secrets",
                     **engine.environment())  # fmt: skip
        assert done.returncode == 1
        assert "exported: 23" in done.stderr
        for user in ("slow", "seven", "damaged"):
            assert f'"{user}"' in done.stderr
        assert "no base32!" not in done.stderr
        assert len(file.read_text().splitlines()) == 3
        assert not any(secret in done.stderr for secret in secrets)

    def test_to_a_pipe(self, make_engine):
        engine = make_engine("file")
        secret = engine.verifier().register("ana").secret
        done = shell(
            "export", "-", "--format", "csv", "--yes-export-secrets", **engine.environment()
        )
        assert done.returncode == 0
        (row,) = csv.DictReader(io.StringIO(done.stdout))
        assert (row["user"], row["secret"]) == ("ana", secret)
        assert done.stderr == "exported: 1\n"


def test_ten_thousand_users_in_one_run_in_the_memory_of_a_thousand(dynamodb_url, tmp_path):
    """Import and export are as large as a page, whatever the table is."""
    client = boto3.client("dynamodb", endpoint_url=dynamodb_url, region_name="eu-west-1")
    peaks = {}
    for count in (1_000, 10_000):
        name = f"many_{count}"
        where = ["--table-name", name, "--endpoint-url", dynamodb_url]
        assert run("create-table", *where)[0] == 0
        file = tmp_path / f"{count}.csv"
        with file.open("w") as stream:
            stream.write("user,secret\n")
            for number in range(count):
                secret = base64.b32encode(os.urandom(20)).decode()
                stream.write(f"user{number:06}@example.com,{secret}\n")
        exported = tmp_path / f"{count}.jsonl"
        for arguments, told in (
            (["import", str(file), "--json"], "new"),
            (["export", str(exported), "--json", "--yes-export-secrets"], "exported"),
        ):
            done = subprocess.run(
                [sys.executable, "-c", MEASURED, *arguments, *where],
                capture_output=True,
                text=True,
                check=True,
            )
            assert json.loads(done.stdout)[told] == count
            peaks[arguments[0], count] = json.loads(done.stderr)["peak_kib"]
        with exported.open() as stream:
            assert sum(1 for _ in stream) == count
        client.update_table(TableName=name, DeletionProtectionEnabled=False)
        client.delete_table(TableName=name)
    for command in ("import", "export"):
        # As Python keeps them, the names and secrets alone would be 2 MB.
        assert peaks[command, 10_000] < peaks[command, 1_000] + 1024, peaks
