"""`lambdatotp.pyotp` beside PyOTP: the same value, or the same exception."""

from __future__ import annotations

import base64
import copy
import datetime
import hashlib
import inspect
import os
import pickle
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Any
from unittest.mock import patch
from urllib.parse import quote

import lambdatotp.pyotp as ours
import pyotp as theirs
import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

if TYPE_CHECKING:
    from collections.abc import Callable

SECRET = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"

secrets = (
    st.binary(min_size=0, max_size=70).map(lambda raw: base64.b32encode(raw).decode())
    | st.text("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567abcxyz=", max_size=60)
    | st.text(max_size=40)
    | st.binary(min_size=14, max_size=30).map(base64.b32encode)
)  # fmt: skip
good_secrets = st.binary(min_size=14, max_size=64).map(lambda raw: base64.b32encode(raw).decode())
digests = st.sampled_from(
    [None, hashlib.sha1, hashlib.sha224, hashlib.sha256, hashlib.sha384, hashlib.sha512,
     hashlib.sha3_256, hashlib.blake2b, hashlib.md5, hashlib.shake_128]
)  # fmt: skip
good_digests = st.sampled_from([None, hashlib.sha1, hashlib.sha256, hashlib.sha512, hashlib.sha384])
times = (
    st.integers(-100, 2**38)
    | st.floats(allow_nan=True, allow_infinity=True)
    | st.floats(0, 3e11)
    | st.datetimes()
    | st.datetimes(timezones=st.timezones())
    | st.booleans()
)
codes = (
    st.text("0123456789", min_size=5, max_size=11)
    | st.text(max_size=20)
    | st.text("０１２３４５６７８９", min_size=6, max_size=8)
    | st.integers(0, 10**8)
    | st.none()
)
windows = st.integers(-3, 12) | st.none() | st.booleans() | st.floats(-2, 2)


def outcome(call: Callable[[Any], Any], module: Any) -> tuple[str, Any]:
    """What a call comes to with one module or the other."""
    try:
        return "value", call(module)
    except Exception as error:  # noqa: BLE001 - compared
        kinds = [kind.__name__ for kind in type(error).__mro__]
        return "error", (kinds, str(error) if isinstance(error, ValueError) else None)


def same(call: Callable[[Any], Any]) -> Any:
    """Both modules come to the same; returns what."""
    expected, got = outcome(call, theirs), outcome(call, ours)
    assert got == expected
    return got


def test_the_public_surface():
    for name in (
        "compat",
        "contrib",
        "contrib.steam",
        "exceptions",
        "hotp",
        "otp",
        "totp",
        "utils",
    ):
        expected, got = theirs, ours
        for part in name.split("."):
            expected, got = getattr(expected, part), getattr(got, part)
        for public, value in vars(expected).items():
            if public.startswith("_") or getattr(value, "__module__", None) != expected.__name__:
                continue
            assert hasattr(got, public), f"{name}.{public}"
            if not inspect.isclass(value):
                continue
            for method, function in vars(value).items():
                if inspect.isfunction(function):
                    mine = inspect.signature(getattr(getattr(got, public), method))
                    assert _parameters(mine) == _parameters(inspect.signature(function)), method
    for name in ("random_base32", "random_hex", "parse_uri"):
        signature = inspect.signature(getattr(theirs, name))
        assert _parameters(inspect.signature(getattr(ours, name))) == _parameters(signature)
    for name in ("OTP", "HOTP", "TOTP", "PyOTPError", "OTPVerificationError", "random"):
        assert hasattr(ours, name)
    assert issubclass(ours.OTPVerificationError, ours.PyOTPError)


def _parameters(signature: inspect.Signature) -> list[tuple[str, Any]]:
    """Names and defaults; the default hash is None here, which means SHA-1.

    Ours can be given by position, and `image` has a place, as up to PyOTP 2.9.
    """
    return [
        (p.name, None if p.default is hashlib.sha1 else p.default)
        for p in signature.parameters.values()
        if p.name != "image"
    ]


@given(
    secret=secrets,
    settings=st.fixed_dictionaries(
        {},
        optional={
            "digits": st.integers(4, 12) | st.booleans(),
            "digest": digests,
            "name": st.none() | st.text(max_size=5),
            "issuer": st.none() | st.text(max_size=5),
            "interval": st.integers(-1, 130) | st.floats(),
        },
    ),
    at=times,
)
def test_constructing_and_at(secret, settings, at):
    def call(module):
        totp = module.TOTP(secret, **settings)
        return (totp.secret, totp.digits, totp.digest, totp.name, totp.issuer, totp.interval,
                totp.byte_secret(), totp.at(at), totp.timecode(at))  # fmt: skip

    same(call)


