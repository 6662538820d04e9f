"""Awaiting, under asyncio.run as users write it."""

from __future__ import annotations

import asyncio
import inspect
import subprocess
import sys
import textwrap
import threading

import lambdatotp
import pytest

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

    async def cancel_many() -> None:
        for delay in range(20):
            task = asyncio.create_task(verifier.verify_async("ana", wrong_code(enrollment)))
            for _ in range(delay):
                await asyncio.sleep(0)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
        with pytest.raises(asyncio.TimeoutError):
            await asyncio.wait_for(verifier.verify_async("ana", wrong_code(enrollment)), 0)

    asyncio.run(cancel_many())
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
