"""`lambdatotp list` and `check-table`, on every engine."""

from __future__ import annotations

import json
import time

import lambdatotp
import pytest

from tests.python.support.cli import in_a_terminal, run, shell
from tests.python.support.codes import LEGACY, code_of, wrong_codes
from tests.python.support.fault_proxy import DENY, fault_proxy
from tests.python.support.keys import K1, K2


@pytest.fixture
def users(engine):
    """Users of all kinds."""
    verifier = engine.verifier()
    verifier.verify("used", code_of(verifier.register("used", recovery_codes=3)))
    tired = verifier.register("tired")
    for wrong in wrong_codes(tired, 10):
        verifier.verify("tired", wrong)
    engine.put("locked", secret=LEGACY, misses=100)
    engine.verifier(keys=K1, enrollment_ttl=3600).register("sealed")
    return {"used", "tired", "locked", "sealed"}


def listed(text):
    return {user.pop("user"): user for user in map(json.loads, text.splitlines())}


def test_everybody_is_listed_without_secrets(engine, users):
    code, text = run("list", "--json", **engine.environment())
    assert code == 0
    found = listed(text)
    assert set(found) == users
    assert LEGACY not in text
    assert found["used"]["confirmed_at"]
    assert found["used"]["recovery_codes_left"] == 3
    assert found["tired"]["retry_after"] > 3000
    assert found["tired"]["attempts_left"] == 0
    assert found["locked"]["locked"] is True
    assert found["locked"]["registered_at"] is None
    assert found["sealed"]["sealed_by"] == "k1"
    assert found["sealed"]["expires_at"] > found["sealed"]["registered_at"]
    for user in users:
        _, shown = run("show", user, "--json", **engine.environment())
        status = json.loads(shown)
        del status["user"]
        # A second may have passed.
        assert abs(status.pop("retry_after") - found[user].pop("retry_after")) <= 5
        assert status == found[user]


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (["--locked"], {"locked"}),
        (["--unconfirmed"], {"tired", "sealed"}),
        (["--pending"], {"used"}),
        (["--low-codes"], {"tired", "locked", "sealed"}),
        (["--locked", "--pending"], {"locked", "used"}),
        (["--pending", "--limit", "0", "--json"], {"used"}),
    ],
)
def test_those_of_a_kind(engine, users, options, expected):
    del users
    engine.verifier().rotate("used")
    code, text = run("list", *options, **engine.environment())
    assert code == 0
    lines = text.splitlines()
    assert {json.loads(line)["user"] if "--json" in options else line for line in lines} == expected


def test_who_cannot_be_read_is_of_no_kind_and_named(engine, users):
    del users
    engine.put("damaged", secret=LEGACY, misses={"S": "many"})
    code, text = run("list", "--locked", **engine.environment())
    assert code == 1
    assert text == "locked\n"
    code, told = run("list", "--pending", **engine.environment())
    assert code == 1
    assert 'user "damaged" is damaged' in told


def test_in_a_pipe_there_are_ids_and_nothing_else(engine, users):
    code, text = run("list", **engine.environment())
    assert code == 0
    assert set(text.splitlines()) == users
    if engine.settings.get("embedded") != ":memory:":
        done = shell("list", **engine.environment())
        assert (done.returncode, done.stderr) == (0, "")
        assert set(done.stdout.splitlines()) == users


def test_a_terminal_gets_a_page_of_a_table(make_engine):
    engine = make_engine("file")
    for number in range(60):
        engine.put(f"user{number}", secret=LEGACY)
    engine.put("a[red]b", secret=LEGACY, misses=100)
    code, shown = in_a_terminal(engine, "list", "--limit", "0")
    assert code == 0
    assert "a[red]b" in shown
    assert "locked" in shown
    assert "of the original" in shown
    code, shown = in_a_terminal(engine, "list")
    assert code == 0
    assert "there may be more: --after " in shown
    assert shown.count("of the original") + shown.count("locked") == 50


def test_page_after_page_everybody_comes_once(engine):
    for number in range(25):
        engine.put(f"user{number}", secret=LEGACY)
    seen, after = [], []
    while True:
        code, text = run("list", "--limit", "10", *after, **engine.environment())
        assert code == 0
        page = [line for line in text.splitlines() if line.startswith("user")]
        seen += page
        if len(page) < 10:
            break
        after = ["--after", page[-1]]
    assert sorted(seen) == sorted(f"user{number}" for number in range(25))


