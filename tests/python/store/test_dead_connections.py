"""Connections that died while they were kept: no login fails for them.

What the network does to idle connections, to real ones in front of DynamoDB Local: a NAT
gateway forgets them, a firewall answers with a reset, a fail-over or a restart closes them.
"""

from __future__ import annotations

import asyncio
import signal
import threading

import lambdatotp
import pytest

from tests.python.support.codes import LEGACY, legacy_code
from tests.python.support.patient_server import patient_server
from tests.python.support.wire import CLOSE, CLOSE_ON_USE, DROP, RESET, RESET_ON_USE, wire

# Short enough to wait for once.
ATTEMPT_SECONDS = 1.5
IN_A_ROW = 8
# How long the server below keeps an idle connection.
IDLE_SECONDS = 0.3


@pytest.fixture
def engine(local_engine):
    return local_engine


@pytest.fixture
def front(engine):
    with wire(engine.settings["endpoint_url"]) as front:
        yield front


class Sync:
    """Calls of a pool of threads, as in a web server."""

    def __init__(self, verifier):
        self.verifier = verifier

    def status(self, users):
        return at_once([lambda user=user: self.verifier.status(user) for user in users])

    def log_in(self, users):
        code = legacy_code()
        return at_once([lambda user=user: self.verifier.verify(user, code) for user in users])


class Async:
    """Calls of tasks of one loop."""

    def __init__(self, verifier):
        self.verifier = verifier

    def status(self, users):
        return self.all(self.verifier.status_async, [(user,) for user in users])

    def log_in(self, users):
        code = legacy_code()
        return self.all(self.verifier.verify_async, [(user, code) for user in users])

    @staticmethod
    def all(call, arguments):
        async def wait():
            calls = [call(*each) for each in arguments]
            return await asyncio.gather(*calls, return_exceptions=True)

        return asyncio.run(wait())


def at_once(calls):
    if len(calls) == 1:
        return [calls[0]()]
    results = [None] * len(calls)

    def run(number):
        try:
            results[number] = calls[number]()
        except lambdatotp.LambdaTotpError as error:
            results[number] = error

    threads = [threading.Thread(target=run, args=(number,)) for number in range(len(calls))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results


@pytest.fixture(params=[Sync, Async])
def way(request, engine, front):
    """With more patience than a busy machine needs."""
    return request.param(engine.verifier(endpoint_url=front.url, attempt_timeout=10, timeout=60))


@pytest.fixture(params=[Sync, Async])
def hasty(request, engine, front):
    return request.param(
        engine.verifier(endpoint_url=front.url, attempt_timeout=ATTEMPT_SECONDS, timeout=60)
    )


def enroll(engine, count):
    users = [f"user{number}" for number in range(count)]
    for user in users:
        engine.put(user, secret=LEGACY)
    return users


def keep(front, way, count):
    """Have so many connections open and idle."""
    for _ in range(5):
        front.gather(count)
        way.status(["user0"] * count)
        # On a busy machine one of so many may take too long, and that ends them all; or one
        # more is opened, while one that is there is not ready yet.
        if front.alive() == count:
            return
        if front.alive() > count:
            front.doom(RESET)
            front.until(lambda: not front.doomed)
    pytest.fail(f"{front.alive()} connections, not {count}")


@pytest.mark.parametrize("count", [1, 25, 60])
@pytest.mark.parametrize("fate", [RESET, RESET_ON_USE, CLOSE, CLOSE_ON_USE])
def test_connections_that_were_reset_or_closed(engine, front, way, fate, count):
    users = enroll(engine, IN_A_ROW + count)
    keep(front, way, count)
    front.doom(fate)
    # One after another: the first of them learns it for all.
    for user in users[:IN_A_ROW]:
        assert way.log_in([user]) == [True]
    assert front.wasted <= 1
    keep(front, way, count)
    front.doom(fate)
    assert way.log_in(users[IN_A_ROW:]) == [True] * count


@pytest.mark.parametrize("count", [1, 25, 60])
def test_connections_that_are_silently_forgotten(engine, front, hasty, count):
    users = enroll(engine, IN_A_ROW)
    keep(front, hasty, count)
    front.doom(DROP)
    for user in users:
        assert hasty.log_in([user]) == [True]
    # One attempt has waited in vain, and all others are closed with it.
    assert front.wasted == 1
    front.until(lambda: not front.doomed)


def test_many_at_once_when_connections_are_silently_forgotten(engine, front, hasty):
    count = 25
    users = enroll(engine, count)
    keep(front, hasty, count)
    front.doom(DROP)
    assert hasty.log_in(users) == [True] * count
    assert front.wasted <= count


def test_a_caller_who_gives_up_first(engine, front):
    """The next one does not find the next dead connection."""
    users = enroll(engine, 2)
    patient = Sync(engine.verifier(endpoint_url=front.url, attempt_timeout=60, timeout=0.5))
    keep(front, patient, 5)
    front.doom(DROP)
    with pytest.raises(lambdatotp.StoreUnavailableError, match=r"no answer within 0\.5 s"):
        patient.log_in(users[:1])
    assert patient.log_in(users[1:]) == [True]
    front.until(lambda: not front.doomed)


class TestAServerOfItsOwn:
    """Killed and started again, or stopped for longer than it keeps idle connections."""

    @pytest.fixture
    def server(self, engine):
        with patient_server(engine.settings["endpoint_url"]) as server:
            yield server

    @pytest.fixture
    def front(self, server):
        with wire(server.url) as front:
            yield front

    @pytest.mark.parametrize("count", [1, 25, 60])
    def test_a_restart(self, engine, server, front, way, count):
        users = enroll(engine, IN_A_ROW + count)
        keep(front, way, count)
        server.kill()
        server.start()
        for user in users[:IN_A_ROW]:
            assert way.log_in([user]) == [True]
        assert way.log_in(users[IN_A_ROW:]) == [True] * count

    @pytest.mark.parametrize("count", [1, 25, 60])
    def test_a_stop_beyond_its_idle_limit(self, engine, server, front, way, count):
        users = enroll(engine, count)
        keep(front, way, count)
        server.signal(signal.SIGSTOP)
        so_far = front.requests
        results = []
        logins = threading.Thread(target=lambda: results.extend(way.log_in(users)))
        logins.start()
        front.until(lambda: front.requests >= so_far + count)
        server.signal(signal.SIGCONT)
        logins.join()
        assert results == [True] * count
