"""Lost replies and outages, in front of AWS's own DynamoDB Local."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time

import lambdatotp
import pytest
from lambdatotp import _lambdatotp as native

from tests.python.support.codes import LEGACY, code_of, is_gone, legacy_code, wrong_code
from tests.python.support.fault_proxy import (
    CUT_REPLY,
    ERROR_AFTER,
    HANG,
    LOSE_REPLY,
    PASS,
    REFUSE,
    THROTTLE,
)

KEYS = "k1:" + "A" * 43
# What leaves the client in the dark about a write that was carried out.
LOST = [LOSE_REPLY, CUT_REPLY, ERROR_AFTER]


@pytest.fixture
def engine(local_engine):
    return local_engine


@pytest.mark.parametrize("audit", [None, id], ids=["plain", "audited"])
def test_round_trips(engine, proxy, audit):
    verifier = engine.verifier(endpoint_url=proxy.url, audit=audit)

    def trips() -> int:
        count = len(proxy.operations)
        proxy.operations.clear()
        return count

    enrollment = verifier.register("ana")
    assert trips() == 1
    assert verifier.verify("ana", wrong_code(enrollment)) is False
    assert trips() == 1
    # An operator's calls read first; a registration takes a tombstone's place.
    verifier.delete("ana")
    assert trips() == 2
    codes = verifier.register("ana", recovery_codes=1).recovery_codes
    assert trips() == 2
    for code, outcome in [(codes[0], True), (codes[0], False)]:
        assert verifier.verify("ana", code) is outcome
        assert trips() == 1
    for call in (verifier.unlock, verifier.new_recovery_codes, verifier.delete):
        call("ana")
        assert trips() == 2
    enrollment = verifier.register("ana")
    assert trips() == 2
    enrollment = verifier.register("ana", replace_unconfirmed=True)
    assert trips() == 2
    # All that `check` tells comes with the same two.
    assert verifier.check("ana", code_of(enrollment)).first is True
    assert trips() == 2
    verifier.verify("ana", "no code")
    assert trips() == 0
    for count, call in [
        (1, lambda: verifier.verify("nobody", "123456")),
        (1, lambda: verifier.unlock("nobody")),
        (2, lambda: verifier.delete("nobody")),
        (1, lambda: verifier.verify("nobody", "123456")),
    ]:
        with pytest.raises(lambdatotp.UserNotFoundError):
            call()
        assert trips() == count
    with pytest.raises(lambdatotp.UserExistsError):
        verifier.register("ana")
    assert trips() == 1
    # With attempts owed, the reservation takes its second form.
    assert verifier.verify("ana", wrong_code(enrollment)) is False
    assert trips() == 1
    assert verifier.verify("ana", wrong_code(enrollment)) is False
    assert trips() == 2
    engine.put("ana", **{**engine.get("ana"), "throttle_at": int((time.time() + 36_000) * 1000)})
    with pytest.raises(lambdatotp.TooManyAttemptsError):
        verifier.verify("ana", wrong_code(enrollment))
    assert trips() == 1


def test_round_trips_of_a_rotation(proxy, verifier):
    enrollment = verifier.register("ana")
    for call, count in [
        (lambda: verifier.rotate("ana"), 2),
        (lambda: verifier.confirm("ana", wrong_code(enrollment)), 1),
        (lambda: verifier.confirm("ana", "no code"), 0),
        (lambda: verifier.unlock("ana"), 2),
        (lambda: verifier.confirm("ana", code_of(verifier.rotate("ana"))), 4),
    ]:
        proxy.operations.clear()
        call()
        assert len(proxy.operations) == count
    proxy.operations.clear()
    with pytest.raises(lambdatotp.NoRotationError):
        verifier.confirm("ana", code_of(enrollment))
    assert len(proxy.operations) == 1


@pytest.mark.parametrize("losses", [1, 2])
@pytest.mark.parametrize("loss", LOST)
class TestALostReply:
    """Once or twice: the caller gets the true outcome, and nothing happens twice."""

    def test_of_register(self, engine, proxy, verifier, loss, losses):
        proxy.faults.extend([loss] * losses)
        enrollment = verifier.register("ana")
        assert len(proxy.operations) == losses + 1
        assert engine.get("ana")["secret"] == enrollment.secret
        assert verifier.verify("ana", code_of(enrollment)) is True

    def test_of_register_for_a_user_who_exists(self, engine, proxy, verifier, loss, losses):
        engine.put("ana", secret="JBSWY3DPEHPK3PXP")
        proxy.faults.extend([loss] * losses)
        with pytest.raises(lambdatotp.UserExistsError):
            verifier.register("ana")
        assert engine.get("ana")["secret"] == "JBSWY3DPEHPK3PXP"

    def test_of_the_reservation(self, engine, proxy, verifier, loss, losses):
        enrollment = verifier.register("ana")
        proxy.faults.extend([loss] * losses)
        before = time.time()
        assert verifier.verify("ana", wrong_code(enrollment)) is False
        item = engine.get("ana")
        assert item["misses"] == 1
        # One attempt owed, not two.
        assert before + 3599 < item["throttle_at"] / 1000 < time.time() + 3601

    def test_of_the_second_form_of_the_reservation(self, engine, proxy, verifier, loss, losses):
        enrollment = verifier.register("ana")
        assert verifier.verify("ana", wrong_code(enrollment)) is False
        owed = engine.get("ana")["throttle_at"]
        proxy.faults.extend([PASS, *[loss] * losses])
        assert verifier.verify("ana", wrong_code(enrollment)) is False
        item = engine.get("ana")
        assert (item["misses"], item["throttle_at"]) == (2, owed + 3600_000)

    def test_of_the_acceptance(self, engine, proxy, verifier, loss, losses):
        enrollment = verifier.register("ana")
        code = code_of(enrollment)
        before = time.time()
        proxy.faults.extend([PASS, *[loss] * losses])
        assert verifier.verify("ana", code) is True
        item = engine.get("ana")
        assert item["misses"] == 0
        # The attempt is given back, once.
        assert before - 1 < item["throttle_at"] / 1000 < time.time() + 1
        assert verifier.verify("ana", code) is False

    def test_of_a_replays_acceptance(self, proxy, verifier, loss, losses):
        """A lost reply gives no licence: the code stays used up."""
        enrollment = verifier.register("ana")
        code = code_of(enrollment)
        assert verifier.verify("ana", code) is True
        proxy.faults.extend([loss] * losses)
        assert verifier.verify("ana", code) is False

    def test_of_the_acceptance_that_seals(self, engine, proxy, loss, losses):
        """Nothing is left of what the condition looked for: no secret, another enrollment."""
        engine.put("ana", secret=LEGACY)
        verifier = engine.verifier(endpoint_url=proxy.url, keys=KEYS)
        code = legacy_code()
        proxy.faults.extend([PASS, *[loss] * losses])
        assert verifier.verify("ana", code) is True
        assert "secret" not in engine.get("ana")
        assert verifier.verify("ana", code) is False

    def test_of_a_recovery(self, engine, proxy, verifier, loss, losses):
        codes = verifier.register("ana", recovery_codes=2).recovery_codes
        proxy.faults.extend([loss] * losses)
        verdict = verifier.check("ana", codes[0])
        assert (verdict.outcome, verdict.recovery_codes_left) == ("recovered", 1)
        assert len(engine.get("ana")["recovery"]) == 1
        assert verifier.verify("ana", codes[0]) is False
        assert verifier.verify("ana", codes[1]) is True

    def test_of_a_recovery_while_another_code_is_used(self, engine, proxy, verifier, loss, losses):
        codes = verifier.register("ana", recovery_codes=2).recovery_codes
        other = engine.verifier()
        proxy.faults.extend([*[loss] * losses, lambda: other.verify("ana", codes[1])])
        assert verifier.verify("ana", codes[0]) is True
        assert verifier.status("ana").recovery_codes_left == 0

    def test_of_new_recovery_codes(self, engine, proxy, verifier, loss, losses):
        verifier.register("ana")
        proxy.faults.extend([PASS, *[loss] * losses])
        codes = verifier.new_recovery_codes("ana", 2)
        assert len(engine.get("ana")["recovery"]) == 2
        assert all(verifier.verify("ana", code) for code in codes)

    def test_of_replacing(self, engine, proxy, verifier, loss, losses):
        verifier.register("ana")
        proxy.faults.extend([PASS, *[loss] * losses])
        enrollment = verifier.register("ana", replace_unconfirmed=True)
        assert engine.get("ana")["secret"] == enrollment.secret
        assert verifier.verify("ana", code_of(enrollment)) is True

    def test_of_rotate(self, engine, proxy, verifier, loss, losses):
        verifier.register("ana")
        proxy.faults.extend([PASS, *[loss] * losses])
        enrollment = verifier.rotate("ana")
        assert len(proxy.operations) == 1 + 2 + losses
        assert engine.get("ana")["pending"]["secret"]["S"] == enrollment.secret
        assert verifier.confirm("ana", code_of(enrollment)).outcome == "accepted"

    def test_of_confirm(self, engine, proxy, verifier, loss, losses):
        verifier.register("ana")
        enrollment = verifier.rotate("ana")
        proxy.faults.extend([PASS, *[loss] * losses])
        before = time.time()
        verdict = verifier.confirm("ana", code_of(enrollment))
        assert (verdict.outcome, verdict.first) == ("accepted", True)
        item = engine.get("ana")
        assert item["enrollment_id"] == verdict.enrollment_id
        # The attempt is given back, once.
        assert before - 1 < item["throttle_at"] / 1000 < time.time() + 1
        assert verifier.check("ana", code_of(enrollment)).outcome == "replayed"

    def test_of_the_reservation_of_a_confirmation(self, engine, proxy, verifier, loss, losses):
        enrollment = verifier.register("ana")
        verifier.rotate("ana")
        proxy.faults.extend([loss] * losses)
        assert not verifier.confirm("ana", wrong_code(enrollment))
        assert engine.get("ana")["misses"] == 1

    def test_of_unlock(self, engine, proxy, verifier, loss, losses):
        verifier.register("ana")
        engine.client.update_item(
            TableName=engine.table_name,
            Key={"user_id": {"S": "ana"}},
            UpdateExpression="SET misses = :n, throttle_at = :n",
            ExpressionAttributeValues={":n": {"N": "100"}},
        )
        proxy.faults.extend([PASS, *[loss] * losses])
        assert verifier.unlock("ana") is None
        assert engine.get("ana")["misses"] == 0

    def test_of_delete(self, engine, proxy, verifier, loss, losses):
        verifier.register("ana")
        proxy.faults.extend([PASS, *[loss] * losses])
        assert verifier.delete("ana") is None
        assert is_gone(engine, "ana")

    def test_of_delete_of_nobody(self, proxy, verifier, loss, losses):
        proxy.faults.extend([PASS, *[loss] * losses])
        with pytest.raises(lambdatotp.UserNotFoundError):
            verifier.delete("nobody")


def test_a_lost_reply_after_a_long_outage(proxy, verifier):
    """Retries are not limited: the first calls after an outage need them most."""
    proxy.faults.extend([REFUSE] * 80)
    for _ in range(20):
        with pytest.raises(lambdatotp.StoreUnavailableError):
            verifier.verify("ana", "123456")
    proxy.faults.extend([LOSE_REPLY, LOSE_REPLY])
    enrollment = verifier.register("ana")
    assert verifier.verify("ana", code_of(enrollment)) is True


@pytest.mark.parametrize("fault", [THROTTLE, REFUSE])
def test_nobody_is_deleted_who_was_not_there(proxy, verifier, fault):
    proxy.faults.extend([PASS, fault, fault])
    with pytest.raises(lambdatotp.UserNotFoundError):
        verifier.delete("nobody")


@pytest.mark.parametrize("fault", [THROTTLE, REFUSE])
def test_passing_trouble_is_not_seen(engine, proxy, verifier, fault):
    enrollment = verifier.register("ana")
    proxy.faults.extend([fault, fault, PASS, fault, fault])
    assert verifier.verify("ana", code_of(enrollment)) is True
    assert engine.get("ana")["misses"] == 0


@pytest.mark.parametrize("fault", [THROTTLE, REFUSE, LOSE_REPLY, ERROR_AFTER])
def test_lasting_trouble_gives_no_verdict(proxy, verifier, fault):
    enrollment = verifier.register("ana")
    calls = [
        lambda: verifier.register("bob"),
        lambda: verifier.verify("ana", code_of(enrollment)),
        lambda: verifier.verify("ana", "AAAA-AAAA-AAAA-AAAA"),
        lambda: verifier.new_recovery_codes("ana"),
        lambda: verifier.unlock("ana"),
        lambda: verifier.status("ana"),
        lambda: verifier.delete("ana"),
    ]
    for call in calls:
        proxy.faults.extend([fault] * 50)
        with pytest.raises(lambdatotp.StoreUnavailableError, match="did not answer"):
            call()
        proxy.faults.clear()


def test_a_hanging_table_is_given_up_in_time(engine, proxy):
    verifier = engine.verifier(endpoint_url=proxy.url, attempt_timeout=0.2, timeout=0.5)
    proxy.faults.extend([HANG] * 50)
    started = time.monotonic()
    with pytest.raises(lambdatotp.StoreUnavailableError, match=r"no answer within 0\.5 s"):
        verifier.verify("ana", "123456")
    assert time.monotonic() - started < 5
    # It recovers by itself.
    proxy.faults.clear()
    enrollment = verifier.register("ana")
    assert verifier.verify("ana", code_of(enrollment)) is True


@pytest.mark.parametrize(
    "call",
    [
        lambda verifier: native.list_users(verifier, None, limit=1),
        lambda verifier: native.survey_users(verifier, None, limit=1),
        lambda verifier: native.export_users(verifier, None, limit=1),
        lambda verifier: native.reseal_users(verifier, None, limit=1),
        lambda verifier: native.delete_unusable(verifier, "a\n"),
        native.describe_table,
        native.create_table,
        native.expiry,
        native.switch_expiry_on,
        native.backups,
        native.switch_backups_on,
        native.switch_protection_on,
        lambda verifier: native.add_replicas(verifier, ["eu-central-1", "eu-west-3"], None),
    ],
)
def test_operators_calls_are_given_up_in_time(engine, proxy, call):
    """One try alone would take longer, and there would be four."""
    verifier = engine.verifier(endpoint_url=proxy.url, timeout=0.2, attempt_timeout=2, keys=KEYS)
    proxy.faults.extend([HANG] * 4)
    with pytest.raises(lambdatotp.StoreUnavailableError, match=r"no answer within 0\.2 s"):
        call(verifier)


def test_one_hanging_request_is_repeated(engine, proxy):
    verifier = engine.verifier(endpoint_url=proxy.url, attempt_timeout=0.2)
    proxy.faults.append(HANG)
    assert verifier.register("ana").user == "ana"


def test_a_table_that_is_down_recovers(engine):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    verifier = engine.verifier(endpoint_url=f"http://127.0.0.1:{port}")
    started = time.monotonic()
    with pytest.raises(lambdatotp.StoreUnavailableError):
        verifier.register("ana")
    assert time.monotonic() - started < 10


def test_a_cut_between_the_writes_charges_and_keeps_the_code(engine, proxy):
    """As if the process had died there."""
    verifier = engine.verifier(endpoint_url=proxy.url, attempt_timeout=0.1, timeout=0.3)
    enrollment = verifier.register("ana")
    code = code_of(enrollment)
    proxy.faults.extend([PASS, *[HANG] * 50])
    with pytest.raises(lambdatotp.StoreUnavailableError):
        verifier.verify("ana", code)
    assert engine.get("ana")["misses"] == 1
    assert engine.verifier().verify("ana", code) is True


def test_a_new_enrollment_between_the_writes_inherits_nothing(engine, proxy, verifier):
    enrollment = verifier.register("ana")
    other = engine.verifier()
    renewed = []

    def renew():
        other.delete("ana")
        renewed.append(other.register("ana"))

    proxy.faults.extend([PASS, renew])
    assert verifier.verify("ana", code_of(enrollment)) is False
    fresh = {"user_id", "secret", "enrollment_id", "registered_at", "replaced_id", "generated"}
    assert set(engine.get("ana")) == fresh
    assert verifier.verify("ana", code_of(renewed[0])) is True


@pytest.mark.parametrize("attributes", [{"secret": LEGACY[::-1]}, {"enrollment_id": "new"}])
def test_so_does_a_legacy_users(engine, proxy, verifier, attributes):
    engine.put("ana", secret=LEGACY)
    replaced = {"secret": LEGACY, **attributes}
    proxy.faults.extend([PASS, lambda: engine.put("ana", **replaced)])
    assert verifier.verify("ana", legacy_code()) is False
    assert engine.get("ana") == {"user_id": "ana", **replaced}


def test_a_user_deleted_between_the_writes(engine, proxy, verifier):
    enrollment = verifier.register("ana")
    proxy.faults.extend([PASS, lambda: engine.verifier().delete("ana")])
    assert verifier.verify("ana", code_of(enrollment)) is False
    assert is_gone(engine, "ana")


class TestWhatTheOperatorMustMend:
    def test_no_table(self, engine):
        verifier = engine.verifier(table_name="missing")
        with pytest.raises(lambdatotp.ConfigurationError, match='no table "missing"'):
            verifier.register("ana")

    def test_another_key(self, engine):
        engine.client.create_table(
            TableName="other",
            KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
            AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
            BillingMode="PAY_PER_REQUEST",
        )
        with pytest.raises(lambdatotp.ConfigurationError, match="user_id"):
            engine.verifier(table_name="other").register("ana")

    def test_no_credentials(self, engine, monkeypatch):
        monkeypatch.delenv("AWS_ACCESS_KEY_ID")
        with pytest.raises(lambdatotp.ConfigurationError, match="no AWS credentials"):
            engine.verifier().register("ana")

    def test_no_region(self, monkeypatch):
        monkeypatch.delenv("AWS_REGION")
        with pytest.raises(lambdatotp.ConfigurationError, match="AWS_REGION"):
            lambdatotp.Verifier().register("ana")

    @pytest.mark.parametrize(
        "settings",
        [
            {"table_name": "a"},
            {"table_name": "a b c"},
            {"endpoint_url": "localhost:8000"},
            {"digits": 9},
            {"period": 121},
            {"algorithm": "MD5"},
            {"window": 11},
            {"burst": 0},
            {"refill": float("nan")},
            {"max_misses": 101},
            {"timeout": 0},
            {"issuer": ""},
            {"endpoint_url": "http://x", "embedded": ":memory:"},
        ],
    )
    def test_settings_that_cannot_be(self, settings):
        with pytest.raises(lambdatotp.ConfigurationError, match=next(iter(settings))):
            lambdatotp.Verifier(**settings)

    def test_variables_that_cannot_be(self, monkeypatch):
        monkeypatch.setenv("LAMBDATOTP_DIGITS", "nine")
        with pytest.raises(lambdatotp.ConfigurationError, match="LAMBDATOTP_DIGITS"):
            lambdatotp.Verifier()

    def test_a_file_that_cannot_be(self, tmp_path):
        for at in (tmp_path / "missing" / "users.db", tmp_path):
            with pytest.raises(lambdatotp.ConfigurationError, match="cannot open"):
                lambdatotp.Verifier(embedded=at).register("ana")
        text = tmp_path / "text"
        text.write_text("this is not a database " * 100)
        text.chmod(0o600)
        with pytest.raises(lambdatotp.ConfigurationError, match="cannot open"):
            lambdatotp.Verifier(embedded=text).register("ana")
        assert text.read_text() == "this is not a database " * 100


class TestConnect:
    """Opening a connection before it is needed."""

    def test_is_one_request_that_is_never_repeated(self, proxy, verifier):
        verifier.connect()
        assert proxy.operations == ["GET"]
        proxy.faults.append(REFUSE)
        with pytest.raises(lambdatotp.StoreUnavailableError):
            verifier.connect()
        assert proxy.operations == ["GET", "GET"]
        verifier.register("ana")

    def test_nobody_there(self):
        verifier = lambdatotp.Verifier(endpoint_url="http://127.0.0.1:9")
        with pytest.raises(lambdatotp.StoreUnavailableError, match="connection failed"):
            verifier.connect()

    def test_no_credentials(self, proxy, monkeypatch):
        monkeypatch.delenv("AWS_ACCESS_KEY_ID")
        with pytest.raises(lambdatotp.ConfigurationError, match="no AWS credentials"):
            lambdatotp.Verifier(endpoint_url=proxy.url).connect()
        assert proxy.operations == []


def test_killed_between_the_two_writes(engine, proxy):
    """With -9, while the second write is on its way: the attempt is charged, the code good."""
    code = code_of(engine.verifier().register("ana"))
    proxy.faults.extend([PASS, HANG])
    process = subprocess.Popen(
        [sys.executable, "-c", f"import lambdatotp; lambdatotp.verify('ana', '{code}')"],
        env={**os.environ, **engine.environment(), "AWS_ENDPOINT_URL_DYNAMODB": proxy.url},
    )
    proxy.hanging.wait()
    process.kill()
    assert process.wait() == -signal.SIGKILL
    assert proxy.operations == ["UpdateItem", "UpdateItem"]
    assert engine.verifier().verify("ana", code) is True
    assert engine.verifier().verify("ana", code) is False
