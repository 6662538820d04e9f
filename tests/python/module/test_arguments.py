"""Arguments of the wrong type, and texts that no UTF-8 has: from Python and the environment."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import traceback
from pathlib import Path

import lambdatotp
import pytest

# 32 bytes as `head -c32 /dev/urandom` may draw them, and as Python has them in a str.
RANDOM = b"\x9f\x8a\xff\xc0k1:" + b"\x80" * 25
SURROGATES = os.fsdecode(RANDOM)

SETTINGS = {
    "table_name": 5,
    "region": b"eu-west-1",
    "endpoint_url": b"http://127.0.0.1",
    "embedded": 5,
    "issuer": b"ACME",
    "digits": "6",
    "period": "30",
    "algorithm": b"SHA1",
    "window": "1",
    "burst": "10",
    "refill": "3600",
    "max_misses": "100",
    "keys": b"k1:...",
    "enrollment_ttl": "60",
    "timeout": "8",
    "connect_timeout": "1",
    "attempt_timeout": "1",
    "max_connections": "1",
}
TEXTS = ["table_name", "region", "endpoint_url", "embedded", "issuer", "algorithm", "keys"]

# AWS's own, whatever they are for: the SDK would take them for absent.
OF_AWS = [
    "AWS_ACCESS_KEY_ID",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
    "AWS_REGION",
    "AWS_DEFAULT_REGION",
    "AWS_PROFILE",
    "AWS_CONFIG_FILE",
    "AWS_SHARED_CREDENTIALS_FILE",
    "AWS_ENDPOINT_URL",
    "AWS_ENDPOINT_URL_DYNAMODB",
    "AWS_WEB_IDENTITY_TOKEN_FILE",
]


@pytest.fixture
def verifier():
    return lambdatotp.Verifier(embedded=":memory:", table_name="arguments")


@pytest.mark.parametrize("value", [123456, b"123456", None, 12.5, ["123456"]])
def test_what_is_not_a_text_is_named(verifier, value):
    kind = type(value).__name__
    code, user = f"code must be a str, not {kind}", f"user must be a str, not {kind}"
    totp, hotp = lambdatotp.Totp("A" * 32), lambdatotp.Hotp("A" * 32)
    for said, call in [
        (code, lambda: verifier.verify("ana", value)),
        (code, lambda: verifier.check("ana", value)),
        (code, lambda: asyncio.run(verifier.verify_async("ana", value))),
        (code, lambda: asyncio.run(verifier.check_async("ana", value))),
        (code, lambda: totp.verify(value)),
        (code, lambda: hotp.verify(value, 0)),
        (user, lambda: verifier.verify(value, "123456")),
        (user, lambda: verifier.register(value)),
        (user, lambda: asyncio.run(verifier.register_async(value))),
        (user, lambda: verifier.new_recovery_codes(value)),
        (user, lambda: verifier.unlock(value)),
        (user, lambda: verifier.status(value)),
        (user, lambda: verifier.delete(value)),
        (user, lambda: asyncio.run(verifier.delete_async(value))),
    ]:
        with pytest.raises(TypeError) as caught:
            call()
        assert str(caught.value) == said


@pytest.mark.parametrize("value", [5, b"A" * 32])
def test_what_is_not_a_secret_is_named(verifier, value):
    said = f"secret must be a Secret or a base32 str, not {type(value).__name__}"
    for call in (
        lambda: verifier.register("ana", secret=value),
        lambda: lambdatotp.Totp(value),
        lambda: lambdatotp.Secret(value),
        lambda: lambdatotp.KeyUri(value, "ana"),
    ):
        with pytest.raises(TypeError) as caught:
            call()
        assert str(caught.value) == said


def test_every_setting_of_the_wrong_type_is_named():
    for name, value in SETTINGS.items():
        with pytest.raises(TypeError, match=f"^{name} must be an? .*, not {type(value).__name__}$"):
            lambdatotp.Verifier(**{name: value})


def test_every_setting_out_of_range_is_named():
    for name, value in SETTINGS.items():
        if isinstance(value, str):
            for wrong in (-1, 10**30):
                with pytest.raises(lambdatotp.ConfigurationError, match=f"invalid {name}: use "):
                    lambdatotp.Verifier(**{name: wrong})


@pytest.mark.parametrize("name", TEXTS)
@pytest.mark.parametrize("value", [SURROGATES, "\ud800"])
def test_a_setting_with_surrogates_is_refused_by_name(name, value):
    said = f"invalid {name}: it is not valid UTF-8"
    with pytest.raises(lambdatotp.ConfigurationError, match=f"^{said}$") as caught:
        lambdatotp.Verifier(**{name: value})
    # Nor does a cause hold it, as Python's own UnicodeEncodeError would.
    assert caught.value.__cause__ is None
    assert value not in "".join(traceback.format_exception(caught.value))


@pytest.mark.parametrize("form", [str, Path, os.fsencode])
def test_a_path_is_taken_as_it_is(tmp_path, form):
    path = tmp_path / "Zoë \U0001f511.db"
    lambdatotp.Verifier(embedded=form(path)).register("ana")
    assert path.exists()
    assert [one.name for one in tmp_path.glob("*.db")] == [path.name]


@pytest.mark.parametrize(
    "form", [os.fsdecode, lambda name: name, lambda name: Path(os.fsdecode(name))]
)
def test_a_path_that_is_not_utf_8_is_refused(tmp_path, form):
    name = os.fsencode(tmp_path) + b"/\xff.db"
    with pytest.raises(lambdatotp.ConfigurationError, match="invalid embedded: it is not valid"):
        lambdatotp.Verifier(embedded=form(name))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", sorted(SETTINGS.keys() - {"region", "endpoint_url"}))
def test_a_variable_that_is_not_utf_8_is_refused_by_name(name, monkeypatch):
    variable = f"LAMBDATOTP_{name.upper()}"
    monkeypatch.setitem(os.environb, variable.encode(), RANDOM)
    said = f"invalid {variable}: it is not valid UTF-8"
    with pytest.raises(lambdatotp.ConfigurationError, match=f"^{said}$"):
        lambdatotp.Verifier()


def test_keys_out_of_random_bytes_never_mean_unsealed(tmp_path):
    """As a shell sets them: whatever they are, nobody is registered."""
    program = """
