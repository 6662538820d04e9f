"""`lambdatotp.pyotp` for code written for any PyOTP: its suites, its older versions, aliases."""

from __future__ import annotations

import base64
import datetime
import hashlib
import importlib.util
import inspect
import pickle
import re
import subprocess
import sys
import textwrap
from typing import Any
from unittest.mock import create_autospec, patch

import lambdatotp.pyotp as ours
import pyotp as theirs
import pytest
from hypothesis import given
from hypothesis import strategies as st
from lambdatotp.pyotp import legacy

from tests.python.support import ROOT
from tools import pyotp_suite

SECRET = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"
SHORT = "ABCDEFGHABCDEFGH"

# Tests of what was a bug: 2.10 stopped to refuse URIs with parameters that it does not know.
BUGS = {"2.12.1": [], "2.9.0": ["test_invalids"], "2.6.0": ["test_invalids"]}
COUNTS = {"2.12.1": 64, "2.9.0": 24, "2.6.0": 21}


@pytest.mark.parametrize("version", pyotp_suite.VERSIONS)
def test_pyotps_own_suite(version):
    command = [*pyotp_suite.command(version), "-v"]
    done = subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=300
    )
    assert f"Ran {COUNTS[version]} tests" in done.stderr
    assert re.findall(r"^(?:FAIL|ERROR): (\w+)", done.stderr, re.MULTILINE) == BUGS[version]
    for bug in BUGS[version]:
        assert "'foo is not a valid parameter' != 'No secret found in URI'" in done.stderr, bug


def older(version):
    """Load a version of PyOTP under a name of its own."""
    name = f"pyotp_{version.replace('.', '_')}"
    if name not in sys.modules:
        folder = pyotp_suite.fetch(version) / "src/pyotp"
        spec = importlib.util.spec_from_file_location(
            name, folder / "__init__.py", submodule_search_locations=[str(folder)]
        )
        sys.modules[name] = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(sys.modules[name])
    return sys.modules[name]


@pytest.fixture(scope="module", params=pyotp_suite.LEGACY)
def former(request):
    return older(request.param)


def outcome(call, module):
    """What a call comes to with one module or the other."""
    try:
        return "value", call(module)
    except Exception as error:  # noqa: BLE001 - compared
        kinds = [kind.__name__ for kind in type(error).__mro__]
        return "error", (kinds, str(error) if isinstance(error, ValueError) else None)


secrets = (
    st.binary(max_size=40).map(lambda raw: base64.b32encode(raw).decode())
    | st.text("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567abc=", max_size=40)
    | st.sampled_from([SHORT, "JBSWY3DPEHPK3PXP", "base32secret3232"])
)  # fmt: skip
digests = st.sampled_from([hashlib.sha1, hashlib.sha256, hashlib.sha512, hashlib.sha384])
times = st.integers(0, 2**37) | st.datetimes(
    min_value=datetime.datetime(1970, 1, 2),  # noqa: DTZ001
    max_value=datetime.datetime(2200, 1, 1),  # noqa: DTZ001
    timezones=st.just(datetime.timezone.utc),
)


