"""Signals during a call on an endpoint that never answers: calls here may take ten minutes."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import textwrap
from contextlib import contextmanager

import pytest

# What the tests wait for, none of which takes a second.
SECONDS = 60
ANSWER = json.dumps({"__type": "x#AccessDeniedException", "message": "no"}).encode()
REPLY = (
    b"HTTP/1.1 400 Bad Request\r\ncontent-type: application/x-amz-json-1.0\r\n"
    b"content-length: %d\r\n\r\n%b" % (len(ANSWER), ANSWER)
)

PRELUDE = r"""
    import asyncio, os, signal, sys, threading, lambdatotp

    def say(text):
        # Unlike print, it may be interrupted by a handler that does the same.
        os.write(1, f"{text}\n".encode())

    slow = {"timeout": 600, "attempt_timeout": 600}
    verifier = lambdatotp.Verifier(endpoint_url=sys.argv[1], **slow)
"""


class Endpoint:
    """Takes requests, and answers when it is told to."""

    def __init__(self) -> None:
        self.server = socket.create_server(("127.0.0.1", 0))
        self.server.settimeout(SECONDS)
        self.url = f"http://127.0.0.1:{self.server.getsockname()[1]}"

    @contextmanager
    def request(self):
        """The next request, once it is here."""
        connection, _ = self.server.accept()
        with connection:
            connection.settimeout(SECONDS)
            received = b""
            while b"\r\n\r\n" not in received:
                received += connection.recv(65536)
            yield connection


@pytest.fixture
def endpoint():
    endpoint = Endpoint()
    yield endpoint
    endpoint.server.close()


@pytest.fixture
def start():
    """Run a program that calls the endpoint."""
    started = []

    def start(*command, **variables):
        process = subprocess.Popen(
            command,
            env={**os.environ, **variables},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        started.append(process)
        return process

    yield start
    for process in started:
        process.kill()
        process.communicate()


@pytest.fixture
def program(start, endpoint):
    def run(text):
        text = textwrap.dedent(PRELUDE) + textwrap.dedent(text)
        return start(sys.executable, "-c", text, endpoint.url)

    return run


def ended(process):
    out, err = process.communicate(timeout=SECONDS)
    assert err == ""
    assert process.returncode == 0
    return out.splitlines()


def test_ctrl_c_ends_the_call_where_it_was_made(program, endpoint):
    process = program("""
        try:
            verifier.verify("ana", "123456")
        except KeyboardInterrupt:
            say("interrupted")
        # The verifier works on.
        try:
            verifier.verify("ana", "123456")
        except lambdatotp.ConfigurationError:
            say("answered")
    """)
    with endpoint.request():
        process.send_signal(signal.SIGINT)
        assert process.stdout.readline() == "interrupted\n"
        with endpoint.request() as second:
            second.sendall(REPLY)
            assert ended(process) == ["answered"]


def test_an_alarm_rings_in_time(program, endpoint):
    process = program("""
        def ring(number, frame):
            raise TimeoutError("rang")

        signal.signal(signal.SIGALRM, ring)
        signal.alarm(1)
        try:
            verifier.verify("ana", "123456")
        except TimeoutError as error:
            say(error)
    """)
    with endpoint.request():
        assert ended(process) == ["rang"]


def test_a_handler_that_does_not_raise_leaves_the_call_alone(program, endpoint):
    process = program("""
        signal.signal(signal.SIGUSR1, lambda *_: say("handled"))
        try:
            verifier.verify("ana", "123456")
        except lambdatotp.ConfigurationError:
            say("answered")
    """)
    with endpoint.request() as connection:
        for _ in range(3):
            process.send_signal(signal.SIGUSR1)
            assert process.stdout.readline() == "handled\n"
        connection.sendall(REPLY)
        assert ended(process) == ["answered"]


def test_a_call_of_another_thread_is_left_alone(program, endpoint):
    """The main thread waits for it, and handles signals meanwhile, as it always did."""
    process = program("""
        finished = threading.Event()

        def call():
            try:
                verifier.verify("ana", "123456")
            except lambdatotp.ConfigurationError:
                say("answered")
            finished.set()

        threading.Thread(target=call).start()
        try:
            finished.wait()
        except KeyboardInterrupt:
            say("interrupted")
        finished.wait()
    """)
    with endpoint.request() as connection:
        process.send_signal(signal.SIGINT)
        assert process.stdout.readline() == "interrupted\n"
        connection.sendall(REPLY)
        assert ended(process) == ["answered"]


def test_calls_of_both_threads(program, endpoint):
    """Who drives the runtime may change, and no call is lost by it."""
    process = program("""
        def call():
            try:
                verifier.verify("ana", "123456")
            except lambdatotp.ConfigurationError:
                say("answered")

        thread = threading.Thread(target=call)
        thread.start()
        try:
            verifier.verify("bob", "123456")
        except KeyboardInterrupt:
            say("interrupted")
        thread.join()
    """)
    with endpoint.request() as first, endpoint.request() as second:
        process.send_signal(signal.SIGINT)
        assert process.stdout.readline() == "interrupted\n"
        for connection in (first, second):
            connection.sendall(REPLY)
        assert ended(process) == ["answered"]


def test_an_awaited_call_is_cancelled(program, endpoint):
    process = program("""
        async def main():
            try:
                await verifier.verify_async("ana", "123456")
            except asyncio.CancelledError:
                say("cancelled")
                raise

        try:
            asyncio.run(main())
        except KeyboardInterrupt:
            say("interrupted")
    """)
    with endpoint.request():
        process.send_signal(signal.SIGINT)
        assert ended(process)[-1] == "interrupted"


def test_the_command_line_ends_at_once(start, endpoint):
    process = start(
        *[sys.executable, "-m", "lambdatotp", "verify", "ana", "123456"],
        *["--endpoint-url", endpoint.url],
        LAMBDATOTP_TIMEOUT="600",
        LAMBDATOTP_ATTEMPT_TIMEOUT="600",
    )
    with endpoint.request():
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=SECONDS)
    assert (process.returncode, out, err.strip()) == (130, "", "lambdatotp: interrupted")
