"""The embedded engine's file: other processes, locks, a full disk, rights, its journal."""

from __future__ import annotations

import asyncio
import fcntl
import os
import sqlite3
import stat
import subprocess
import sys
import tempfile
import textwrap
from contextlib import closing, contextmanager
from pathlib import Path

import lambdatotp
import pytest
from lambdatotp import Totp, _permissions
from lambdatotp._lambdatotp import ImportOutcome, StoredUser, UserState, import_users

from tests.python.support.cli import findings, run, shell
from tests.python.support.codes import code_of

# A user id that root is not; on most systems "nobody".
STRANGER = 65534
# Bytes 18 and 19 of a SQLite file: 1 for a rollback journal, 2 for a write-ahead log.
ROLLBACK_JOURNAL = b"\x01\x01"

SECRET = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"


@pytest.fixture
def at(tmp_path):
    return tmp_path / "users.db"


def journal(at):
    with at.open("rb") as file:
        return file.read(20)[18:]


def sql(at, statement, *values):
    """Run one statement, as another program does, and close the file again."""
    with closing(sqlite3.connect(at)) as connection, connection:
        return connection.execute(statement, values).fetchall()


def program(source, *arguments):
    """Run Python in a process of its own; it is killed when it hangs."""
    command = [sys.executable, "-c", textwrap.dedent(source), *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)


@contextmanager
def holding(at, how):
    """Let another process lock the file, until the block ends."""
    source = """
        import fcntl, sqlite3, sys
        at, how = sys.argv[1:]
        if how == "lockf":
            file = open(at, "r+b")
            fcntl.lockf(file, fcntl.LOCK_EX)
        else:
            connection = sqlite3.connect(at)
            for statement in how.split("; "):
                connection.execute(statement).fetchone()
        print("locked", flush=True)
        sys.stdin.read()
    """
    command = [sys.executable, "-c", textwrap.dedent(source), str(at), how]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout.readline() == b"locked\n"
        try:
            yield
        finally:
            process.kill()


class TestManyAtOnce:
    """What `lambdatotp import` writes: many users a transaction, and no condition is lost."""

    @pytest.fixture
    def verifier(self, at):
        return lambdatotp.Verifier(embedded=str(at))

    @staticmethod
    def users(names, **state):
        return [StoredUser(name, Totp(SECRET), UserState(**state)) for name in names]

    @staticmethod
    def commits(at):
        """SQLite counts them in its file."""
        return int.from_bytes(at.read_bytes()[24:28], "big")

    @staticmethod
    def outcomes(answers):
        return [answer.outcome for answer in answers]

    def test_a_hundred_users_a_commit(self, at, verifier):
        names = [f"user{number}" for number in range(250)]
        verifier.connect()
        before = self.commits(at)
        answers = import_users(verifier, self.users(names, last_step=7))
        assert self.outcomes(answers) == [ImportOutcome.NEW] * 250
        assert self.commits(at) - before == 3
        assert sql(at, "SELECT count(*) FROM totp_users") == [(250,)]
        # To a table that has them all it does nothing.
        before = self.commits(at)
        answers = import_users(verifier, self.users(names))
        assert self.outcomes(answers) == [ImportOutcome.SAME] * 250
        assert self.commits(at) == before

    def test_a_process_in_the_way_holds_up_nobody(self, at, verifier):
        verifier.register("there")
        import_users(verifier, self.users(["same"]))
        secret = verifier_secret(at, "there")
        names = ["a", "there", "b", "same", "", "c", "a"]
        answers = import_users(verifier, self.users(names))
        assert self.outcomes(answers[1:5]) == [
            ImportOutcome.REFUSED,
            ImportOutcome.NEW,
            ImportOutcome.SAME,
            ImportOutcome.REFUSED,
        ]
        assert {answers[0].outcome, answers[6].outcome} == {ImportOutcome.NEW, ImportOutcome.SAME}
        assert answers[5].outcome == ImportOutcome.NEW
        assert verifier_secret(at, "there") == secret

    def test_only_those_in_the_way_are_written_alone(self, at, verifier):
        import_users(verifier, self.users(["user7", "user42"]))
        verifier.register("user50")
        verifier.delete("user50")
        before = self.commits(at)
        names = [f"user{number}" for number in range(99)]
        answers = import_users(verifier, self.users([*names, "x" * 257]))
        assert self.outcomes(answers).count(ImportOutcome.NEW) == 97
        assert answers[99].outcome == ImportOutcome.REFUSED
        # One for all the others, and one for the tombstone's place.
        assert self.commits(at) - before == 2

    def test_a_tombstones_place_is_taken(self, verifier):
        verifier.register("ana")
        verifier.delete("ana")
        answers = import_users(verifier, self.users(["ana", "bob"]))
        assert self.outcomes(answers) == [ImportOutcome.NEW] * 2
        assert verifier.status("ana") is not None

    def test_killed_anywhere_and_resumed(self, at, verifier):
        """Each transaction is there or is not; the next run does what is left."""
        source = """
            import sys
            import lambdatotp
            from lambdatotp import Totp
            from lambdatotp._lambdatotp import StoredUser, UserState, import_users
            at, secret = sys.argv[1:]
            verifier = lambdatotp.Verifier(embedded=at)
            print("ready", flush=True)
            for start in range(0, 100_000, 100):
                users = [
                    StoredUser(f"user{number}", Totp(secret), UserState())
                    for number in range(start, start + 100)
                ]
                import_users(verifier, users)
                print(start, flush=True)
        """
        command = [sys.executable, "-c", textwrap.dedent(source), str(at), SECRET]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
            said = [process.stdout.readline() for _ in range(4)]
            process.kill()
        assert said[-1] == "200\n"
        [(count,)] = sql(at, "SELECT count(*) FROM totp_users")
        assert count >= 300
        assert count % 100 == 0
        names = [f"user{number}" for number in range(count + 50)]
        answers = self.outcomes(import_users(verifier, self.users(names)))
        assert answers == [ImportOutcome.SAME] * count + [ImportOutcome.NEW] * 50


