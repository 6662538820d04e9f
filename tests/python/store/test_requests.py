"""What a login sends, and what it makes of replies: signature, clocks, checksums, retries."""

from __future__ import annotations

import json
import re
import sys
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta, timezone

import lambdatotp
import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from tests.python.support.answers import answers
from tests.python.support.codes import code_of, wrong_code
from tests.python.support.fault_proxy import (
    CONFLICT,
    DENY,
    ERROR_AFTER,
    OTHER_REPLY,
    PASS,
    THROTTLE,
)
from tests.python.support.proxy_server import proxy_server

ACCOUNT = "123456789012"


@pytest.fixture
def engine(local_engine):
    return local_engine


@pytest.fixture
def keys(monkeypatch, tmp_path):
    """Give credentials by a server, as a container's agent does."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path))
    with answers() as server:
        monkeypatch.setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", f"{server.url}/keys")

        def give(number, lifetime, **more):
            until = datetime.now(timezone.utc) + timedelta(seconds=lifetime)
            given = {"AccessKeyId": f"AKID{number}", "SecretAccessKey": "s", "Token": "t", **more}
            given["Expiration"] = until.strftime("%Y-%m-%dT%H:%M:%SZ")
            server.always(200, json.dumps(given).encode())
            return server.asked

        yield give


class Recorded(SigV4Auth):
    """Signs for the second that a request was signed for already."""

    def add_auth(self, request):
        self._modify_request_before_signing(request)
        canonical = self.canonical_request(request)
        return self.signature(self.string_to_sign(request, canonical), request)

    def _modify_request_before_signing(self, request):
        pass


@pytest.mark.parametrize("path", ["", "/a b/%20/../c"])
def test_the_signature_is_the_one_that_botocore_makes(engine, proxy, monkeypatch, path):
    bodies = []
    monkeypatch.setenv("AWS_SESSION_TOKEN", "token/of+a=session")
    forward = proxy.RequestHandlerClass._forward
    monkeypatch.setattr(
        proxy.RequestHandlerClass,
        "_forward",
        lambda handler, body: bodies.append((handler.path, body)) or forward(handler, body),
    )
    url = proxy.url + path.replace(" ", "%20")
    engine.verifier(endpoint_url=url).register("ana")
    (sent,) = proxy.headers
    (way, body), *_ = bodies
    signed, signature = re.search(
        r"SignedHeaders=([a-z0-9;-]+), Signature=([0-9a-f]{64})$", sent["authorization"]
    ).groups()
    headers = {name.lower(): value for name, value in sent.items()}
    # Whatever a proxy could change to change what is done.
    assert {"host", "x-amz-date", "x-amz-target", "x-amz-security-token"} <= set(signed.split(";"))
    request = AWSRequest("POST", proxy.url + way, {n: headers[n] for n in signed.split(";")}, body)
    request.context["timestamp"] = headers["x-amz-date"]
    credentials = Credentials("testing", "testing", "token/of+a=session")
    expected = Recorded(credentials, "dynamodb", "eu-west-1").add_auth(request)
    assert signature == expected
    assert headers["x-amz-security-token"] == "token/of+a=session"


def test_what_else_a_request_says(proxy, verifier):
    """Our name, and nothing about the machine."""
    verifier.register("ana")
    (sent,) = proxy.headers
    assert {name.lower() for name in sent} == {
        "authorization",
        "content-length",
        "content-type",
        "host",
        "user-agent",
        "x-amz-date",
        "x-amz-target",
    }
    assert sent["user-agent"] == f"lambdatotp/{lambdatotp.__version__}"


class TestClocks:
    @pytest.mark.parametrize("ahead", [-86_400, -400, 400, 86_400])
    def test_a_wrong_one_is_reckoned_with(self, proxy, verifier, ahead):
        proxy.refuses_old_signatures = True
        proxy.clock_ahead = ahead
        enrollment = verifier.register("ana")
        assert proxy.operations == ["PutItem"] * 2
        assert verifier.verify("ana", code_of(enrollment)) is True
        # It is known by now.
        assert len(proxy.operations) == 4

    def test_one_that_is_set_right_is_noticed(self, proxy, verifier):
        proxy.refuses_old_signatures = True
        proxy.clock_ahead = 86_400
        verifier.register("ana")
        proxy.clock_ahead = 0
        verifier.register("bob")
        verifier.register("cid")
        assert len(proxy.operations) == 5

    def test_a_cache_says_nothing_about_the_time(self, proxy, verifier, monkeypatch):
        handler = proxy.RequestHandlerClass
        answer = handler.end_headers

        def end_headers(self):
            self.send_header("Age", "3600")
            answer(self)

        monkeypatch.setattr(handler, "end_headers", end_headers)
        proxy.refuses_old_signatures = True
        proxy.clock_ahead = 86_400
        with pytest.raises(lambdatotp.ConfigurationError, match="clock"):
            verifier.register("ana")
        assert len(proxy.operations) == 1

    def test_a_refusal_while_they_agree_is_final(self, proxy, verifier):
        proxy.faults.append(DENY)
        with pytest.raises(lambdatotp.ConfigurationError, match="refused access"):
            verifier.register("ana")
        assert len(proxy.operations) == 1


class TestReplies:
    @pytest.mark.parametrize("times", [1, 3])
    def test_one_that_is_not_its_checksums_is_asked_for_again(self, engine, proxy, verifier, times):
        proxy.faults.extend([OTHER_REPLY] * times)
        enrollment = verifier.register("ana")
        assert len(proxy.operations) == times + 1
        assert engine.get("ana")["secret"] == enrollment.secret
        proxy.faults.extend([OTHER_REPLY] * times)
        assert verifier.status("ana").confirmed_at is None

    def test_none_that_is_its_checksums(self, proxy, verifier):
        proxy.faults.extend([OTHER_REPLY] * 50)
        with pytest.raises(lambdatotp.StoreUnavailableError, match="could not be read"):
            verifier.register("ana")
        assert len(proxy.operations) == 4

    @pytest.mark.parametrize("fault", [CONFLICT, THROTTLE])
    def test_a_write_that_lost_to_another_regions_is_made_again(self, proxy, verifier, fault):
        enrollment = verifier.register("ana")
        proxy.operations.clear()
        proxy.faults.extend([fault] * 3)
        assert verifier.verify("ana", wrong_code(enrollment)) is False
        assert len(proxy.operations) == 4
        proxy.faults.extend([PASS, *[fault] * 3])
        assert verifier.verify("ana", code_of(enrollment)) is True
        proxy.faults.extend([fault] * 4)
        with pytest.raises(lambdatotp.StoreUnavailableError, match="answered"):
            verifier.verify("ana", code_of(enrollment))

    def test_a_connection_that_brought_a_failure_is_not_used_again(self, proxy, verifier):
        verifier.register("ana")
        verifier.register("bob")
        first, second = proxy.ports
        assert first == second
        proxy.faults.append(ERROR_AFTER)
        verifier.register("cid")
        *_, failed, repeated = proxy.ports
        assert failed == first
        assert repeated != first


class TestCredentials:
    def test_new_ones_are_asked_for_before_they_expire(self, proxy, verifier, keys):
        keys(1, 3)  # less than what they are renewed before
        verifier.register("ana")
        asked = keys(2, 3600)
        verifier.register("bob")
        verifier.register("cid")
        used = [re.search("Credential=(AKID[0-9])", it["authorization"])[1] for it in proxy.headers]
        assert used == ["AKID1", "AKID2", "AKID2"]
        # The first ones are asked for to see whether there are any, and then used.
        assert len(asked) == 2

    def test_by_one_caller_for_all(self, verifier, keys):
        keys(1, 3)
        verifier.register("ana")
        asked = keys(2, 3600)
        asked.clear()
        with ThreadPoolExecutor(16) as pool:
            list(pool.map(verifier.register, [f"user{number}" for number in range(64)]))
        assert len(asked) == 1

    @pytest.mark.parametrize(
        ("account", "variables", "host"),
        [
            (None, {}, "dynamodb.eu-west-1.amazonaws.com"),
            (ACCOUNT, {}, f"{ACCOUNT}.ddb.eu-west-1.amazonaws.com"),
            (
                ACCOUNT,
                {"AWS_ACCOUNT_ID_ENDPOINT_MODE": "disabled"},
                "dynamodb.eu-west-1.amazonaws.com",
            ),
            (None, {"AWS_USE_FIPS_ENDPOINT": "true"}, "dynamodb-fips.eu-west-1.amazonaws.com"),
            (None, {"AWS_USE_DUALSTACK_ENDPOINT": "true"}, "dynamodb.eu-west-1.api.aws"),
        ],
    )
    @pytest.mark.parametrize("call", ["register", "connect"])
    def test_the_endpoint_is_the_accounts(
        self, monkeypatch, tmp_path, account, variables, host, call
    ):
        for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
            monkeypatch.delenv(name)
        given = {"Version": 1, "AccessKeyId": "AKID", "SecretAccessKey": "s"}
        if account:
            given["AccountId"] = account
        (tmp_path / "keys.json").write_text(json.dumps(given))
        command = f"{sys.executable} -c \"print(open('{tmp_path / 'keys.json'}').read())\""
        (tmp_path / "config").write_text(f"[default]\ncredential_process = {command}\n")
        monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
        for name, value in variables.items():
            monkeypatch.setenv(name, value)
        with proxy_server() as proxy:
            proxy.wanted = "nobody"
            monkeypatch.setenv("HTTPS_PROXY", proxy.url)
            verifier = lambdatotp.Verifier()
            with pytest.raises(lambdatotp.ConfigurationError, match="proxy"):
                verifier.register("ana") if call == "register" else verifier.connect()
            assert set(proxy.asked) == {f"CONNECT {host}:443"}