@given(secret=good_secrets, digest=good_digests, digits=st.integers(6, 10), at=times,
       offset=st.integers(-3, 3) | st.just(2**70))  # fmt: skip
def test_at_with_an_offset(secret, digest, digits, at, offset):
    same(lambda m: m.TOTP(secret, digest=digest, digits=digits).at(at, counter_offset=offset))


@given(secret=good_secrets, digest=good_digests, digits=st.integers(6, 10),
       counter=st.integers(-2, 2**66), initial=st.integers(-3, 2**65))  # fmt: skip
def test_hotp(secret, digest, digits, counter, initial):
    def call(module):
        hotp = module.HOTP(secret, digest=digest, digits=digits, initial_count=initial)
        return hotp.at(counter), hotp.verify(hotp.at(counter), counter), hotp.initial_count

    same(call)
    same(lambda m: m.OTP(secret, digits=digits).generate_otp(counter))
    same(lambda m: m.contrib.Steam(secret).generate_otp(counter))


@given(secret=good_secrets, digest=good_digests, digits=st.integers(6, 10), code=codes, at=times,
       window=windows)  # fmt: skip
@example(SECRET, None, 6, "755224", 0, 1)
@example(SECRET, None, 6, "755224", 0, 0)
def test_garbage_codes(secret, digest, digits, code, at, window):
    def totp(module):
        return module.TOTP(secret, digest=digest, digits=digits)

    same(lambda m: totp(m).verify(code, for_time=at, valid_window=window))
    same(lambda m: totp(m).verify_and_get_timecode(code, for_time=at, valid_window=window))
    same(lambda m: m.contrib.Steam(secret).verify(code, for_time=at, valid_window=window))
    same(lambda m: m.HOTP(secret, digits=digits).verify(code, 3))


@given(secret=good_secrets, digest=good_digests, digits=st.integers(6, 10),
       at=st.integers(0, 2**37), distance=st.integers(-5, 5), window=st.integers(0, 4),
       interval=st.integers(1, 120))  # fmt: skip
