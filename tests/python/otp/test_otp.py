"""The native building blocks, against the RFCs and against PyOTP."""

from __future__ import annotations

import base64
import hashlib
import time

import lambdatotp
import pyotp
import pytest
from hypothesis import given
from hypothesis import strategies as st
from lambdatotp import Hotp, KeyUri, Secret, Totp

SECRET = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"  # RFC 4226's, 12345678901234567890
HASHES = {"SHA1": hashlib.sha1, "SHA256": hashlib.sha256, "SHA512": hashlib.sha512}


def test_rfc_4226_appendix_d(vectors):
    data = vectors("rfc4226")
    hotp = Hotp(Secret.from_bytes(bytes.fromhex(data["secret_hex"])))
    assert len(data["rows"]) == 10
    for row in data["rows"]:
        assert hotp.at(row["counter"]) == row["code"]
        assert hotp.verify(row["code"], 0, look_ahead=9) == row["counter"]
        assert hotp.verify(row["code"], row["counter"] + 1) is None


def test_rfc_6238_appendix_b(vectors):
    data = vectors("rfc6238")
    secrets = {name: bytes.fromhex(secret) for name, secret in data["secrets_hex"].items()}
    assert [len(secret) for secret in secrets.values()] == [20, 32, 64]
    assert len(data["rows"]) == 18
    for row in data["rows"]:
        algorithm, at = row["algorithm"], row["unix_seconds"]
        for name, secret in secrets.items():
            totp = Totp(Secret.from_bytes(secret), digits=8, algorithm=algorithm)
            # Each hash has a seed of its own; the 20 bytes of SHA1 give no other row.
            assert (totp.at(at) == row["code"]) == (name == algorithm)
            if name == algorithm:
                assert totp.verify(row["code"], at=at, window=0) == at // 30


@given(
    secret=st.binary(min_size=14, max_size=64),
    at=st.integers(0, 2**36),
    digits=st.integers(6, 8),
    period=st.integers(1, 120),
    algorithm=st.sampled_from(sorted(HASHES)),
)
def test_codes_are_pyotps(secret, at, digits, period, algorithm):
    text = base64.b32encode(secret).decode()
    theirs = pyotp.TOTP(text, digits=digits, digest=HASHES[algorithm], interval=period)
    ours = Totp(Secret.from_bytes(secret), digits=digits, period=period, algorithm=algorithm)
    assert ours.at(at) == theirs.at(at)
    assert ours.step_at(at) == at // period
    assert ours.code_for_step(at // period) == ours.at(at)
    assert Hotp(text, digits=digits, algorithm=algorithm).at(at) == pyotp.HOTP(
        text, digits=digits, digest=HASHES[algorithm]
    ).at(at)


def test_now():
    totp = Totp(SECRET)
    before = time.time()
    now = totp.now()
    assert now in {totp.at(before), totp.at(time.time())}
    assert totp.step_at() in {int(before) // 30, int(time.time()) // 30}


def test_verify_returns_the_step_so_that_replays_can_be_refused():
    totp = Totp(SECRET)
    step = totp.verify("287082", at=59)
    assert step == 1
    assert totp.verify("287 082", at=59, last_step=0) == 1
    assert totp.verify("287082", at=59, last_step=1) is None
    assert totp.verify("287082", at=89) == 1
    assert totp.verify("287082", at=90) is None
    assert totp.verify("287082", at=90, window=2) == 1
    assert totp.verify("287082", at=90, window=0) is None
    for code in ("", "28708", "2870820", "x", "\ud800", "28708²"):
        assert totp.verify(code, at=59) is None
    with pytest.raises(TypeError):
        totp.verify(287082)


def test_of_two_steps_with_one_code_the_last_counts():
    """Or the code would be good for a second login."""
    totp = Totp(SECRET)
    first, second = 910_737, 910_738  # found by search
    code = totp.code_for_step(first)
    assert code == totp.code_for_step(second) == "911617"
    assert totp.verify(code, at=first * 30) == second
    assert totp.verify(code, at=second * 30, last_step=second) is None


@pytest.mark.parametrize("at", [-1, float("nan"), float("inf")])
def test_times_that_cannot_be(at):
    with pytest.raises(ValueError, match="seconds since 1970"):
        Totp(SECRET).at(at)


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"digits": 5}, "digits: 5"),
        ({"digits": 9}, "digits: 9"),
        ({"period": 0}, "period: 0"),
        ({"period": 121}, "period: 121"),
        ({"algorithm": "MD5"}, "algorithm"),
    ],
)
def test_parameters_out_of_range(settings, says):
    with pytest.raises(ValueError, match=says):
        Totp(SECRET, **settings)
    if "period" not in settings:
        with pytest.raises(ValueError, match=says):
            Hotp(SECRET, **settings)
    with pytest.raises(ValueError, match=says):
        KeyUri(SECRET, "ana", **settings)