def verifier_secret(at, user):
    return sql(at, "SELECT item_json FROM totp_users WHERE pk LIKE ?", f"%{user}%")


# The last one reads, as a slow backup does: a commit has to wait for it.
LOCKS = ["BEGIN IMMEDIATE", "BEGIN EXCLUSIVE", "lockf", "BEGIN; SELECT * FROM sqlite_master"]


class TestLocks:
    """Another process has the file, for long."""

    @pytest.mark.parametrize("how", LOCKS)
    def test_a_call_ends_in_its_time_and_says_why(self, at, how):
        verifier = lambdatotp.Verifier(embedded=at, timeout=0.3)
        enrollment = verifier.register("ana")
        with (
            holding(at, how),
            pytest.raises(
                lambdatotp.StoreUnavailableError, match="another process has locked"
            ) as told,
        ):
            verifier.verify("ana", code_of(enrollment))
        assert f"no answer within 0.3 s: another process has locked the embedded table {at}" in str(
            told.value
        )
        # Free again, and nothing was charged or used.
        assert verifier.status("ana").misses == 0
        assert verifier.verify("ana", code_of(enrollment)) is True

    @pytest.mark.parametrize("how", LOCKS)
    def test_so_does_the_first_one(self, at, how):
        lambdatotp.Verifier(embedded=at).register("ana")
        call = """
            import sys, lambdatotp
            verifier = lambdatotp.Verifier(embedded=sys.argv[1], table_name="others", timeout=0.3)
            try:
                verifier.register("bob")
            except lambdatotp.StoreUnavailableError as error:
                print(error)
        """
        with holding(at, how):
            done = program(call, at)
        assert "another process has locked" in done.stdout, done.stderr
        assert program(call, at).stdout == ""

    def test_an_awaited_call_holds_up_nobody_and_can_be_cancelled(self, at):
        verifier = lambdatotp.Verifier(embedded=at, timeout=900)
        verifier.register("ana")

        async def both():
            waiting = asyncio.ensure_future(verifier.register_async("bob"))
            elsewhere = lambdatotp.Verifier(embedded=":memory:", table_name="elsewhere")
            for n in range(5):
                await elsewhere.register_async(f"user-{n}")
            assert not waiting.done()
            waiting.cancel()
            with pytest.raises(asyncio.CancelledError):
                await waiting

        with holding(at, "BEGIN EXCLUSIVE"):
            asyncio.run(both())
        # Of bob nothing is known: the last try may have come after the lock.
        assert verifier.register("carol").user == "carol"

    def test_an_import_has_no_verdict(self, at):
        """And is not tried once more for each user of a transaction."""
        verifier = lambdatotp.Verifier(embedded=at, timeout=0.3)
        verifier.connect()
        users = [
            StoredUser(f"user{n}", lambdatotp.Totp(lambdatotp.Secret.generate()), UserState())
            for n in range(100)
        ]
        with holding(at, "BEGIN EXCLUSIVE"):
            answers = import_users(verifier, users)
        assert {answer.outcome for answer in answers} == {ImportOutcome.UNAVAILABLE}
        assert {answer.outcome for answer in import_users(verifier, users)} == {ImportOutcome.NEW}

    def test_locks_that_are_not_sqlite_s_stop_nobody(self, at):
        """A backup program's flock(), on the folder or the file."""
        call = """
            import sys, lambdatotp
            lambdatotp.Verifier(embedded=sys.argv[1]).register(sys.argv[2])
        """
        at.touch(0o600)
        for path in (at.parent, at):
            descriptor = os.open(path, os.O_RDONLY)
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            done = program(call, at, path.name)
            os.close(descriptor)
            assert (done.returncode, done.stderr) == (0, "")


