"""The command line for users, on every engine."""

from __future__ import annotations

import json

import lambdatotp
import pyotp
import pytest

from tests.python.support.cli import in_a_terminal, run, shell
from tests.python.support.codes import LEGACY, is_gone, wrong_codes


@pytest.fixture
def call(engine):
    """Run a command on the engine's table; returns its exit code and what it printed."""

    def call(*arguments, as_json=True):
        extra = ["--json"] if as_json else []
        code, text = run(*arguments, *extra, **engine.environment())
        return code, json.loads(text) if as_json and text.startswith("{") else text

    return call


def test_a_user_from_first_to_last(call, engine):
    code, made = call("register", "ana", "--recovery-codes", "2")
    assert (code, made["user"], len(made["recovery_codes"])) == (0, "ana", 2)
    right = pyotp.parse_uri(made["uri"]).now()
    for typed, verdict, left, codes in [
        (right, "accepted", 10, 2),
        (right, "replayed", 9, 2),
        (made["recovery_codes"][0], "recovered", 9, 1),
    ]:
        told = {"verdict": verdict, "attempts_left": left, "recovery_codes_left": codes}
        assert call("verify", "ana", typed) == (int(verdict == "replayed"), told)
    code, shown = call("show", "ana")
    assert (code, shown["locked"], shown["recovery_codes_left"]) == (0, False, 1)
    assert shown["confirmed_at"] >= shown["registered_at"]
    code, fresh = call("recovery", "ana", "--count", "3")
    assert (code, len(fresh["recovery_codes"])) == (0, 3)
    assert call("unlock", "ana") == (0, {"unlocked": "ana"})
    assert call("delete", "ana") == (0, {"deleted": "ana"})
    assert is_gone(engine, "ana")
    for command in (["show"], ["unlock"], ["recovery"], ["delete"]):
        code, text = call(*command, "ana")
        assert (code, text) == (1, "lambdatotp: there is no such user\n")


def test_what_people_read(call, engine):
    engine.put("ana", secret=LEGACY, misses=100)
    code, text = call("show", "ana", as_json=False)
    assert code == 0
    assert "registered: by the original application" in text
    assert "locked: yes: lambdatotp unlock ends that" in text
    assert "secret sealed by: nothing" in text
    assert LEGACY not in text
    assert call("verify", "ana", "123456", as_json=False)[0] == 1
    call("unlock", "ana")
    enrollment = engine.verifier(enrollment_ttl=60).register("bob")
    for wrong in wrong_codes(enrollment, 10):
        engine.verifier().verify("bob", wrong)
    _, text = call("show", "bob", as_json=False)
    assert "attempts left: 0" in text
    assert "next attempt in: 3" in text
    assert "expires: 20" in text
    assert "no code was accepted yet" in text


@pytest.mark.parametrize(
    "arguments",
    [["register", "ana", "--recovery-codes", "21"], ["recovery", "ana", "--count", "0"]],
)
def test_numbers_that_cannot_be(arguments):
    done = shell(*arguments, LAMBDATOTP_EMBEDDED=":memory:")
    assert done.returncode == 2
    assert "is not in the range" in done.stderr


def test_in_a_terminal_the_qr_code_is_drawn(make_engine):
    engine = make_engine("file")
    code, shown = in_a_terminal(engine, "register", "ana")
    assert code == 0
    uri = next(line.strip()[5:] for line in shown.splitlines() if line.startswith("uri: "))
    drawn = lambdatotp.qr_terminal(uri).replace("\n", "\r\n")
    assert drawn in shown
    # Piped, it is not.
    assert "\x1b" not in shell("register", "bob", **engine.environment()).stdout


def test_a_code_is_asked_for_and_not_shown(make_engine):
    engine = make_engine("file")
    secret = engine.verifier().register("ana").secret
    typed = pyotp.TOTP(secret).now()
    code, shown = in_a_terminal(engine, "verify", "ana", prompt="Code", typed=typed)
    assert code == 0
    assert "verdict: accepted" in shown


def test_deleting_asks_first(make_engine):
    engine = make_engine("file")
    engine.verifier().register("ana")
    code, shown = in_a_terminal(engine, "delete", "ana", prompt="ana?", typed="n")
    assert code == 1
    assert "Remove the second factor of ana?" in shown
    assert engine.get("ana")
    assert in_a_terminal(engine, "delete", "ana", prompt="ana?", typed="y")[0] == 0
    assert is_gone(engine, "ana")
    engine.verifier().register("ana")
    assert in_a_terminal(engine, "delete", "ana", "--yes")[0] == 0


def test_a_change_of_phone(call):
    code, made = call("register", "4711", "--account-name", "ana@example.com", "--issuer", "ACME")
    assert code == 0
    old = pyotp.parse_uri(made["uri"])
    assert (old.issuer, old.name) == ("ACME", "ana@example.com")
    assert call("register", "4711", as_json=False)[0] == 1
    code, made = call("register", "4711", "--replace-unconfirmed")
    old = pyotp.parse_uri(made["uri"])
    assert (code, old.name) == (0, "4711")
    assert call("verify", "4711", old.now())[1]["verdict"] == "accepted"
    code, said = call("register", "4711", "--replace-unconfirmed", as_json=False)
    assert (code, "already registered" in said) == (1, True)
    code, said = call("confirm", "4711", "123456", as_json=False)
    assert (code, "there is no rotation to confirm" in said) == (1, True)
    code, made = call("rotate", "4711", "--account-name", "Ana")
    new = pyotp.parse_uri(made["uri"])
    assert (code, new.name, list(made)) == (0, "Ana", ["user", "uri"])
    _, shown = call("show", "4711", as_json=False)
    assert "change of phone: waits for a code until " in shown
    assert "recovery codes left: 0: lambdatotp recovery makes new ones" in shown
    code, told = call("confirm", "4711", old.now())
    assert (code, told["verdict"]) == (1, "rejected")
    code, told = call("confirm", "4711", new.now())
    assert (code, told["verdict"], told["recovery_codes_left"]) == (0, "accepted", 0)
    assert "change of phone" not in call("show", "4711", as_json=False)[1]


def test_names_that_cannot_be(call, engine):
    code, said = call("register", "ana", "--issuer", "a" * 101, as_json=False)
    assert code == 1
    assert "invalid issuer: it must have 1 to 100 bytes" in said
    assert engine.get("ana") is None
