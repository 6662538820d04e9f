"""Awaiting, under asyncio.run as users write it."""

from __future__ import annotations

import asyncio
import inspect
import os
import socket
import subprocess
import sys
import textwrap
import threading
import uuid

import lambdatotp
import pytest
import uvloop

from tests.python.support.codes import code_of, wrong_code


def test_the_module_functions_await(engine, monkeypatch):
    for name, value in engine.environment().items():
        monkeypatch.setenv(name, value)
    enrollment = asyncio.run(lambdatotp.register_async("ana"))
    assert isinstance(enrollment, lambdatotp.Enrollment)
    code = code_of(enrollment)
    assert asyncio.run(lambdatotp.verify_async("ana", code)) is True
    assert asyncio.run(lambdatotp.verify_async("ana", code)) is False
    assert lambdatotp.verify("ana", code) is False
    assert asyncio.run(lambdatotp.delete_async("ana")) is None
    with pytest.raises(lambdatotp.UserNotFoundError):
        asyncio.run(lambdatotp.verify_async("ana", code))
    secret = lambdatotp.Secret.generate()
    assert asyncio.run(lambdatotp.register_async("ana", secret=secret)).secret == secret.base32


def test_they_are_coroutine_functions():
    for function in (
        lambdatotp.register_async,
        lambdatotp.verify_async,
        lambdatotp.delete_async,
        lambdatotp.Verifier.register_async,
        lambdatotp.Verifier.verify_async,
        lambdatotp.Verifier.delete_async,
    ):
        assert inspect.iscoroutinefunction(function)


def test_a_thousand_at_once(engine):
    # A build without optimization, on a machine that has other things to do.
    verifier = engine.verifier(burst=100, timeout=60, window=4)

    async def all_of_them() -> tuple[int, int]:
        users = [f"user-{n}" for n in range(250)]
        enrolled = await asyncio.gather(*map(verifier.register_async, users))
        calls = [
            verifier.verify_async(user, code)
            for user, enrollment in zip(users, enrolled, strict=True)
            for code in (code_of(enrollment), *[wrong_code(enrollment)] * 3)
        ]
        verdicts = await asyncio.gather(*calls)
        return len(verdicts), sum(verdicts)

    assert asyncio.run(all_of_them()) == (1000, 250)


def test_the_loop_stays_responsive(engine):
    verifier = engine.verifier()
    enrollment = verifier.register("ana")

    async def both() -> bool:
        ticks = 0

        async def tick() -> None:
            nonlocal ticks
            while True:
                await asyncio.sleep(0)
                ticks += 1

        ticking = asyncio.create_task(tick())
        verdict = await verifier.verify_async("ana", code_of(enrollment))
        ticking.cancel()
        return verdict and ticks > 0

    assert asyncio.run(both()) is True


def test_cancelling_breaks_nothing(engine):
    verifier = engine.verifier(burst=100)
    enrollment = verifier.register("ana")

    cancelled = []

    async def cancel_many() -> None:
        for delay in range(20):
            task = asyncio.create_task(verifier.verify_async("ana", wrong_code(enrollment)))
            for _ in range(delay):
                await asyncio.sleep(0)
            # Or it is done already.
            if task.cancel():
                with pytest.raises(asyncio.CancelledError):
                    await task
                cancelled.append(delay)
        with pytest.raises(asyncio.TimeoutError):
            await asyncio.wait_for(verifier.verify_async("ana", wrong_code(enrollment)), 0)

    asyncio.run(cancel_many())
    assert 0 in cancelled
    assert verifier.verify("ana", code_of(enrollment)) is True