class TestLegacy:
    """The same as PyOTP 2.9 and 2.6, with arguments as people gave them: by position."""

    @given(secret=secrets, digits=st.integers(1, 10), digest=digests, at=times,
           interval=st.integers(1, 10**6), distance=st.integers(-2, 2),
           window=st.integers(0, 2))  # fmt: skip
    def test_totp(self, former, secret, digits, digest, at, interval, distance, window):
        def call(module: Any) -> Any:
            totp = module.TOTP(secret, digits, digest, "ana", "ACME", interval)
            code = totp.at(at, distance)
            moment = at
            if isinstance(at, int):
                moment = datetime.datetime.fromtimestamp(at, datetime.timezone.utc)
            return [
                code,
                totp.verify(code, moment, window),
                totp.timecode(moment),
                totp.provisioning_uri(),
                totp.provisioning_uri("a b", "é:"),
                totp.provisioning_uri("bob", "X", "https://x.y/z.png"),
            ]

        assert outcome(call, legacy) == outcome(call, former)

    @given(secret=secrets, digits=st.integers(1, 10), digest=digests,
           count=st.integers(-2, 2**63), initial=st.integers(0, 2**40))  # fmt: skip
    def test_hotp(self, former, secret, digits, digest, count, initial):
        def call(module: Any) -> Any:
            hotp = module.HOTP(secret, digits, digest, "ana", None, initial)
            return [
                hotp.at(count),
                hotp.verify(hotp.at(count), count),
                hotp.provisioning_uri("bob", 7, "ACME"),
                hotp.provisioning_uri("bob", 7, "ACME", "https://x.y/z.png"),
                module.OTP(secret, digits, digest).generate_otp(count),
            ]

        assert outcome(call, legacy) == outcome(call, former)

    @given(secret=secrets, digits=st.sampled_from([6, 7, 8]), period=st.integers(1, 10**5),
           kind=st.sampled_from(["totp", "hotp"]),
           extra=st.sampled_from(["", "&image=x", "&digits=6"]),
           label=st.sampled_from(["ana", "ACME:ana", "ACME%3Aana", "A%20B:c"]))  # fmt: skip
    def test_uris(self, former, secret, digits, period, kind, extra, label):
        uri = f"otpauth://{kind}/{label}?secret={secret}&digits={digits}{extra}"
        if kind == "totp":
            uri += f"&period={period}"

        def call(module: Any) -> Any:
            otp = module.parse_uri(uri)
            return type(otp).__name__, otp.name, otp.issuer, otp.digits, otp.generate_otp(7)

        assert outcome(call, legacy) == outcome(call, former)

    @pytest.mark.parametrize(
        "make",
        [
            lambda m: m.TOTP(SHORT),
            lambda m: m.TOTP(SECRET, interval=600),
            lambda m: m.TOTP(SECRET, digits=4),
            lambda m: m.HOTP("not base32"),
            lambda m: m.contrib.Steam(SHORT),
        ],
    )
    def test_what_2_12_refuses_is_taken(self, make):
        make(legacy)
        with pytest.raises(ValueError, match=r"."):
            make(ours)
        with pytest.raises(ValueError, match=r"."):
            make(theirs)

    def test_a_short_hash_is_taken_where_it_is_long_enough(self):
        former = older("2.9.0")
        computed = 0
        for counter in range(50):
            expected = outcome(
                lambda m, n=counter: m.OTP(SECRET, 6, hashlib.md5).generate_otp(n), former
            )
            got = outcome(
                lambda m, n=counter: m.OTP(SECRET, 6, hashlib.md5).generate_otp(n), legacy
            )
            if expected[0] == "value":
                assert got == expected
                computed += 1
            else:
                # An IndexError there.
                assert got[1][1].startswith("digest size is lower")
        assert 0 < computed < 50

    def test_steam(self):
        former = older("2.9.0")
        for at in range(0, 3000, 29):
            code = legacy.contrib.Steam(SHORT).at(at)
            assert code == former.contrib.Steam(SHORT).at(at)

    def test_its_classes_are_ours(self):
        assert isinstance(legacy.TOTP(SHORT), ours.TOTP)
        assert isinstance(legacy.TOTP(SHORT), legacy.OTP)
        assert isinstance(legacy.contrib.Steam(SHORT), legacy.TOTP)
        assert legacy.TOTP(SECRET).verify_and_get_timecode("287082", 59) == 1
        totp = pickle.loads(pickle.dumps(legacy.TOTP(SHORT, interval=600)))
        assert totp.at(0) == legacy.TOTP(SHORT).at(0)


class TestPositions:
    """Arguments by position, as up to 2.9, beside the limits of 2.12."""

    def test_everywhere(self):
        by_name = ours.TOTP(
            SECRET, digits=8, digest=hashlib.sha256, name="ana", issuer="ACME", interval=60
        )
        totp = ours.TOTP(SECRET, 8, hashlib.sha256, "ana", "ACME", 60)
        assert vars(totp).keys() == vars(by_name).keys()
        assert totp.provisioning_uri() == by_name.provisioning_uri()
        assert totp.at(59, 1) == by_name.at(59, counter_offset=1)
        assert totp.verify(totp.at(59), 119, 1) is True
        assert totp.verify_and_get_timecode(totp.at(59), 119, 1) == 0
        image = "https://x.y/z.png"
        assert totp.provisioning_uri("bob", "X", image) == by_name.provisioning_uri(
            name="bob", issuer_name="X", image=image
        )
        assert totp.provisioning_uri("bob", "X", None) == totp.provisioning_uri("bob", "X")
        hotp = ours.HOTP(SECRET, 6, None, "ana", "ACME", 3)
        assert hotp.initial_count == 3
        assert hotp.provisioning_uri("bob", 7, "X", image) == hotp.provisioning_uri(
            name="bob", initial_count=7, issuer_name="X", image=image
        )
        assert ours.OTP(SECRET, 7).digits == 7
        assert ours.OTP.int_to_bytestring(1, 4) == b"\0\0\0\1"
        steam = ours.contrib.Steam(SECRET, "ana", "ACME", 30, 5)
        assert (steam.name, steam.issuer) == ("ana", "ACME")

    @pytest.mark.parametrize("former", [*pyotp_suite.LEGACY, "2.12.1"])
    def test_every_call_of_a_version_can_be_made(self, former):
        """Each parameter is there, in its place, or after it by name."""
        former = older(former)
        for module in (ours, legacy):
            for path in (
                "OTP",
                "TOTP",
                "HOTP",
                "utils",
                "random_base32",
                "random_hex",
                "parse_uri",
            ):
                theirs, mine = getattr(former, path), getattr(module, path)
                functions = [(path, theirs)]
                if not inspect.isfunction(theirs):
                    functions = inspect.getmembers(theirs, inspect.isfunction)
                for name, function in functions:
                    if name in {"split", "quote", "urlencode", "urlparse"}:
                        continue
                    counterpart = mine if name == path else getattr(mine, name)
                    parameters = inspect.signature(counterpart).parameters
                    for place, (known, parameter) in enumerate(
                        inspect.signature(function).parameters.items()
                    ):
                        assert known in parameters, (path, name, known)
                        if parameter.kind is inspect.Parameter.POSITIONAL_OR_KEYWORD:
                            assert list(parameters)[place] == known, (path, name, known)


