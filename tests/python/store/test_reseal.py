"""Sealing a whole table, while everything goes on."""

from __future__ import annotations

import datetime
import json
import os
import signal
import subprocess
import sys
import threading
import time

import lambdatotp
import pytest

from tests.python.support.cli import run, shell
from tests.python.support.codes import LEGACY, code_of, legacy_code
from tests.python.support.fault_proxy import LOSE_REPLY, PASS, fault_proxy
from tests.python.support.keys import K1, K2


def reseal(engine, keys, *options, **variables):
    code, text = run(
        "reseal", "--json", *options, **engine.environment(), LAMBDATOTP_KEYS=keys, **variables
    )
    return code, json.loads(text) if text.startswith("{") else text


def fill(engine, count):
    """Users of all kinds: the original's, ours in plaintext, ours under the old key."""
    secrets = {}
    for number in range(count):
        user = f"user{number}"
        if number % 3 == 0:
            secrets[user] = lambdatotp.Secret.generate().base32
            engine.put(user, secret=secrets[user])
        else:
            keys = K1 if number % 3 == 1 else None
            secrets[user] = engine.verifier(keys=keys).register(user).secret
    return secrets


def test_everything_is_sealed_and_everybody_gets_in(engine):
    secrets = fill(engine, 120)
    code, outcome = reseal(engine, f"{K2},{K1}")
    assert (code, outcome["sealed"], outcome["already"]) == (0, 120, 0)
    for user in secrets:
        item = engine.get(user)
        assert item["sealed_by"] == "k2/2"
        assert "secret" not in item
    verifier = engine.verifier(keys=K2, window=10)
    for user, secret in list(secrets.items())[:9]:
        assert verifier.verify(user, lambdatotp.Totp(secret).now())
    # Again: nothing is left to do.
    code, outcome = reseal(engine, K2)
    assert (code, outcome["sealed"], outcome["already"]) == (0, 0, 120)


def test_what_cannot_be_sealed_is_named(engine):
    fill(engine, 5)
    engine.put("damaged", secret="no base32!")
    engine.verifier(keys="other:" + K1[3:]).register("foreign")
    code, outcome = reseal(engine, f"{K2},{K1}")
    assert (code, outcome["sealed"], outcome["refused"]) == (1, 5, 2)
    problems = "\n".join(outcome["problems"])
    assert '"damaged"' in problems
    assert 'key "other"' in problems
    assert "no base32!" not in problems


@pytest.mark.local
def test_without_keys(make_engine):
    engine = make_engine("dynamodb_local")
    code, text = run("reseal", **engine.environment())
    assert code == 3
    assert "LAMBDATOTP_KEYS" in text


@pytest.mark.local
def test_logins_go_on(make_engine):
    """Each right code is accepted, once, whether its item is sealed before, after or between."""
    engine = make_engine("dynamodb_local")
    secrets = fill(engine, 90)
    verifier = engine.verifier(keys=f"{K2},{K1}", window=2)
    accepted = []

    def log_in(users):
        for user in users:
            code = lambdatotp.Totp(secrets[user]).now()
            accepted.append([verifier.verify(user, code) for _ in range(2)])

    users = list(secrets)
    threads = [threading.Thread(target=log_in, args=(users[n::3],)) for n in range(3)]
    for thread in threads:
        thread.start()
    code, outcome = reseal(engine, f"{K2},{K1}")
    for thread in threads:
        thread.join()
    assert code == 0
    assert outcome["sealed"] + outcome["already"] == 90
    assert accepted == [[True, False]] * 90
    assert {engine.get(user)["sealed_by"] for user in users} == {"k2/2"}


@pytest.mark.parametrize("attributes", [{}, {"enrollment_id": "ours"}], ids=["legacy", "ours"])
@pytest.mark.local
def test_sealed_between_a_logins_two_writes(make_engine, attributes):
    engine = make_engine("dynamodb_local")
    engine.put("ana", secret=LEGACY, **attributes)
    with fault_proxy(engine.settings["endpoint_url"]) as proxy:
        verifier = engine.verifier(keys=K1, endpoint_url=proxy.url)
        proxy.faults.extend([PASS, lambda: reseal(engine, K1)])
        code = legacy_code()
        assert verifier.verify("ana", code) is True
        assert engine.get("ana")["sealed_by"] == "k1/2"
        assert verifier.verify("ana", code) is False


@pytest.mark.local
def test_lost_replies(make_engine):
    engine = make_engine("dynamodb_local")
    secrets = fill(engine, 6)
    with fault_proxy(engine.settings["endpoint_url"]) as proxy:
        proxy.faults.extend([*[PASS] * 9, *[LOSE_REPLY] * 4])
        where = ["--endpoint-url", proxy.url]
        code, outcome = reseal(engine, f"{K2},{K1}", *where)
    assert code == 0
    assert outcome["sealed"] + outcome["already"] == 6
    verifier = engine.verifier(keys=K2)
    for user, secret in secrets.items():
        assert verifier.verify(user, lambdatotp.Totp(secret).now())


@pytest.mark.local
def test_interrupted_and_repeated(make_engine):
    engine = make_engine("dynamodb_local")
    fill(engine, 60)
    with fault_proxy(engine.settings["endpoint_url"]) as proxy:
        environment = {**os.environ, **engine.environment(), "LAMBDATOTP_KEYS": f"{K2},{K1}"}
        process = subprocess.Popen(
            [sys.executable, "-m", "lambdatotp", "reseal", "--endpoint-url", proxy.url],
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            # A shell's background job ignores SIGINT, and hands that on.
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),  # noqa: PLW1509
        )
        proxy.faults.extend([*[PASS] * 30, lambda: process.send_signal(signal.SIGINT)])
        out, err = process.communicate(timeout=60)
    assert process.returncode == 130, err
    assert "run it again" in err
    assert "sealed: " in out
    assert "Traceback" not in err
    code, outcome = reseal(engine, f"{K2},{K1}")
    assert code == 0
    assert outcome["sealed"] + outcome["already"] == 60
    assert {engine.get(f"user{n}")["sealed_by"] for n in range(60)} == {"k2/2"}


class TestNewKey:
    def test_it_is_one(self, engine):
        first, second = (shell("new-key", "fresh").stdout.strip() for _ in range(2))
        assert first != second
        enrollment = engine.verifier(keys=first).register("ana")
        assert engine.get("ana")["sealed_by"] == "fresh/2"
        assert engine.verifier(keys=first).verify("ana", code_of(enrollment))

    def test_its_name_is_the_time_unless_given(self):
        name, key = shell("new-key").stdout.strip().split(":")
        made = datetime.datetime.strptime(f"{name}Z", "%Y-%m-%d-%H%M%S%z")
        assert abs(made.timestamp() - time.time()) < 60
        lambdatotp.Verifier(keys=f"{name}:{key}")

    def test_a_name_that_cannot_be(self):
        done = shell("new-key", "no spaces")
        assert done.returncode == 2
        assert "1 to 32 letters" in done.stderr