class TestDisk:
    """What the disk says."""

    def test_no_room(self, at):
        """A limit on the file's size: the one full disk that a test can have anywhere."""
        source = """
            import resource, sys, lambdatotp
            verifier = lambdatotp.Verifier(embedded=sys.argv[1])
            verifier.register("first")
            _, most = resource.getrlimit(resource.RLIMIT_FSIZE)
            resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, most))
            try:
                for n in range(5000):
                    verifier.register(f"user-{n}")
            except lambdatotp.StoreUnavailableError as error:
                print(n, error)
            resource.setrlimit(resource.RLIMIT_FSIZE, (most, most))
            verifier.register("last")
        """
        done = program(source, at)
        assert (done.returncode, done.stderr) == (0, "")
        count, error = done.stdout.split(" ", 1)
        assert f"on the embedded table {at}: is the disk full, or over a quota?" in error
        verifier = lambdatotp.Verifier(embedded=at)
        for user in ["first", *(f"user-{n}" for n in range(int(count))), "last"]:
            assert verifier.status(user).misses == 0
        assert sql(at, "PRAGMA integrity_check") == [("ok",)]

    @pytest.mark.parametrize("read_only", ["file", "folder"])
    def test_read_only(self, read_only):
        source = """
            import os, sys, warnings, lambdatotp
            # Before this process may read nothing any more.
            from lambdatotp import Totp, _permissions
            os.chdir(sys.argv[1])
            if os.geteuid() == 0:
                # Root may write everything.
                os.setgid(int(sys.argv[2]))
                os.setuid(int(sys.argv[2]))
            warnings.simplefilter("ignore", lambdatotp.LambdaTotpWarning)
            verifier = lambdatotp.Verifier(embedded="users.db")
            print(verifier.status("ana").misses)
            try:
                verifier.register("bob")
            except lambdatotp.ConfigurationError as error:
                print(error)
        """
        with tempfile.TemporaryDirectory() as folder:
            at = Path(folder) / "users.db"
            lambdatotp.Verifier(embedded=at).register("ana")
            at.chmod(0o444 if read_only == "file" else 0o666)
            Path(folder).chmod(0o777 if read_only == "file" else 0o555)
            try:
                done = program(source, folder, STRANGER)
            finally:
                Path(folder).chmod(0o700)
        misses, error = done.stdout.splitlines() or [done.stderr, ""]
        assert misses == "0"
        assert error.startswith("the embedded table users.db is read-only: give this user write")

    def test_a_file_that_went_away(self, at):
        verifier = lambdatotp.Verifier(embedded=at)
        verifier.register("ana")
        at.unlink()
        with pytest.raises(lambdatotp.ConfigurationError, match="was moved or deleted"):
            verifier.register("bob")

    def test_the_database_of_another_program(self, at):
        at.touch(0o600)
        sql(at, "CREATE TABLE theirs (value)")
        before = at.read_bytes()
        with pytest.raises(lambdatotp.ConfigurationError, match="another program"):
            lambdatotp.Verifier(embedded=at).register("ana")
        assert at.read_bytes() == before