class TestMinimumLength:
    """PyOTP 2.12.1: a class may have its own."""

    @given(bits=st.sampled_from([0, 8, 80, 113, 128, 160]), length=st.integers(0, 25))
    def test_of_a_subclass(self, bits, length):
        secret = base64.b32encode(bytes(range(length))).decode()

        def call(module: Any) -> Any:
            class Own(module.TOTP):
                min_secret_length_bits = bits

            totp = Own(secret)
            return totp.at(59), totp.byte_secret(), module.TOTP.min_secret_length_bits

        assert outcome(call, ours) == outcome(call, theirs)

    def test_of_the_class_itself(self):
        for module in (ours, theirs):
            with patch.object(module.OTP, "min_secret_length_bits", 80):
                totp = module.TOTP(SHORT)
                assert totp.at(59) == legacy.TOTP(SHORT).at(59)


class TestPatches:
    """What tests of public code put in PyOTP's place."""

    @pytest.mark.parametrize(
        ("module", "names"),
        [
            ("otp", ["base64", "hashlib", "hmac"]),
            ("hotp", ["hashlib", "utils"]),
            ("totp", ["calendar", "datetime", "hashlib", "time", "utils"]),
            ("utils", ["quote", "urlencode", "urlparse", "unicodedata", "compare_digest"]),
            ("compat", ["SystemRandom", "random"]),
            ("contrib.steam", ["hashlib"]),
        ],
    )
    @pytest.mark.parametrize("root", ["lambdatotp.pyotp", "lambdatotp.pyotp.legacy"])
    def test_everything_that_pyotp_imports_is_there(self, root, module, names):
        __import__(f"{root}.{module}")
        found = sys.modules[f"{root}.{module}"]
        before = set(vars(found))
        for name in names:
            with patch.object(found, name) as patched:
                assert getattr(found, name) is patched
        assert set(vars(found)) - before <= {"random"}
        with pytest.raises(AttributeError, match="no attribute 'nothing'"):
            _ = found.nothing

    @pytest.mark.parametrize("module", [ours, legacy])
    def test_a_clock_of_2_9(self, module):
        totp = module.TOTP(SECRET)
        moment = datetime.datetime(2009, 2, 13, 23, 31, 30)  # noqa: DTZ001 - local time
        with patch.object(module.totp, "datetime") as patched:
            patched.datetime = type("Frozen", (datetime.datetime,), {"now": lambda: moment})
            assert totp.now() == totp.at(moment)
            assert totp.verify(totp.at(moment)) is True
        assert totp.verify(totp.at(moment)) is False

    def test_frozen_datetime(self):
        """As freezegun and others do: the class itself is replaced."""
        moment = datetime.datetime(2009, 2, 13, 23, 31, 30)  # noqa: DTZ001 - local time
        frozen = type("Frozen", (datetime.datetime,), {"now": lambda: moment})
        with patch("datetime.datetime", frozen):
            assert legacy.TOTP(SECRET).now() == ours.TOTP(SECRET).at(moment)

    @pytest.mark.parametrize("module", [ours, legacy])
    @pytest.mark.parametrize("equal", [True, False])
    def test_a_comparison(self, module, equal):
        totp, hotp = module.TOTP(SECRET), module.HOTP(SECRET)
        with patch("lambdatotp.pyotp.utils.strings_equal", return_value=equal):
            assert totp.verify("0", for_time=59) is equal
            assert totp.verify(totp.at(59), for_time=59) is equal
            assert hotp.verify("0", 1) is equal

    @pytest.mark.parametrize("module", [ours, legacy])
    def test_an_hmac(self, module):
        with patch.object(module.otp, "hmac") as patched:
            patched.new.return_value.digest_size = 20
            patched.new.return_value.digest.return_value = bytes(20)
            assert module.TOTP(SECRET).at(59) == "000000"
            assert module.HOTP(SECRET).at(1) == "000000"
        assert module.TOTP(SECRET).at(59) == "287082"

    @pytest.mark.parametrize("module", [ours, legacy])
    def test_a_quoting(self, module):
        with patch.object(module.utils, "quote", return_value="quoted"):
            assert "/quoted?" in module.TOTP(SECRET).provisioning_uri(name="ana")

    @pytest.mark.parametrize("module", [ours, legacy])
    def test_randomness(self, module):
        class Constant:
            def choice(self, chars):
                return chars[-1]

        with patch.object(module, "random", Constant()):
            assert module.random_base32() == "7" * 32
        with patch.object(module.compat, "random", Constant()):
            assert module.random_hex() == "9" * 40
        assert module.random_base32() != "7" * 32

    @pytest.mark.parametrize("module", [ours, legacy])
    def test_specifications(self, module):
        fake = create_autospec(module.TOTP)(SECRET)
        fake.verify.return_value = True
        assert fake.verify("123456", valid_window=1) is True
        with pytest.raises(AttributeError):
            _ = fake.nothing