def test_what_cannot_be_read_is_named_among_the_others(engine):
    engine.put("good", secret=LEGACY)
    engine.put("bad", secret=LEGACY, misses="many")
    code, text = run("list", "--json", **engine.environment())
    assert code == 1
    found = listed(text)
    assert found["bad"] == {"problem": 'the item of user "bad" is damaged: misses is not a number'}
    assert found["good"]["locked"] is False


@pytest.mark.local
def test_secrets_stay_in_the_table(make_engine):
    """Not even on the wire: the list asks for what it shows."""
    engine = make_engine("dynamodb_local")
    engine.put("ana", secret=LEGACY)
    pending = engine.verifier().rotate("ana").secret
    with fault_proxy(engine.settings["endpoint_url"]) as proxy:
        where = {**engine.environment(), "AWS_ENDPOINT_URL_DYNAMODB": proxy.url}
        assert run("list", **where) == (0, "ana\n")
        assert run("list", "--pending", **where) == (0, "ana\n")
    replies = b"".join(proxy.replies)
    assert b"ana" in replies
    for secret in (LEGACY, pending):
        assert secret.encode() not in replies


@pytest.mark.local
def test_without_the_permission(make_engine):
    engine = make_engine("dynamodb_local")
    with fault_proxy(engine.settings["endpoint_url"]) as proxy:
        proxy.faults.append(DENY)
        where = {**engine.environment(), "AWS_ENDPOINT_URL_DYNAMODB": proxy.url}
        code, text = run("list", **where)
    assert code == 3
    assert text.startswith("lambdatotp: DynamoDB refused access")


class TestCheckTable:
    def test_the_originals_users_are_fine_as_they_are(self, engine):
        secrets = {f"user{number}": lambdatotp.Secret.generate().base32 for number in range(5)}
        for user, secret in secrets.items():
            engine.put(user, secret=secret)
        code, text = run("check-table", **engine.environment())
        assert code == 0
        assert "can log in: 5" in text
        assert "written by the original application, fine as they are: 5" in text
        # It says so, and so it is.
        for user, secret in secrets.items():
            assert engine.verifier().verify(user, lambdatotp.Totp(secret).now())

    def test_a_user_who_could_not_log_in_is_named(self, engine, users):
        engine.put("short", secret="JBSWY3DP")
        engine.put("damaged", secret="no base32!")
        engine.verifier(keys=K2).register("foreign")
        code, text = run("check-table", "--json", **engine.environment(), LAMBDATOTP_KEYS=K1)
        assert code == 1
        outcome = json.loads(text)
        problems = "\n".join(outcome.pop("problems"))
        assert outcome == {
            "original": 1,
            "lambdatotp": 3,
            "sealed": 1,
            "unreadable": 3,
            "unusable": [],
            "removed": 0,
        }
        for user in ("short", "damaged"):
            assert f'"{user}"' in problems
        assert '"k2"' in problems
        assert "no base32!" not in problems
        assert "JBSWY3DP" not in problems
        assert users

    def test_a_code_of_the_future_is_a_problem(self, engine):
        enrollment = engine.verifier().register("ana")
        step = int(time.time()) // 30
        engine.set("ana", last_step=step + 100)
        code, text = run("check-table", "--json", **engine.environment())
        outcome = json.loads(text)
        assert (code, outcome["lambdatotp"], outcome["unreadable"]) == (1, 0, 1)
        assert "`lambdatotp unlock`" in outcome["problems"][0]
        # It says so, and so it is.
        assert not engine.verifier().verify("ana", code_of(enrollment))
        assert run("unlock", "ana", **engine.environment())[0] == 0
        assert run("check-table", **engine.environment())[0] == 0

    @pytest.mark.parametrize("command", ["check-table", "reseal"])
    def test_expired_tombstones_are_removed(self, engine, command):
        """For tables whose time to live is off."""
        verifier = engine.verifier()
        for user in ("ana", "bob"):
            verifier.register(user)
            verifier.delete(user)
        engine.set("ana", expires_at=int(time.time()) - 1)
        assert run(command, **engine.environment(), LAMBDATOTP_KEYS=K1)[0] == 0
        assert engine.get("ana") is None
        assert "deleted_at" in engine.get("bob")

    def test_without_a_table(self, dynamodb_url):
        code, text = run("check-table", AWS_ENDPOINT_URL_DYNAMODB=dynamodb_url)
        assert code == 3
        assert "create-table" in text