def test_attributes():
    totp = Totp(SECRET, digits=8, period=60, algorithm="sha-256")
    assert (totp.digits, totp.period, totp.algorithm) == (8, 60, "SHA256")
    assert totp.secret == Secret(SECRET)
    hotp = Hotp(SECRET, digits=7, algorithm="SHA512")
    assert (hotp.digits, hotp.algorithm, hotp.secret.base32) == (7, "SHA512", SECRET)
    for thing in (totp, hotp, Secret(SECRET), KeyUri(SECRET, "ana")):
        with pytest.raises(AttributeError):
            thing.digits = 6


class TestSecret:
    def test_generated(self):
        secrets = {Secret.generate().base32 for _ in range(10_000)}
        assert len(secrets) == 10_000
        assert {len(secret) for secret in secrets} == {32}
        assert Secret.generate().bits == 160

    @given(st.binary(min_size=10, max_size=128))
    def test_forms(self, raw):
        secret = Secret.from_bytes(raw)
        assert bytes(secret) == raw
        assert secret.base32 == base64.b32encode(raw).decode().rstrip("=")
        spaced = " ".join(secret.base32.lower())
        assert Secret(spaced) == Secret(secret.base32) == Secret(secret) == secret
        assert secret != Secret.from_bytes(raw[:-1] + bytes([raw[-1] ^ 1]))
        assert secret != secret.base32

    @pytest.mark.parametrize(
        "text", ["", "JBSWY3DP", "JBSWY3DPEHPK3PX1", "ÄBSWY3DPEHPK3PXP", "A" * 206]
    )
    def test_refused(self, text):
        with pytest.raises(lambdatotp.InvalidSecretError, match="invalid secret") as error:
            Secret(text)
        assert isinstance(error.value, ValueError)
        assert not text or text not in str(error.value)


class TestKeyUri:
    @given(
        issuer=st.none() | st.text(min_size=1, max_size=30),
        account_name=st.text(max_size=30).map(lambda name: name.lstrip(" ")),
        digits=st.integers(6, 8),
        algorithm=st.sampled_from(sorted(HASHES)),
        factor=st.fixed_dictionaries({"period": st.integers(1, 120)})
        | st.fixed_dictionaries({"counter": st.integers(0, 2**64 - 1)}),
    )
    def test_round_trip(self, issuer, account_name, digits, algorithm, factor):
        uri = KeyUri(
            SECRET, account_name, issuer=issuer, digits=digits, algorithm=algorithm, **factor
        )
        assert KeyUri.parse(uri.uri) == uri
        assert (uri.issuer, uri.account_name) == (issuer, account_name)
        assert (uri.period, uri.counter) == (factor.get("period"), factor.get("counter"))

    @given(issuer=st.text("ab:%+ é&", min_size=1), account_name=st.text("ab%+ é&/@", min_size=1))
    def test_pyotp_reads_it(self, issuer, account_name):
        theirs = pyotp.parse_uri(KeyUri(SECRET, account_name, issuer=issuer, digits=8).uri)
        assert theirs.secret == SECRET
        assert theirs.digits == 8
        if ":" not in issuer:  # PyOTP splits after decoding
            assert (theirs.issuer, theirs.name) == (issuer, account_name)

    @given(issuer=st.text("ab%+ é&", min_size=1), account_name=st.text("ab%+ é&/@", min_size=1))
    def test_it_reads_pyotps(self, issuer, account_name):
        theirs = pyotp.TOTP(SECRET, interval=60).provisioning_uri(
            name=account_name, issuer_name=issuer
        )
        ours = KeyUri.parse(theirs)
        assert (ours.issuer, ours.account_name, ours.period) == (
            issuer,
            account_name.lstrip(" "),
            60,
        )

    def test_refused(self):
        for uri in (
            "",
            "http://x",
            "otpauth://totp/a",
            f"otpauth://totp/a?secret={SECRET}&digits=9",
        ):
            with pytest.raises(ValueError, match="invalid"):
                KeyUri.parse(uri)
        with pytest.raises(lambdatotp.InvalidSecretError):
            KeyUri.parse("otpauth://totp/a?secret=short")
        with pytest.raises(ValueError, match=r"a period .* or a counter"):
            KeyUri(SECRET, "ana", period=30, counter=0)