def program(source, *arguments):
    command = [sys.executable, "-c", textwrap.dedent(source), *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.stderr == ""
    return done.stdout


class TestInstalled:
    """`import pyotp` in other people's packages."""

    @pytest.mark.parametrize("flag", ["False", "True"])
    def test_there_is_one_set_of_classes(self, flag):
        source = f"""
            import lambdatotp.pyotp
            lambdatotp.pyotp.install(legacy={flag})
            lambdatotp.pyotp.install(legacy={flag})
            import pyotp, pyotp.totp, pyotp.contrib.steam
            from pyotp.hotp import HOTP
            from pyotp import utils
            import lambdatotp.pyotp.legacy as legacy
            ours = legacy if {flag} else lambdatotp.pyotp
            print(pyotp is ours, pyotp.totp.TOTP is ours.TOTP is pyotp.TOTP, HOTP is ours.HOTP)
            print(pyotp.contrib.steam.Steam is ours.contrib.Steam, utils is ours.utils)
            from unittest.mock import patch
            with patch("pyotp.utils.strings_equal", return_value=True):
                print(pyotp.TOTP("{SECRET}").verify("0"))
        """
        assert program(source).split() == ["True"] * 6

    @pytest.mark.parametrize("first", ["import pyotp", "install(legacy=True)"])
    def test_not_over_another(self, first):
        source = f"""
            from lambdatotp.pyotp import install
            {first}
            try:
                install()
            except ImportError as error:
                print(error)
        """
        assert "is imported already: call install() before that" in program(source)

    def test_pickles_of_the_real_one(self):
        made = [
            theirs.TOTP(SECRET, digits=8, digest=hashlib.sha256, name="ana", interval=60),
            theirs.HOTP(SECRET, digest=hashlib.sha512, initial_count=3),
            theirs.TOTP(SECRET),
            theirs.contrib.Steam(SECRET),
        ]
        source = """
            import pickle, sys
            from lambdatotp.pyotp import install
            install()
            for otp in pickle.loads(bytes.fromhex(sys.argv[1])):
                print(otp.provisioning_uri(), otp.at(59))
        """
        expected = [f"{otp.provisioning_uri()} {otp.at(59)}" for otp in made]
        assert program(source, pickle.dumps(made).hex()).splitlines() == expected

    def test_a_program_and_its_arguments(self, tmp_path):
        (tmp_path / "beside.py").write_text("import pyotp\n")
        file = tmp_path / "program.py"
        file.write_text(
            "import sys, beside, pyotp\n"
            "print(__name__, pyotp.__name__, beside.pyotp is pyotp, *sys.argv[1:])\n"
        )
        run = [sys.executable, "-m", "lambdatotp.pyotp"]
        for flags, name in (([], ""), (["--legacy"], ".legacy")):
            done = subprocess.run(
                [*run, *flags, file, "--x", "y"], capture_output=True, text=True, check=False
            )
            assert done.stdout == f"__main__ lambdatotp.pyotp{name} True --x y\n"
        done = subprocess.run(
            [*run, "-m", "beside"], cwd=tmp_path, capture_output=True, text=True, check=False
        )
        assert (done.returncode, done.stderr) == (0, "")
