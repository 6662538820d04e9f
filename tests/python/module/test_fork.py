"""After fork(): it works, or it says why not; it never hangs."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import textwrap
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import TYPE_CHECKING

import lambdatotp
import pytest

from tests.python.support.codes import code_of, wrong_code

if TYPE_CHECKING:
    from collections.abc import Callable

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="fork() is Unix's")

SECONDS = 30


def in_child(call: Callable[[], str]) -> str:
    """What `call` returns in a forked child; fails rather than wait for ever."""
    read_end, write_end = os.pipe()
    child = os.fork()
    if child == 0:
        signal.alarm(SECONDS)  # a hung child dies of it
        try:
            result = call()
        except BaseException as error:  # noqa: BLE001 - reported to the parent
            result = f"{type(error).__name__}: {error}"
        os.write(write_end, result.encode())
        os._exit(0)
    os.close(write_end)
    with os.fdopen(read_end) as pipe:
        result = pipe.read()
    _, status = os.waitpid(child, 0)
    assert status == 0, f"the child ended with {status}"
    return result


@pytest.fixture
def shared_engine(local_engine):
    """DynamoDB itself: the embedded engine does not cross a fork."""
    return local_engine


def test_a_child_uses_its_parents_verifier(shared_engine):
    verifier = shared_engine.verifier()
    enrollment = verifier.register("ana")  # connects, in the parent
    code = code_of(enrollment)
    assert in_child(lambda: str(verifier.verify("ana", code))) == "True"
    # The parent's connections still work, and see what the child did.
    assert verifier.verify("ana", code) is False
    assert in_child(lambda: str(verifier.verify("ana", code))) == "False"


def test_a_child_awaits_after_its_parent_did(shared_engine):
    # A child that used the connection of its parent would wait, and could not try again.
    verifier = shared_engine.verifier(attempt_timeout=25, timeout=5)
    enrollment = asyncio.run(verifier.register_async("ana"))
    code = code_of(enrollment)
    assert in_child(lambda: str(asyncio.run(verifier.verify_async("ana", code)))) == "True"
    assert asyncio.run(verifier.verify_async("ana", code)) is False


def test_children_of_a_parent_with_calls_under_way(shared_engine):
    verifier = shared_engine.verifier(burst=100)
    enrollment = verifier.register("busy")
    wrong = wrong_code(enrollment)
    stop = threading.Event()

    def keep_busy() -> None:
        while not stop.is_set():
            with suppress(lambdatotp.TooManyAttemptsError, lambdatotp.LockedError):
                verifier.verify("busy", wrong)

    with ThreadPoolExecutor(4) as pool:
        for _ in range(4):
            pool.submit(keep_busy)
        try:
            for n in range(10):
                assert in_child(lambda n=n: verifier.register(f"user-{n}").user) == f"user-{n}"
        finally:
            stop.set()


def test_grandchildren(shared_engine):
    verifier = shared_engine.verifier()
    verifier.register("parent")

    def child() -> str:
        verifier.register("child")
        return in_child(lambda: verifier.register("grandchild").user)

    assert in_child(child) == "grandchild"
    assert all(shared_engine.get(user) for user in ("parent", "child", "grandchild"))


@pytest.mark.parametrize("name", ["memory", "file"])
def test_an_embedded_table_does_not_cross_a_fork(make_engine, name):
    """Neither do its locks; a copy in memory would accept each code once more."""
    engine = make_engine(name)
    verifier = engine.verifier()
    enrollment = verifier.register("ana")
    code = code_of(enrollment)
    refused = in_child(lambda: str(verifier.verify("ana", code)))
    assert refused.startswith("ConfigurationError: the embedded table was open when")
    assert in_child(lambda: in_child(lambda: str(verifier.verify("ana", code)))) == refused
    assert verifier.verify("ana", code) is True


def test_an_embedded_table_opened_after_the_fork(tmp_path):
    """As gunicorn's workers do: each opens the file itself."""
    program = """
        import os, sys, lambdatotp
        verifier = lambdatotp.Verifier(embedded=sys.argv[1])
        for n in range(4):
            if os.fork() == 0:
                # In one piece: the others write to the same pipe.
                os.write(1, f"{verifier.register(f'user-{n}').user}\\n".encode())
                os._exit(0)
        for _ in range(4):
            os.wait()
    """
    command = [sys.executable, "-c", textwrap.dedent(program), tmp_path / "users.db"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert sorted(done.stdout.split()) == ["user-0", "user-1", "user-2", "user-3"]


def test_secrets_of_children_differ():
    secrets = {in_child(lambda: lambdatotp.Secret.generate().base32) for _ in range(20)}
    assert len(secrets) == 20
