"""A panic inside the module becomes an `InternalError`, wherever it comes from."""

from __future__ import annotations

import asyncio
import functools
import inspect
import logging
import re
import subprocess
import sys
from contextlib import suppress
from types import BuiltinFunctionType, GetSetDescriptorType

import lambdatotp
import pytest
from lambdatotp import _lambdatotp

from tests.python.support import ROOT
from tests.python.support.codes import code_of

# Of the panic that these tests order: no message, log or output may hold it.
PAYLOAD = re.compile("injected, with|JBSWY3DP")

# Only `__eq__` is ours of the comparisons, and `__ne__` is made of it.
NOT_OURS = {"__lt__", "__le__", "__gt__", "__ge__", "__doc__", "__hash__", "__module__"}


# What is written by hand in the classes whose properties are fields.
OURS_OF_PLAIN = {
    "Pending": {"__new__", "__repr__"},
    "UserState": {"__new__"},
}


@functools.cache
def things():
    """One of each native class, and whatever functions want to be given, by its name."""
    verifier = lambdatotp.Verifier(embedded=":memory:", table_name="panics")
    enrollment = verifier.register("walker")
    secret = lambdatotp.Secret.generate()
    state = _lambdatotp.UserState()
    pending = _lambdatotp.Pending(lambdatotp.Totp(secret), 1)
    stored = _lambdatotp.StoredUser("ana", lambdatotp.Totp(secret), state)
    instances = [
        state,
        pending,
        stored,
        verifier,
        enrollment,
        secret,
        lambdatotp.Totp(secret),
        lambdatotp.Hotp(secret),
        lambdatotp.KeyUri(secret, "ana"),
        verifier.check("walker", "000000"),
        verifier.status("walker"),
        _lambdatotp._pyotp_key("A" * 32, 1),
    ]
    given = {
        "_memo": {},
        "_protocol": 4,
        "account_name": "ana",
        "after": None,
        "algorithm": 1,
        "at": ":memory:",
        "base32": "A" * 32,
        "body": "{}",
        "budget": (False, 1, 1, 0),
        "chars": "",
        "code": "123456",
        "count": 1,
        "counter": 1,
        "digits": 6,
        "enrollment_id": None,
        "expires_at": 1,
        "for_time": 1,
        "interval": 30,
        "issuer": "ACME",
        "keys": [],
        "left": (None, None),
        "length": 1,
        "life": (None, None, None, None, 1),
        "limit": 1,
        "name": "k1",
        "offset": 0,
        "operation": "Scan",
        "otp": "123456",
        "outcome": "accepted",
        "period": 30,
        "raw": b"1" * 20,
        "_verification.code": (None, False),
        "replicas": [],
        "rest": (None, 1, None, None, 30, None),
        "secret": "A" * 32,
        "rows": 24,
        "segment": 0,
        "segments": 1,
        "step": 1,
        "table": "panics",
        "state": state,
        "text": "text",
        "totp": stored.totp,
        "unix_seconds": 1,
        "uri": "otpauth://totp/a?secret=" + "A" * 32,
        "user": "ana",
        "users": [stored],
        "value": secret,
        "verifier": verifier,
        "window": 1,
        "witness": None,
    }
    return {type(one).__mro__[-2].__name__: one for one in instances}, given


def call(function):
    """Call a function with what it must be given."""
    _, given = things()
    positional, named = [], {}
    for name, parameter in inspect.signature(function).parameters.items():
        if parameter.default is not parameter.empty:
            continue
        if parameter.kind is parameter.KEYWORD_ONLY:
            named[name] = given[name]
        else:
            positional.append(given.get(f"{function.__name__}.{name}", given[name]))
    return functools.partial(function, *positional, **named)


@functools.cache
def plain():
    """The classes of which PyO3 makes every property: they run no code of ours."""
    pattern = (
        r"#\[pyclass\(frozen, (?:get_all|eq)\b[^]]*\]\n(?:#.*\n)*"
        r"pub\([^)]*\) (?:struct|enum) (\w+)"
    )
    sources = [path.read_text() for path in (ROOT / "src/python").rglob("*.rs")]
    return {name for source in sources for name in re.findall(pattern, source)}