class TestJournal:
    """No write-ahead log: in SQLite before 3.51.3 its reset can lose a commit."""

    def test_a_new_file_has_none(self, at):
        lambdatotp.Verifier(embedded=at).register("ana")
        assert journal(at) == ROLLBACK_JOURNAL

    def test_an_older_file_is_converted_with_what_only_its_log_holds(self, at):
        lambdatotp.Verifier(embedded=at, table_name="users").register("ana")
        source = """
            import os, signal, sqlite3, sys
            connection = sqlite3.connect(sys.argv[1], isolation_level=None)
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("PRAGMA wal_autocheckpoint = 0")
            connection.execute(
                "INSERT INTO users SELECT 'S:bob', sk, replace(item_json, 'ana', 'bob'), item_size,"
                " cached_at, hash_prefix FROM users"
            )
            # No time to fold the log into the file.
            os.kill(os.getpid(), signal.SIGKILL)
        """
        program(source, at)
        log = Path(f"{at}-wal")
        assert log.stat().st_size > 0
        assert journal(at) != ROLLBACK_JOURNAL
        done = program(
            "import sys, lambdatotp\n"
            "verifier = lambdatotp.Verifier(embedded=sys.argv[1], table_name='users')\n"
            "print(verifier.status('ana').misses, verifier.status('bob').misses)",
            at,
        )
        assert (done.stdout, done.stderr) == ("0 0\n", "")
        assert journal(at) == ROLLBACK_JOURNAL
        assert not log.exists()

    def test_an_older_program_has_it_open(self, at):
        """Converting has to wait for it: nobody may be writing to the log."""
        lambdatotp.Verifier(embedded=at).register("ana")
        with closing(sqlite3.connect(at)) as older:
            older.execute("PRAGMA journal_mode = WAL")
            older.execute("SELECT count(*) FROM sqlite_master").fetchall()
            call = """
                import sys, lambdatotp
                try:
                    lambdatotp.Verifier(embedded=sys.argv[1], timeout=0.3).register("bob")
                except lambdatotp.StoreUnavailableError as error:
                    print(error)
            """
            assert "another process has locked" in program(call, at).stdout
        assert program(call, at).stdout == ""
        assert journal(at) == ROLLBACK_JOURNAL

    def test_another_program_switches_an_open_file(self, at):
        verifier = lambdatotp.Verifier(embedded=at)
        verifier.register("ana")
        switch = """
            import sqlite3, sys
            sqlite3.connect(sys.argv[1]).execute("PRAGMA journal_mode = WAL")
        """
        program(switch, at)
        assert journal(at) != ROLLBACK_JOURNAL
        # The first call notices, the second one acts.
        assert [verifier.status("ana").misses for _ in range(2)] == [0, 0]
        assert journal(at) == ROLLBACK_JOURNAL

    def test_six_processes_write_and_checkpoint(self, at):
        """Each code is accepted once, and what was acknowledged is there."""
        count, processes = 8, 6
        settings = {"embedded": at, "window": 10}
        verifier = lambdatotp.Verifier(**settings)
        enrollments = [verifier.register(f"shared-{n}") for n in range(count)]
        codes = [code_of(enrollment) for enrollment in enrollments]
        source = """
            import sqlite3, sys, lambdatotp
            at, me, *codes = sys.argv[1:]
            verifier = lambdatotp.Verifier(embedded=at, window=10, timeout=60)
            print("ready", flush=True)
            sys.stdin.readline()
            for n, code in enumerate(codes):
                accepted = verifier.verify(f"shared-{n}", code)
                verifier.register(f"{me}-{n}")
                print(n, accepted, flush=True)
                connection = sqlite3.connect(at, timeout=60)
                connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
                connection.close()
        """
        command = [sys.executable, "-c", textwrap.dedent(source), str(at)]
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
        running = [
            subprocess.Popen([*command, str(me), *codes], **pipes) for me in range(processes)
        ]
        for process in running:
            assert process.stdout.readline() == "ready\n"
        for process in running:
            process.stdin.write("go\n")
            process.stdin.flush()
        said = [process.communicate(timeout=300)[0].split() for process in running]
        assert [process.returncode for process in running] == [0] * processes
        for words in said:
            assert words[::2] == [str(n) for n in range(count)]
        for verdicts in zip(*(words[1::2] for words in said), strict=True):
            assert sorted(verdicts) == ["False"] * (processes - 1) + ["True"]
        for me in range(processes):
            for n in range(count):
                assert verifier.status(f"{me}-{n}").misses == 0
        assert sql(at, "PRAGMA integrity_check") == [("ok",)]
        assert journal(at) == ROLLBACK_JOURNAL