def test_several_loops_and_plain_threads_share_a_verifier(engine):
    verifier = engine.verifier()
    results = []

    def with_a_loop(user: str) -> None:
        results.append(asyncio.run(verifier.register_async(user)).user)

    def without(user: str) -> None:
        results.append(verifier.register(user).user)

    users = [f"user-{n}" for n in range(16)]
    threads = [
        threading.Thread(target=with_a_loop if n % 2 else without, args=(user,))
        for n, user in enumerate(users)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert sorted(results) == sorted(users)


def test_leaving_with_calls_under_way_is_quiet():
    program = """
        import asyncio, socket, lambdatotp
        silent = socket.create_server(("127.0.0.1", 0))  # accepts, and never answers
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        verifier = lambdatotp.Verifier(endpoint_url=url)

        async def main():
            calls = [asyncio.ensure_future(verifier.verify_async("a", "123456")) for _ in range(9)]
            await asyncio.sleep(0.1)
            print("left", sum(call.done() for call in calls))

        asyncio.run(main())
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(program)],
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "left 0\n", "")


class NoReader(asyncio.SelectorEventLoop):
    """A loop that cannot watch sockets, as Windows' default one."""

    def add_reader(self, *_):
        raise NotImplementedError


class TestLoops:
    @pytest.mark.parametrize("new_loop", [asyncio.new_event_loop, uvloop.new_event_loop, NoReader])
    def test_of_every_kind(self, new_loop):
        verifier = lambdatotp.Verifier(embedded=":memory:", table_name=uuid.uuid4().hex)

        async def main():
            enrolled = await asyncio.gather(*(verifier.register_async(f"u{n}") for n in range(50)))
            with pytest.raises(lambdatotp.UserExistsError):
                await verifier.register_async("u0")
            verdicts = [
                verifier.verify_async(f"u{n}", code_of(enrollment))
                for n, enrollment in enumerate(enrolled)
            ]
            return await asyncio.gather(*verdicts)

        loop = new_loop()
        try:
            assert loop.run_until_complete(main()) == [True] * 50
        finally:
            loop.close()

    def test_one_loop_used_again_and_again(self):
        verifier = lambdatotp.Verifier(embedded=":memory:", table_name=uuid.uuid4().hex)
        loop = asyncio.new_event_loop()
        try:
            for n in range(5):
                loop.run_until_complete(verifier.register_async(f"user{n}"))
        finally:
            loop.close()

    def test_closed_ones_leave_no_sockets_behind(self, silent_server):
        verifier = lambdatotp.Verifier(embedded=":memory:", table_name=uuid.uuid4().hex)
        waiting = lambdatotp.Verifier(
            endpoint_url=silent_server.url, timeout=60, attempt_timeout=60
        )

        def use():
            loop = asyncio.new_event_loop()
            # Under way when its loop is closed.
            task = loop.create_task(waiting.status_async("ana"))
            task._log_destroy_pending = False
            loop.run_until_complete(verifier.register_async(uuid.uuid4().hex))
            loop.close()

        def sockets():
            return len(os.listdir("/dev/fd"))  # noqa: PTH208 - names alone

        use()
        before = sockets()
        for _ in range(300):
            use()
        # No more than the connections of 64 calls to the server, and the last loop's.
        assert sockets() < before + 80

    def test_in_development_mode(self):
        program = """
            import asyncio, lambdatotp
            verifier = lambdatotp.Verifier(embedded=":memory:")
            for n in range(3):
                asyncio.run(verifier.register_async(f"ana{n}"), debug=True)
            print("done")
        """
        done = subprocess.run(
            [sys.executable, "-X", "dev", "-W", "error", "-c", textwrap.dedent(program)],
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert (done.returncode, done.stdout, done.stderr) == (0, "done\n", "")


def test_cancelling_ends_the_request(silent_server):
    verifier = lambdatotp.Verifier(endpoint_url=silent_server.url, timeout=60, attempt_timeout=60)

    async def main():
        call = asyncio.ensure_future(verifier.status_async("ana"))
        connection = await asyncio.to_thread(silent_server.accept)
        begin = await asyncio.to_thread(connection.recv, 4)
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call
        with connection:
            return begin + await asyncio.to_thread(read_to_the_end, connection)

    assert asyncio.run(main()).startswith(b"POST")


def read_to_the_end(connection):
    """Read until the other side closes, and fail long before the call's own time is over."""
    connection.settimeout(20)
    read = b""
    while more := connection.recv(65536):
        read += more
    return read


class Silent:
    """A server that answers nobody."""

    def __init__(self):
        self.socket = socket.create_server(("127.0.0.1", 0), backlog=500)
        self.url = f"http://127.0.0.1:{self.socket.getsockname()[1]}"

    def accept(self):
        self.socket.settimeout(20)
        return self.socket.accept()[0]


@pytest.fixture
def silent_server():
    server = Silent()
    with server.socket:
        yield server
