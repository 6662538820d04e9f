"""Native objects as Python's own tools treat them: copy, hash, pickle, asdict, await."""

from __future__ import annotations

import copy
import dataclasses
import pickle
import subprocess
import sys
import textwrap

import lambdatotp
import pytest

SECRET = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"
OTHER = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJA"

MAKERS = {
    "Secret": lambda secret, **_: lambdatotp.Secret(secret),
    "Totp": lambdatotp.Totp,
    "Hotp": lambdatotp.Hotp,
    "KeyUri": lambda secret, **other: lambdatotp.KeyUri(secret, "ana", **other),
}
NAMED = pytest.mark.parametrize("name", MAKERS)


@NAMED
def test_values(name):
    """Equal ones are one key of a dict; what differs in anything is another."""
    make = MAKERS[name]
    one, same = make(SECRET), make(lambdatotp.Secret(SECRET.lower()))
    assert one == same
    assert hash(one) == hash(same)
    assert {one: 1}[same] == 1
    others = [make(OTHER)]
    if name != "Secret":
        others += [make(SECRET, digits=8), make(SECRET, algorithm="SHA256")]
    if name in {"Totp", "KeyUri"}:
        others.append(make(SECRET, period=60))
    if name == "KeyUri":
        others += [make(SECRET, issuer="ACME"), make(SECRET, counter=0)]
        others.append(lambdatotp.KeyUri(SECRET, "bob"))
    assert len({one, *others}) == 1 + len(others)
    assert all(one != other for other in [*others, SECRET, None, 0])


@NAMED
def test_a_hash_tells_nothing(name):
    """It is keyed anew in each process: a stored or printed one cannot be searched for."""
    source = f"import lambdatotp; print(hash(lambdatotp.{name}('{SECRET}'{{}})))"
    source = source.format(", 'ana'" if name == "KeyUri" else "")
    command = [sys.executable, "-c", source]
    hashes = {subprocess.run(command, capture_output=True, check=True).stdout for _ in range(2)}
    assert len(hashes) == 2


@NAMED
def test_copies_are_the_object_itself(name):
    made = MAKERS[name](SECRET)
    assert copy.copy(made) is made
    assert copy.deepcopy(made) is made
    assert copy.deepcopy([made])[0] is made

    @dataclasses.dataclass
    class User:
        name: str
        factor: object

    assert dataclasses.asdict(User("ana", made)) == {"name": "ana", "factor": made}


@NAMED
def test_immutable(name):
    made = MAKERS[name](SECRET)
    for attribute in ("digits", "bits", "new"):
        with pytest.raises(AttributeError):
            setattr(made, attribute, 8)


@NAMED
def test_secrets_are_not_pickled(name):
    made = MAKERS[name](SECRET)
    for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
        with pytest.raises(TypeError, match=f"a {name} cannot be pickled.*in plaintext") as told:
            pickle.dumps({"user": made}, protocol)
        assert SECRET not in str(told.value)


def _shown(result):
    names = [name for name in dir(type(result)) if not name.startswith("_")]
    return {name: getattr(result, name) for name in names}


def test_results_are_pickled(make_engine):
    """Job queues and caches pass them on. Everything that they say arrives."""
    verifier = make_engine("memory").verifier(keys="k1:" + "A" * 43, enrollment_ttl=600)
    enrollment = verifier.register("ana", recovery_codes=2)
    results = [verifier.status("ana"), verifier.check("ana", enrollment.recovery_codes[0])]
    code = lambdatotp.Totp(enrollment.secret).now()
    results += [verifier.check("ana", code) for code in (code, code, "no code")]
    results.append(verifier.status("ana"))
    assert [r.outcome for r in results[1:-1]] == ["recovered", "accepted", "replayed", "rejected"]
    for result in results:
        for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
            twin = pickle.loads(pickle.dumps(result, protocol))
            assert type(twin) is type(result)
            assert (_shown(twin), repr(twin)) == (_shown(result), repr(result))
            if isinstance(result, lambdatotp.Verification):
                assert bool(twin) is bool(result)


def test_another_loop_than_asyncio():
    """Trio runs coroutines by themselves, as here."""
    coroutine = lambdatotp.Verifier(embedded=":memory:").verify_async("ana", "123456")
    with pytest.raises(RuntimeError, match="running asyncio event loop: under trio, call"):
        coroutine.send(None)


class TestUnloadable:
    """An interpreter that the native module cannot be loaded into."""

    def refused(self, prepare):
        source = textwrap.dedent(prepare) + textwrap.dedent("""
            try:
                import lambdatotp
            except ImportError as error:
                print(error)
        """)
        done = subprocess.run(
            [sys.executable, "-c", source], capture_output=True, text=True, check=False
        )
        assert done.stderr == ""
        return done.stdout

    NOTHING = """
        import sys
        class Nothing:
            def find_spec(self, name, path=None, target=None):
                if name == "lambdatotp._lambdatotp":
                    raise {error}
        sys.meta_path.insert(0, Nothing())
    """

    def test_free_threaded(self):
        free = """
            import sysconfig
            sysconfig.get_config_var = lambda name: name == "Py_GIL_DISABLED"
        """
        told = self.refused(textwrap.dedent(free) + textwrap.dedent(self.NOTHING).format(
            error="ModuleNotFoundError(name, name=name)"))  # fmt: skip
        assert told.startswith("lambdatotp has no build for free-threaded Python")

    def test_a_subinterpreter(self):
        error = 'ImportError("module x does not support loading in subinterpreters")'
        told = self.refused(textwrap.dedent(self.NOTHING).format(error=error))
        assert told.startswith("lambdatotp cannot be imported in a subinterpreter")

    def test_a_real_subinterpreter(self):
        interpreters = pytest.importorskip("_interpreters", reason="Python 3.13 and later")
        failed = interpreters.exec(interpreters.create(), "import lambdatotp")
        assert "cannot be imported in a subinterpreter" in failed.formatted

    def test_another_machine(self):
        error = 'ImportError("wrong ELF class")'
        told = self.refused(textwrap.dedent(self.NOTHING).format(error=error))
        assert "(wrong ELF class): install the package for this Python" in told