class TestPermissions:
    """Who may write the file may enroll anybody."""

    def test_what_is_made_is_the_owner_s(self, at):
        mask = os.umask(0)
        try:
            lambdatotp.Verifier(embedded=at).register("ana")
        finally:
            os.umask(mask)
        modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in at.parent.iterdir()}
        assert modes == {"users.db": 0o600, "users.db-journal": 0o600}

    @pytest.mark.parametrize(
        ("name", "mode", "told"),
        [
            ("users.db", 0o606, "any user of this machine can write to"),
            ("users.db", 0o604, "any user of this machine can read"),
            ("users.db-journal", 0o602, "any user of this machine can write to"),
            ("users.db-wal", 0o602, "any user of this machine can write to"),
            ("users.db-shm", 0o602, "any user of this machine can write to"),
            (".", 0o703, "any user of this machine can write to"),
            (".", 0o1703, "any user of this machine can write to"),
        ],
    )
    def test_others_may(self, at, name, mode, told):
        at.touch(0o600)
        path = at.parent / name
        path.touch()
        path.chmod(mode)
        with pytest.warns(lambdatotp.LambdaTotpWarning) as caught:
            lambdatotp.Verifier(embedded=at)
        assert str(caught[0].message).startswith(f"{told} '{path}' of")
        # It points at the caller.
        assert caught[0].filename == __file__

    def test_the_group_may(self, at, monkeypatch):
        at.touch(0o600)
        at.chmod(0o660)
        monkeypatch.setattr(_permissions, "_has_others", lambda _: True)
        with pytest.warns(lambdatotp.LambdaTotpWarning, match="its group can write to"):
            lambdatotp.Verifier(embedded=at)
        # The group that some systems give each user, with nobody else in it.
        monkeypatch.setattr(_permissions, "_has_others", lambda _: False)
        lambdatotp.Verifier(embedded=at)

    def test_the_owner_is_somebody_else(self, at, monkeypatch):
        at.touch(0o600)
        if os.geteuid() == 0:
            os.chown(at, STRANGER, -1)
        else:
            monkeypatch.setattr(os, "geteuid", lambda: STRANGER)
        with pytest.warns(lambdatotp.LambdaTotpWarning, match="another user .* owns"):
            lambdatotp.Verifier(embedded=at)

    def test_the_command_line_says_it_in_a_line(self, at):
        lambdatotp.Verifier(embedded=at).register("ana")
        at.chmod(0o666)
        done = shell("show", "ana", LAMBDATOTP_EMBEDDED=str(at))
        assert done.returncode == 0
        assert done.stderr == (
            f"lambdatotp: warning: any user of this machine can write to '{at}' of the embedded "
            f"table: chmod o-w '{at}'\n"
        )
        _, told = run("doctor", "--json", LAMBDATOTP_EMBEDDED=str(at))
        assert findings(told)["files"][0] == "warning"


class TestExpiry:
    """DynamoDB deletes what has expired by itself; so does the engine."""

    def test_what_has_expired_goes(self, make_engine):
        engine = make_engine("file")
        at = engine.settings["embedded"]
        engine.put("old", expires_at=1_000_000_000)
        engine.put("new", expires_at=9_999_999_999)
        engine.put("odd", expires_at="1000000000")
        engine.verifier().register("ana")
        # Not each time that a program opens the file: once an hour.
        look = """
            import json, sys
            from lambdatotp import _lambdatotp
            at, table = sys.argv[1:]
            for _ in range(2):
                body = json.dumps({"TableName": table})
                _, reply = _lambdatotp._embedded_call(at, table, "Scan", body)
            print(sorted(item["user_id"]["S"] for item in json.loads(reply)["Items"]))
        """
        everybody = "['ana', 'new', 'odd', 'old']\n"
        assert program(look, at, engine.table_name).stdout == everybody
        sql(at, "UPDATE _config SET value = value - 3601 WHERE key = 'lambdatotp_swept_at'")
        assert program(look, at, engine.table_name).stdout == "['ana', 'new', 'odd']\n"