def natives():
    """Every function, method, property and operator of the module, ready to be called."""
    instances, _ = things()
    for name, thing in vars(_lambdatotp).items():
        if isinstance(thing, BuiltinFunctionType):
            yield name, call(thing)
        elif isinstance(thing, type):
            for member, what in vars(thing).items():
                whole = f"{name}.{member}"
                if member in NOT_OURS or (
                    name in plain() and member not in OURS_OF_PLAIN.get(name, ())
                ):
                    continue
                if member == "__new__":
                    yield whole, call(thing)
                elif isinstance(what, GetSetDescriptorType):
                    yield whole, functools.partial(getattr, instances[name], member)
                elif member in {"__eq__", "__ne__"}:
                    one = instances[name]
                    yield whole, functools.partial(getattr(one, member), one)
                else:
                    yield whole, call(getattr(instances[name], member))


@pytest.fixture
def silent(caplog, capfd):
    """See that nothing says what the panic said, and that each was logged."""
    caplog.set_level(logging.NOTSET)
    yield caplog
    # No test that fails leaves its panic to the next one.
    with suppress(lambdatotp.InternalError):
        lambdatotp.qr_svg("text")
    written = capfd.readouterr()
    assert not PAYLOAD.search(written.out + written.err + caplog.text)


def test_every_native_call_is_guarded(silent):
    walked = []
    for name, native in natives():
        silent.clear()
        _lambdatotp._panic_next()
        with pytest.raises(lambdatotp.InternalError) as caught:
            native()
        walked.append(name)
        said = str(caught.value)
        assert re.fullmatch(r"internal error at src/\S+\.rs:\d+: this is a bug, .*", said), name
        assert [record.getMessage() for record in silent.records] == [said]
        assert silent.records[0].levelname == "ERROR"
    assert len(walked) > 100
    assert {"qr_png", "Verifier.__new__", "Secret.__eq__", "Totp.digits"} < set(walked)


def test_no_function_for_python_is_without_the_guard():
    """In the source, since that also has what other features build."""
    attribute = re.compile(r"^( *)#\[(pyfunction|pymethods)\b", re.MULTILINE)
    found = 0
    for path in sorted((ROOT / "src").rglob("*.rs")):
        text = path.read_text()
        for place in attribute.finditer(text):
            found += 1
            before = text[: place.start()].splitlines()[-1].strip()
            assert before == "#[guarded]", f"{path}: {place[0]}"
        for place in re.finditer(r"^impl.* FromPyObject<", text, re.MULTILINE):
            before = text[: place.start()].splitlines()[-1].strip()
            assert before == "#[guarded]", f"{path}: {place[0]}"
    assert found > 20


def test_a_future_that_panics(engine, silent):
    verifier = engine.verifier()
    enrollment = verifier.register("ana")
    _lambdatotp._panic_next(in_future=True)
    with pytest.raises(lambdatotp.InternalError, match="internal error at src/"):
        verifier.verify("ana", code_of(enrollment))
    assert len(silent.records) == 1
    # It works on.
    assert verifier.verify("ana", code_of(enrollment)) is True


def test_an_awaitable_that_panics(engine, silent):
    verifier = engine.verifier()
    enrollment = verifier.register("ana")

    async def both() -> bool:
        _lambdatotp._panic_next(in_future=True)
        with pytest.raises(lambdatotp.InternalError, match="internal error at src/"):
            await verifier.verify_async("ana", code_of(enrollment))
        return await verifier.verify_async("ana", code_of(enrollment))

    assert asyncio.run(both()) is True
    assert len([one for one in silent.records if one.name == "lambdatotp"]) == 1


def test_it_is_an_error_that_programs_catch():
    assert issubclass(lambdatotp.InternalError, lambdatotp.LambdaTotpError)
    assert not issubclass(lambdatotp.InternalError, ValueError)


def test_the_command_line_says_it_in_a_line():
    program = """
import sys
from lambdatotp import _lambdatotp
from lambdatotp.__main__ import main
_lambdatotp._panic_next(in_future=True)
sys.argv = ["lambdatotp", "verify", "ana", "123456", "--embedded", ":memory:"]
main()
"""
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 3
    assert done.stdout == ""
    assert re.fullmatch(
        r"lambdatotp: internal error at src/\S+\.rs:\d+: this is a bug, please report it\n",
        done.stderr,
    )
