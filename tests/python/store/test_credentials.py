"""Credentials that cannot be: what is wrong, with what, and what to do, to every caller."""

from __future__ import annotations

import hashlib
import json
import os
import re
import socket
from concurrent.futures import ThreadPoolExecutor

import lambdatotp
import pytest

from tests.python.support.answers import answers, dynamodb_error, sts_error
from tests.python.support.cli import run
from tools.tls_front import tls_front

# Planted wherever the SDK might quote it.
SECRET = "hunter2-must-not-show"
NOWHERE = "http://127.0.0.1:9"
ROLE = "arn:aws:iam::123456789012:role/dev"


@pytest.fixture(autouse=True)
def home(monkeypatch, tmp_path):
    """A home with no credentials in it, nor in the environment."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / ".aws").mkdir()
    # Nobody is asked by accident.
    monkeypatch.setenv("AWS_ENDPOINT_URL_DYNAMODB", NOWHERE)
    return tmp_path


@pytest.fixture
def server():
    with answers() as server:
        yield server


@pytest.fixture
def profile(home, monkeypatch):
    """Write a profile called dev, and select it."""

    def write(text, more=""):
        (home / ".aws/config").write_text(f"[profile dev]\n{text}\n{more}")
        monkeypatch.setenv("AWS_PROFILE", "dev")

    return write


def refused(*words, without=(SECRET,)):
    """Have Python, the command line and the doctor say the same, and no secret."""
    with pytest.raises(lambdatotp.ConfigurationError) as caught:
        lambdatotp.Verifier().register("ana")
    message = str(caught.value)
    for word in words:
        assert word in message
    code, told = run("show", "ana")
    assert code == 3
    assert message in told.replace("\n", " ")
    code, found = run("doctor", "--json")
    assert code == 1
    assert message in [finding["text"] for finding in json.loads(found)]
    for secret in without:
        assert secret not in message + told + found + repr(caught.value)
    return message


def sso_cache(home, name, **fields):
    folder = home / ".aws/sso/cache"
    folder.mkdir(parents=True)
    key = hashlib.sha1(name.encode()).hexdigest()  # noqa: S324 - as the AWS CLI names it
    (folder / f"{key}.json").write_text(json.dumps({"accessToken": SECRET, **fields}))


SSO = """sso_session = corp
sso_account_id = 123456789012
sso_role_name = dev"""
SESSION = """[sso-session corp]
sso_region = eu-west-1
sso_start_url = https://corp.awsapps.com/start
"""


class TestSso:
    def test_never_logged_in(self, profile):
        profile(SSO, SESSION)
        refused('profile "dev"', "`aws sso login --profile dev`")

    def test_an_expired_login(self, profile, home):
        profile(SSO, SESSION)
        sso_cache(home, "corp", expiresAt="2020-01-01T00:00:00Z")
        refused('profile "dev"', "has expired", "`aws sso login --profile dev`")

    def test_a_login_of_the_old_kind(self, profile):
        profile(
            "sso_start_url = https://corp.awsapps.com/start\nsso_region = eu-west-1\n"
            "sso_account_id = 123456789012\nsso_role_name = dev"
        )
        refused("`aws sso login --profile dev`")

    def test_a_login_that_was_revoked(self, profile, home, server, monkeypatch):
        profile(SSO, SESSION)
        sso_cache(home, "corp", expiresAt="2099-01-01T00:00:00Z")
        monkeypatch.setenv("AWS_ENDPOINT_URL_SSO", server.url)
        server.always(401, json.dumps({"__type": "UnauthorizedException"}).encode())
        refused("`aws sso login --profile dev`")
        assert any("/federation/credentials" in asked for asked in server.asked)

    def test_another_role(self, profile, home, server, monkeypatch):
        profile(SSO, SESSION)
        sso_cache(home, "corp", expiresAt="2099-01-01T00:00:00Z")
        monkeypatch.setenv("AWS_ENDPOINT_URL_SSO", server.url)
        server.always(403, json.dumps({"__type": "ForbiddenException"}).encode())
        refused('profile "dev"', "sso_account_id", "sso_role_name")

    def test_nobody_there(self, profile, home, monkeypatch):
        profile(SSO, SESSION)
        sso_cache(home, "corp", expiresAt="2099-01-01T00:00:00Z")
        monkeypatch.setenv("AWS_ENDPOINT_URL_SSO", NOWHERE)
        refused('profile "dev"', "could not be reached", "HTTPS_PROXY")

    def test_no_such_session(self, profile):
        profile(SSO)
        refused('profile "dev"', "corp", "not found")

    def test_half_a_session(self, profile):
        profile(SSO, "[sso-session corp]\nsso_region = eu-west-1\n")
        refused('profile "dev"', "sso_start_url")

    def test_the_profile_to_log_in_is_the_one_behind_the_role(self, profile):
        profile(f"role_arn = {ROLE}\nsource_profile = base", f"[profile base]\n{SSO}\n{SESSION}")
        refused("`aws sso login --profile base`")


class TestCredentialProcess:
    def test_it_fails(self, profile):
        profile(f"credential_process = sh -c 'echo {SECRET} >&2; exit 3'")
        refused('credential_process of profile "dev"', "by hand")

    def test_it_prints_something_else(self, profile):
        profile(f"credential_process = echo {SECRET}")
        refused('credential_process of profile "dev"')

    def test_it_is_not_there(self, profile):
        profile("credential_process = /nowhere/at-all --token " + SECRET)
        refused('credential_process of profile "dev"')

    def test_it_runs_once_for_all_who_start_at_once(self, profile, home, local_engine, monkeypatch):
        text = json.dumps({"Version": 1, "AccessKeyId": "AKID", "SecretAccessKey": "s"})
        profile(f"credential_process = echo run >> {home}/runs; printf '%s' '{text}'")
        url = local_engine.settings["endpoint_url"]
        monkeypatch.setenv("AWS_ENDPOINT_URL_DYNAMODB", url)
        verifier = lambdatotp.Verifier(table_name=local_engine.table_name)
        with ThreadPoolExecutor(8) as pool:
            list(pool.map(verifier.register, [f"user{number}" for number in range(8)]))
        assert (home / "runs").read_text() == "run\n"

    def test_its_key_has_a_line_end(self, profile):
        text = json.dumps({"Version": 1, "AccessKeyId": "AKID\n", "SecretAccessKey": SECRET})
        profile(f"credential_process = printf '%s' '{text}'")
        refused('the access key of profile "dev" contains a line feed')


class TestRoles:
    KEYS = "[profile base]\naws_access_key_id = AKID\naws_secret_access_key = " + SECRET

    def test_it_may_not_be_assumed(self, profile, server, monkeypatch):
        profile(f"role_arn = {ROLE}\nsource_profile = base", self.KEYS)
        monkeypatch.setenv("AWS_ENDPOINT_URL_STS", server.url)
        server.always(403, sts_error("AccessDenied", SECRET))
        refused('profile "dev"', "AccessDenied", "role_arn", "trust policy")

    def test_it_wants_a_device(self, profile, server, monkeypatch):
        mfa = "mfa_serial = arn:aws:iam::123456789012:mfa/ana"
        profile(f"role_arn = {ROLE}\nsource_profile = base\n{mfa}", self.KEYS)
        monkeypatch.setenv("AWS_ENDPOINT_URL_STS", server.url)
        server.always(403, sts_error("AccessDenied"))
        refused("mfa_serial", "aws configure export-credentials")

    def test_nobody_there(self, profile, monkeypatch):
        profile(f"role_arn = {ROLE}\nsource_profile = base", self.KEYS)
        monkeypatch.setenv("AWS_ENDPOINT_URL_STS", NOWHERE)
        refused('profile "dev"', "could not be reached")

    def test_no_such_source(self, profile):
        profile(f"role_arn = {ROLE}\nsource_profile = base")
        refused('profile "dev"', "base")

    def test_a_circle(self, profile):
        profile(
            f"role_arn = {ROLE}\nsource_profile = base",
            f"[profile base]\nrole_arn = {ROLE}\nsource_profile = dev",
        )
        refused('profile "dev"', "loop")

    def test_no_source(self, profile):
        profile(f"role_arn = {ROLE}")
        refused('profile "dev"', "source_profile")

    def test_a_source_of_another_machine(self, profile, monkeypatch):
        monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
        profile(f"role_arn = {ROLE}\ncredential_source = Ec2InstanceMetadata")
        refused('profile "dev"', "credential_source")

    def test_a_service_that_is_busy_is_no_fault_of_ours(self, profile, server, monkeypatch):
        profile(f"role_arn = {ROLE}\nsource_profile = base", self.KEYS)
        monkeypatch.setenv("AWS_ENDPOINT_URL_STS", server.url)
        server.always(503, b"")
        with pytest.raises(lambdatotp.StoreUnavailableError, match='profile "dev"'):
            lambdatotp.Verifier(timeout=30).register("ana")


class TestWebIdentity:
    @pytest.fixture(autouse=True)
    def token(self, home, monkeypatch):
        path = home / "token"
        path.write_text(SECRET)
        monkeypatch.setenv("AWS_WEB_IDENTITY_TOKEN_FILE", str(path))
        monkeypatch.setenv("AWS_ROLE_ARN", ROLE)
        return path

    def test_a_token_that_is_refused(self, server, monkeypatch):
        monkeypatch.setenv("AWS_ENDPOINT_URL_STS", server.url)
        server.always(400, sts_error("InvalidIdentityToken", SECRET))
        refused("web identity", "InvalidIdentityToken", "AWS_WEB_IDENTITY_TOKEN_FILE")

    def test_no_token(self, token):
        token.unlink()
        refused("cannot be read", "AWS_WEB_IDENTITY_TOKEN_FILE")

    def test_no_role(self, monkeypatch):
        monkeypatch.delenv("AWS_ROLE_ARN")
        refused("AWS_ROLE_ARN is not")

    def test_nobody_there(self, monkeypatch):
        monkeypatch.setenv("AWS_ENDPOINT_URL_STS", NOWHERE)
        refused("STS could not be reached")

    def test_of_a_profile(self, profile, token, monkeypatch):
        for name in ("AWS_WEB_IDENTITY_TOKEN_FILE", "AWS_ROLE_ARN"):
            monkeypatch.delenv(name)
        profile(f"role_arn = {ROLE}\nweb_identity_token_file = {token}.missing")
        refused('profile "dev"', "web_identity_token_file")


class TestContainers:
    @pytest.fixture(autouse=True)
    def uri(self, server, monkeypatch):
        monkeypatch.setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", f"{server.url}/{SECRET}")

    def test_refused(self, server):
        server.always(403, b"{}")
        refused("container", "AWS_CONTAINER_CREDENTIALS_FULL_URI")
        assert server.asked

    def test_not_json(self, server):
        server.always(200, SECRET.encode())
        refused("container")

    def test_nobody_there(self, monkeypatch):
        monkeypatch.setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", f"{NOWHERE}/{SECRET}")
        refused("could not be reached", "AWS_CONTAINER_CREDENTIALS_FULL_URI")

    def test_a_host_that_may_not_be_asked(self, monkeypatch):
        monkeypatch.setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", "http://192.0.2.1/x")
        refused("AWS_CONTAINER_CREDENTIALS_FULL_URI")

    def test_odd_characters_in_the_token(self, monkeypatch):
        monkeypatch.setenv("AWS_CONTAINER_AUTHORIZATION_TOKEN", f"{SECRET}\n")
        refused("AWS_CONTAINER_AUTHORIZATION_TOKEN")

    def test_they_are_used_and_renewed(self, server, local_engine, monkeypatch):
        """Gone for a moment, the endpoint is not a fault of the settings."""
        monkeypatch.setenv("AWS_ENDPOINT_URL_DYNAMODB", local_engine.settings["endpoint_url"])
        good = {"AccessKeyId": "AKID", "SecretAccessKey": "s", "Token": "t"}
        good["Expiration"] = "2020-01-01T00:00:00Z"  # so it is asked before each request
        server.always(200, json.dumps(good).encode())
        verifier = lambdatotp.Verifier(table_name=local_engine.table_name)
        verifier.register("ana")
        server.always(403, b"{}")
        with pytest.raises(lambdatotp.ConfigurationError, match="container"):
            verifier.register("bob")
        server.server.shutdown()
        server.server.server_close()
        with pytest.raises(lambdatotp.StoreUnavailableError, match="could not be renewed"):
            verifier.register("bob")


class TestInstanceMetadata:
    @pytest.fixture(autouse=True)
    def on(self, server, monkeypatch):
        monkeypatch.delenv("AWS_EC2_METADATA_DISABLED")
        monkeypatch.setenv("AWS_EC2_METADATA_SERVICE_ENDPOINT", server.url)

    def test_nobody_there(self, monkeypatch):
        monkeypatch.setenv("AWS_EC2_METADATA_SERVICE_ENDPOINT", NOWHERE)
        refused("no AWS credentials found", "no instance metadata service answers")

    def test_nobody_answers(self, monkeypatch):
        with socket.create_server(("127.0.0.1", 0)) as silent:
            url = f"http://127.0.0.1:{silent.getsockname()[1]}"
            monkeypatch.setenv("AWS_EC2_METADATA_SERVICE_ENDPOINT", url)
            refused("no AWS credentials found", "no instance metadata service answers")

    def test_no_role(self, server):
        server.answer = lambda what, _: (200, b"token") if "PUT" in what else (404, b"")
        refused("no AWS credentials found")

    def test_refused(self, server):
        server.always(403, SECRET.encode())
        refused("instance metadata", "IMDSv2")

    def test_not_json(self, server):
        server.always(200, SECRET.encode())
        refused("instance metadata")


class TestFiles:
    def test_a_profile_that_is_not_there(self, home, monkeypatch):
        (home / ".aws/config").write_text("[profile dev]\nregion = eu-west-1\n")
        monkeypatch.setenv("AWS_PROFILE", "dve")
        refused('AWS_PROFILE names the profile "dve"', ".aws/config", "aws configure list-profiles")

    def test_even_with_keys_in_the_environment(self, monkeypatch):
        """As boto3 has it: what is said and not there was meant."""
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKID")
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET)
        monkeypatch.setenv("AWS_PROFILE", "dve")
        refused("dve")

    def test_a_profile_without_credentials(self, profile):
        profile("region = eu-west-1")
        refused("no AWS credentials found", 'profile "dev" has none')

    @pytest.mark.parametrize("name", ["config", "credentials"])
    def test_a_folder(self, home, name, monkeypatch):
        (home / ".aws" / name).mkdir()
        monkeypatch.setenv("AWS_PROFILE", "dev")
        refused(f".aws/{name}", "cannot be read")

    def test_a_link_to_itself(self, home, monkeypatch):
        (home / "loop").symlink_to("loop")
        monkeypatch.setenv("AWS_CONFIG_FILE", "~/loop")
        refused("loop", "cannot be read")

    def test_not_text(self, home):
        (home / ".aws/config").write_bytes(b"[default]\nregion = \xff\xfe\n")
        refused(".aws/config", "not UTF-8")

    def test_not_settings(self, home):
        (home / ".aws/config").write_text(f"[default]\n{SECRET}\n")
        refused(".aws/config", "line 2")

    def test_an_empty_name_is_the_default_profile(self, home, local_engine, monkeypatch):
        url = local_engine.settings["endpoint_url"]
        keys = "aws_access_key_id = AKID\naws_secret_access_key = s\nregion = eu-west-1"
        (home / ".aws/config").write_text(f"[default]\n{keys}\n")
        monkeypatch.setenv("AWS_PROFILE", "")
        monkeypatch.setenv("AWS_ENDPOINT_URL_DYNAMODB", url)
        lambdatotp.Verifier(table_name=local_engine.table_name).register("ana")

    def test_it_is_read_again_after_a_failure(self, local_engine, profile, monkeypatch):
        """Anyone who logs in meanwhile need not restart what is running."""
        profile("credential_process = false")
        url = local_engine.settings["endpoint_url"]
        monkeypatch.setenv("AWS_ENDPOINT_URL_DYNAMODB", url)
        verifier = lambdatotp.Verifier(table_name=local_engine.table_name)
        with pytest.raises(lambdatotp.ConfigurationError):
            verifier.register("ana")
        profile("aws_access_key_id = AKID\naws_secret_access_key = s")
        verifier.register("ana")

    def test_a_login_that_is_not_read(self, profile):
        profile("login_session = arn:aws:iam::123456789012:user/ana")
        refused('profile "dev"', "aws configure export-credentials --profile dev")


ODD = {
    "a line feed": "\n",
    "a carriage return": "\r",
    "a tab": "\t",
    "a space": " ",
    "a no-break space": "\xa0",
    "the character U+2028": "\u2028",
    "the character U+FEFF": "\ufeff",
    "the character U+007F": "\x7f",
    "the character U+001B": "\x1b",
}


class TestOddCharacters:
    @pytest.mark.parametrize("chain", [False, True])
    @pytest.mark.parametrize("odd", ODD)
    @pytest.mark.parametrize(
        "name", ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"]
    )
    def test_in_a_variable(self, name, odd, chain, monkeypatch):
        for each in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"):
            monkeypatch.setenv(each, SECRET)
        monkeypatch.setenv(name, SECRET + ODD[odd])
        if chain:
            monkeypatch.setenv("AWS_USE_FIPS_ENDPOINT", "false")
        words = re.escape(f"{name} contains {odd}: ")
        with pytest.raises(lambdatotp.ConfigurationError, match=words) as caught:
            lambdatotp.Verifier().register("ana")
        assert SECRET not in str(caught.value)

    def test_they_are_told_to_every_caller(self, monkeypatch):
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", f"{SECRET}\n")
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET)
        refused("AWS_ACCESS_KEY_ID contains a line feed")

    @pytest.mark.parametrize(
        "name", ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_REGION"]
    )
    def test_not_text(self, name, monkeypatch):
        for each in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
            monkeypatch.setenv(each, SECRET)
        monkeypatch.setitem(os.environb, name.encode(), b"AKID\xff")
        refused(f"{name} is not UTF-8 text")

    @pytest.mark.parametrize(
        "key", ["aws_access_key_id", "aws_secret_access_key", "aws_session_token"]
    )
    def test_in_a_profile(self, profile, key):
        values = {
            "aws_access_key_id": SECRET,
            "aws_secret_access_key": SECRET,
            "aws_session_token": SECRET,
        }
        values[key] += "\xa0x"
        profile("\n".join(f"{name} = {value}" for name, value in values.items()))
        refused('of profile "dev" contains a no-break space')

    @pytest.mark.parametrize("region", ["eu-west-1\n", "eu west 1", "eu/west", "é", "a" * 64])
    @pytest.mark.parametrize("name", ["region", "AWS_REGION", "AWS_DEFAULT_REGION", "profile"])
    def test_in_a_region(self, name, region, profile, monkeypatch):
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKID")
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET)
        monkeypatch.delenv("AWS_REGION")
        settings = {}
        if name == "region":
            settings["region"] = region
        elif name == "profile":
            region = region.strip() + "\xa0"
            profile(f"region = {region}")
        else:
            monkeypatch.setenv(name, region)
        with pytest.raises(lambdatotp.ConfigurationError, match=f"{name}.* is not an AWS region"):
            lambdatotp.Verifier(**settings).register("ana")

    def test_a_key_without_its_secret(self, monkeypatch):
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKID")
        refused("AWS_SECRET_ACCESS_KEY is not")


class TestWhatTheServiceRefuses:
    @pytest.fixture(autouse=True)
    def keys(self, server, monkeypatch):
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKID")
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET)
        monkeypatch.setenv("AWS_ENDPOINT_URL_DYNAMODB", server.url)

    @pytest.mark.parametrize(
        ("code", "message", "words"),
        [
            ("RequestTimeTooSkewed", "", "clock"),
            ("RequestExpired", "", "clock"),
            ("InvalidSignatureException", "Signature expired: 2020 is now earlier", "clock"),
            ("SignatureDoesNotMatch", "Signature not yet current", "clock"),
            ("SignatureDoesNotMatch", "", "secret access key"),
            ("InvalidSignatureException", "", "secret access key"),
            ("IncompleteSignature", "", "secret access key"),
            ("InvalidClientTokenId", "", "the access key does not exist"),
            ("UnrecognizedClientException", "", "the access key does not exist"),
            ("ExpiredTokenException", "", "expired"),
            ("MissingAuthenticationToken", "", "without a signature"),
            ("OptInRequired", "", "not signed up"),
        ],
    )
    def test_codes(self, server, code, message, words):
        server.always(400, dynamodb_error(code, f"{message} {SECRET}"))
        refused(f"the credentials of AWS_ACCESS_KEY_ID ({code})", words)

    def test_it_names_the_profile(self, server, profile, monkeypatch):
        for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
            monkeypatch.delenv(name)
        profile(f"aws_access_key_id = AKID\naws_secret_access_key = {SECRET}")
        server.always(400, dynamodb_error("ExpiredTokenException"))
        refused(
            'the credentials of profile "dev" (ExpiredTokenException)', "put new credentials into"
        )

    @pytest.mark.parametrize("name", ["AWS_USE_DUALSTACK_ENDPOINT", "AWS_USE_FIPS_ENDPOINT"])
    def test_an_endpoint_beside_a_choice_of_endpoints(self, name, server, monkeypatch):
        monkeypatch.setenv(name, "true")
        refused(name, "endpoint_url")
        assert server.asked == []

    def test_a_certificate_that_is_not_trusted(self, server, home, monkeypatch):
        with tls_front(server.url, home) as front:
            monkeypatch.setenv("AWS_ENDPOINT_URL_DYNAMODB", front.url)
            refused("AWS_CA_BUNDLE")

    def test_a_certificate_for_another_name(self, server, home, monkeypatch):
        with tls_front(server.url, home, "example.com") as front:
            monkeypatch.setenv("AWS_CA_BUNDLE", str(front.bundle))
            monkeypatch.setenv("AWS_ENDPOINT_URL_DYNAMODB", front.url)
            refused("another name")

    def test_plain_http_behind_https(self, server, monkeypatch):
        url = server.url.replace("http:", "https:")
        monkeypatch.setenv("AWS_ENDPOINT_URL_DYNAMODB", url)
        refused("TLS", "http://")