def test_right_codes(secret, digest, digits, at, distance, window, interval):
    assume(at // interval + distance >= 0)

    def call(module):
        totp = module.TOTP(secret, digest=digest, digits=digits, interval=interval)
        code = totp.at(at, counter_offset=distance)
        full_width = code.translate({ord("0") + n: 0xFF10 + n for n in range(10)})
        return [
            totp.verify(code, for_time=at, valid_window=window),
            totp.verify(full_width, for_time=at, valid_window=window),
            totp.verify_and_get_timecode(code, for_time=at, valid_window=window),
        ]

    same(call)


extras = st.sampled_from(["https://x.y/z.png", "http://x/y", "é &", ""]) | st.just(5)
names = st.text(max_size=12) | st.text("ab:%+ &=/?#@é\\", max_size=12)


@given(
    name=names,
    issuer=st.none() | names,
    settings=st.fixed_dictionaries(
        {}, optional={"digits": st.integers(6, 10), "digest": good_digests}
    ),
    interval=st.integers(1, 120),
    count=st.integers(-1, 2**65),
    # Not mixed: the image comes first here.
    extra=st.dictionaries(st.sampled_from(["color", "a b"]), extras)
    | st.dictionaries(st.just("image"), extras),
)
def test_building_uris(name, issuer, settings, interval, count, extra):
    same(lambda m: m.TOTP(SECRET, **settings, interval=interval, name=name).provisioning_uri(
        issuer_name=issuer, **extra))  # fmt: skip
    same(lambda m: m.TOTP(SECRET, **settings, issuer=issuer).provisioning_uri(name=name))
    same(lambda m: m.HOTP(SECRET, **settings, initial_count=count, issuer=issuer).provisioning_uri(
        name=name, **extra))  # fmt: skip
    same(lambda m: m.HOTP(SECRET).provisioning_uri(name=name, initial_count=count))
    same(lambda m: m.utils.build_uri(SECRET, name, issuer=issuer, algorithm="sha512", digits=7))


def parsed(module: Any, uri: Any) -> Any:
    """Everything that a URI says."""
    otp = module.parse_uri(uri)
    return [
        type(otp).__name__, otp.secret, otp.name, otp.issuer, otp.digits, otp.digest,
        getattr(otp, "interval", None), getattr(otp, "initial_count", None), otp.generate_otp(7),
        otp.provisioning_uri(),
    ]  # fmt: skip


values = st.sampled_from(
    [
        "",
        SECRET,
        SECRET.lower(),
        "SHORT",
        "SHA1",
        "SHA256",
        "sha1",
        "MD5",
        "6",
        "8",
        "9",
        "06",
        "+6",
        "1_0",
        "٦",
        " 7",
        "30",
        "120",
        "121",
        "0",
        "-1",
        "999999999999999999999",
        "steam",
        "a%20b",
        "a+b",
        "%zz",
        "%ff",
        "é",
        "a:b",
        "ACME",
    ]
)
pairs = st.tuples(
    st.sampled_from(
        [
            "secret",
            "issuer",
            "algorithm",
            "encoder",
            "digits",
            "period",
            "counter",
            "image",
            "x%20y",
            "SECRET",
            "",
        ]
    ),
    values,
).map("=".join)
labels = st.sampled_from(
    [
        "",
        "ana",
        "ACME:ana",
        "ACME%3Aana",
        "A%20B:c%3Ad",
        ":ana",
        "ACME:",
        "a:b:c",
        "a/b",
        "a;b",
        "%ff:x",
        "é",
    ]
)
odd_uris = st.builds(
    lambda start, label, tail: start + label + tail,
    st.sampled_from(
        [
            "otpauth://totp/",
            "otpauth://hotp/",
            "OTPAUTH://totp/",
            "otpauth://TOTP/",
            "otpauth://x/",
            "otpauth:totp/",
            "http://totp/",
            " otpauth://totp/",
            "otpauth://totp",
            "otpauth://[/",
        ]
    ),
    labels,
    st.lists(pairs | values, max_size=5).map(lambda pairs: "?" + "&".join(pairs))
    | st.sampled_from(
        ["", "?", "#x", f"?secret={SECRET}#x", f"?secret={SECRET}\n", f"?secret={SECRET};digits=8"]
    ),
)


@given(uri=odd_uris | st.text(max_size=60))
def test_parsing_odd_uris(uri):
    same(lambda m: parsed(m, uri))


@given(
    issuer=st.none() | names,
    name=names,
    rest=st.lists(
        st.sampled_from(
            ["digits=6", "digits=8", "period=60", "algorithm=SHA512", "counter=5", "image=x"]
        ),
        max_size=3,
    ),
    kind=st.sampled_from(["totp", "hotp"]),
)
def test_parsing_usual_uris(issuer, name, rest, kind):
    label = quote(name) if issuer is None else f"{quote(issuer)}:{quote(name)}"
    query = [f"secret={SECRET}", *rest]
    if issuer:
        query.append(f"issuer={quote(issuer, safe='')}")
    same(lambda m: parsed(m, f"otpauth://{kind}/{label}?{'&'.join(query)}"))


@pytest.mark.parametrize(
    ("secret", "fast"),
    [
        ("GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ", True),
        ("gezdgnbvgy3tqojqgezdgnbvgy3tqojq", True),
        ("GEZDGNBVGY3TQOJQGEZDGNA", True),
        ("GEZDGNBVGY3TQOJQGEZDGNA=", True),
        ("GEZDGNBVGY3TQOJQGEZDGNA==", False),
        ("GEZDGNBVGY3TQOJQGEZDGN", False),
        ("GEZDGNBVGY3TQOJQGEZDGNBVG", False),
        ("GEZDGNBVGY3TQOJQ GEZDGNBVGY3TQOJQ", False),
        ("GEZDGNBVGY3TQOJQ", False),
        ("", False),
    ],
)
def test_secrets_that_take_the_fast_path(secret, fast):
    from lambdatotp._lambdatotp import _pyotp_key

    key = _pyotp_key(secret, 1, None, None, 112)
    assert (key is not None) is fast
    if fast:
        assert key.code(secret, 1, 6, 7) == theirs.OTP(secret).generate_otp(7)


def test_most_codes_take_the_fast_path():
    """Or the tests above would compare Python with Python."""
    with patch("lambdatotp.pyotp.otp.OTP._generate", side_effect=AssertionError):
        totp = ours.TOTP(SECRET, digest=hashlib.sha512)
        assert totp.verify(totp.now(), valid_window=1)
        totp.secret, totp.digest = SECRET.lower() + "MFRA", hashlib.sha1
        assert totp.verify(totp.at(59), for_time=59)


@given(secret=secrets, digest=digests, digits=st.integers(0, 12), interval=st.integers(1, 130),
       counter=st.integers(0, 2**40))  # fmt: skip
def test_attributes_can_be_set(secret, digest, digits, interval, counter):
    def call(module):
        totp = module.TOTP(SECRET)
        before = totp.at(counter)
        totp.digits, totp.interval = digits, interval
        if digest is not None:
            totp.digest = digest
        totp.secret = secret
        return before, totp.at(counter), totp.verify("123456", for_time=counter)

    same(call)


class TestSubclasses:
    """Users override what they like, and it is used."""

    def variants(self, module):
        class Doubled(module.TOTP):
            def generate_otp(self, input):
                return super().generate_otp(input * 2)

        class Shifted(module.TOTP):
            def timecode(self, for_time):
                return super().timecode(for_time) + 1

        class Raw(module.TOTP):
            def byte_secret(self):
                return b"12345678901234567890"

        class Little(module.HOTP):
            @staticmethod
            def int_to_bytestring(i, *, padding=8):
                return i.to_bytes(padding, "little")

        class Older(module.TOTP):
            def __init__(self, secret, digits=8):
                super().__init__(secret, digits=digits, digest=hashlib.sha256)

        return Doubled, Shifted, Raw, Little, Older

    @pytest.mark.parametrize("index", range(5))
    def test_overriding(self, index):
        def call(module):
            secret = "not base32 at all" if index == 2 else SECRET
            otp = self.variants(module)[index](secret)
            if index == 3:
                return otp.at(1), otp.verify("287082", 1)
            return [
                otp.at(59),
                otp.verify(otp.at(59), for_time=59),
                otp.verify_and_get_timecode(otp.at(59), for_time=59, valid_window=1),
                otp.byte_secret(),
            ]

        assert same(call)[0] == "value"

    @pytest.mark.parametrize("method", ["timecode", "generate_otp"])
    def test_patching_one_object(self, method):
        def call(module):
            totp = module.TOTP(SECRET)
            replacement = (lambda _: 3) if method == "timecode" else (lambda _: "123456")
            with patch.object(totp, method, side_effect=replacement) as patched:
                results = totp.at(59), totp.verify("123456", for_time=59), totp.now()
            return results, patched.call_count

        assert same(call)[0] == "value"


def test_copies_and_pickles():
    totp = ours.TOTP(SECRET, digits=8, digest=hashlib.sha256, name="ana")
    for twin in (copy.copy(totp), copy.deepcopy(totp), pickle.loads(pickle.dumps(totp))):
        assert twin.at(59) == totp.at(59)
        assert twin.digest is hashlib.sha256
    assert totp.__dict__.keys() >= {"digits", "secret", "name", "issuer", "interval"}


def test_local_times_that_come_twice(monkeypatch):
    try:
        for zone in ("Europe/London", "America/New_York", "Australia/Lord_Howe", "UTC"):
            monkeypatch.setenv("TZ", zone)
            time.tzset()
            first = datetime.datetime(2026, 1, 1, 0, 30)  # noqa: DTZ001 - local times
            hours = [first + datetime.timedelta(hours=n) for n in range(24 * 366)]
            offsets = [hour.astimezone().utcoffset() for hour in hours]
            for n, moment in enumerate(hours):
                # Every hour around a change, and two a day.
                if n % 12 and len(set(offsets[max(0, n - 6) : n + 6])) == 1:
                    continue
                for fold in (0, 1):
                    at = moment.replace(fold=fold)
                    assert ours.TOTP(SECRET).timecode(at) == theirs.TOTP(SECRET).timecode(at)
    finally:
        monkeypatch.undo()
        time.tzset()


class TestRandom:
    def test_secrets(self):
        made = {ours.random_base32() for _ in range(5000)}
        assert len(made) == 5000
        assert {len(secret) for secret in made} == {32}
        assert set("".join(made)) == set("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567")
        assert set("".join(ours.random_hex() for _ in range(500))) == set("ABCDEF0123456789")

    @given(length=st.integers(-1, 200), chars=st.sampled_from([None, "ab", ["x", "yz"], "é", ""]))
    def test_lengths_and_alphabets(self, length, chars):
        for name in ("random_base32", "random_hex"):
            arguments = [length] if chars is None else [length, chars]

            def shape(module, name=name, arguments=arguments):
                made = getattr(module, name)(*arguments)
                return type(made), len(made) if chars != ["x", "yz"] else None

            same(shape)

    def test_somebody_elses_randomness(self):
        class Constant:
            @staticmethod
            def choice(chars):
                return chars[0]

        for module in (ours, theirs):
            with patch.object(module, "random", Constant()):
                assert module.random_base32() == "A" * 32
        assert ours.random_base32() != "A" * 32
        assert isinstance(ours.compat.random, type(theirs.compat.random))


def test_importing_stays_light():
    program = """
import sys
before = set(sys.modules)
import lambdatotp.pyotp as pyotp
totp = pyotp.TOTP(pyotp.random_base32())
totp.verify(totp.now(), valid_window=1)
print(*sorted(name for name in set(sys.modules) - before if not name.startswith("lambdatotp")))
"""
    done = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        check=True,
        env=os.environ,
    )
    assert done.stdout.split() == ["__future__", "_operator", "unicodedata"]