import os, sys, lambdatotp
try:
    lambdatotp.Verifier(embedded=sys.argv[1]).register("ana")
except lambdatotp.ConfigurationError as error:
    print(error)
"""
    path = tmp_path / "users.db"
    for keys in (RANDOM, b"\xff", b"k1:" + RANDOM, b" ", b",", os.urandom(32).replace(b"\0", b"0")):
        done = subprocess.run(
            [sys.executable, "-c", program, str(path)],
            env={**os.environb, b"LAMBDATOTP_KEYS": keys},
            capture_output=True,
            check=True,
        )
        assert done.stdout.startswith(b"invalid LAMBDATOTP_KEYS: "), keys
        assert not path.exists()


@pytest.mark.parametrize("name", OF_AWS)
def test_a_variable_of_aws_that_is_not_utf_8_is_refused_by_name(name, monkeypatch):
    monkeypatch.setitem(os.environb, name.encode(), RANDOM)
    verifier = lambdatotp.Verifier(region=None if "REGION" in name else "eu-west-1")
    for call in (lambda: verifier.register("ana"), lambda: verifier.verify("ana", "123456")):
        with pytest.raises(lambdatotp.ConfigurationError, match=f"^{name} is not UTF-8 text"):
            call()
    # Without AWS, nothing of AWS's matters.
    lambdatotp.Verifier(embedded=":memory:", table_name=f"of_{name}").register("ana")


def test_a_home_that_is_not_utf_8_is_refused_where_it_has_profiles(tmp_path, monkeypatch):
    home = tmp_path / os.fsdecode(b"\xff")
    home.mkdir()
    monkeypatch.setitem(os.environb, b"HOME", os.fsencode(home))
    dead = {"endpoint_url": "http://127.0.0.1:9", "timeout": 1, "region": "eu-west-1"}
    with pytest.raises(lambdatotp.StoreUnavailableError):
        lambdatotp.Verifier(**dead).register("ana")
    (home / ".aws").mkdir()
    with pytest.raises(lambdatotp.ConfigurationError, match="HOME is not UTF-8 text"):
        lambdatotp.Verifier(**dead).register("ana")


def test_the_command_line_says_it_in_a_line(tmp_path):
    def run(*arguments, **variables):
        done = subprocess.run(
            [sys.executable, "-m", "lambdatotp", *arguments],
            env={**os.environb, **{name.encode(): value for name, value in variables.items()}},
            capture_output=True,
            check=False,
        )
        return done.returncode, done.stdout, done.stderr.decode()

    path = str(tmp_path / "users.db")
    assert run("register", "ana", "--embedded", path, LAMBDATOTP_KEYS=RANDOM) == (
        3,
        b"",
        "lambdatotp: invalid LAMBDATOTP_KEYS: it is not valid UTF-8\n",
    )
    assert run("show", "ana", "--embedded", os.fsencode(path) + b"\xff") == (
        3,
        b"",
        "lambdatotp: invalid embedded: it is not valid UTF-8\n",
    )
    assert list(tmp_path.iterdir()) == []
