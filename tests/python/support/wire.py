"""A TCP proxy whose connections can be reset, closed or silently forgotten."""

from __future__ import annotations

import asyncio
import socket
import struct
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

# What becomes of the connections that are open, when `Wire.doom` is called.
RESET = "reset"  # at once, by a RST
RESET_ON_USE = "reset on use"  # as a firewall does that has forgotten them
CLOSE = "close"  # at once, by a FIN
CLOSE_ON_USE = "close on use"  # as a server does that has just given up waiting
DROP = "drop"  # nothing is forwarded any more, and nobody is told

PATIENCE_SECONDS = 30


class _Side(asyncio.Protocol):
    """One end of a connection: hands on what it reads to the other end."""

    def __init__(self, wire: Wire) -> None:
        self.wire = wire
        self.other: _Side | None = None
        self.transport: asyncio.Transport | None = None
        self.waiting: list[bytes] = []

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        self.wire.ends.add(self)

    def data_received(self, data: bytes) -> None:
        if self.other is None or self.wire.gate:
            self.waiting.append(data)
        elif self.other.transport is not None:
            self.other.transport.write(data)

    def flush(self) -> None:
        waiting, self.waiting = self.waiting, []
        for data in waiting:
            self.data_received(data)

    def connection_lost(self, _: Exception | None) -> None:
        self.wire.ends.discard(self)
        if self.other is not None and self.other.transport is not None:
            self.other.transport.close()

    def reset(self) -> None:
        assert self.transport is not None
        linger = struct.pack("ii", 1, 0)
        end = self.transport.get_extra_info("socket")
        end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        self.transport.abort()


class _Client(_Side):
    """The end that a client has opened."""

    fate: str | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self.wire.clients.add(self)
        self.wire.accepted += 1
        self.wire.notify()
        asyncio.get_running_loop().create_task(self.reach_upstream())

    async def reach_upstream(self) -> None:
        upstream = _Side(self.wire)
        try:
            await asyncio.get_running_loop().create_connection(
                lambda: upstream, *self.wire.upstream
            )
        except OSError:
            self.reset()
            return
        upstream.other, self.other = self, upstream
        if self.wire.gate and self.wire.alive() >= self.wire.gate:
            self.wire.gate = 0
            for client in self.wire.clients:
                client.flush()
        self.flush()

    def data_received(self, data: bytes) -> None:
        if self.fate is None:
            self.wire.requests += 1
            self.wire.notify()
            super().data_received(data)
            return
        self.wire.wasted += 1
        self.wire.notify()
        if self.fate == RESET_ON_USE:
            self.reset()
        elif self.fate == CLOSE_ON_USE:
            assert self.transport is not None
            self.transport.close()

    def forget_upstream(self) -> None:
        if self.other is not None and self.other.transport is not None:
            self.other.other = None
            self.other.transport.close()
            self.other = None

    def connection_lost(self, error: Exception | None) -> None:
        super().connection_lost(error)
        self.wire.clients.discard(self)
        self.wire.doomed.discard(self)
        self.wire.notify()


class Wire:
    """Counts connections, and requests that meet a doomed one."""

    def __init__(self, upstream: str) -> None:
        parts = urlsplit(upstream)
        self.upstream = (parts.hostname or "127.0.0.1", parts.port or 80)
        self.accepted = 0
        self.requests = 0
        self.wasted = 0  # pieces sent on connections that lead nowhere
        self.gate = 0  # nothing is forwarded until so many connections are open
        self.ends: set[_Side] = set()
        self.clients: set[_Client] = set()
        self.doomed: set[_Client] = set()
        self.changed = threading.Condition()
        self.loop = asyncio.new_event_loop()
        self.url = ""

    def alive(self) -> int:
        """Count the open connections that lead somewhere."""
        return sum(client.fate is None for client in list(self.clients))

    def notify(self) -> None:
        with self.changed:
            self.changed.notify_all()

    def until(self, what: Callable[[], bool]) -> None:
        """Wait until something is so; it is looked at after each event."""
        with self.changed:
            assert self.changed.wait_for(what, PATIENCE_SECONDS)

    def _do(self, what: Callable[[], None]) -> None:
        done = threading.Event()

        def do() -> None:
            what()
            done.set()

        self.loop.call_soon_threadsafe(do)
        assert done.wait(PATIENCE_SECONDS)

    def gather(self, count: int) -> None:
        """Hold what is sent from now on back until so many connections are open."""

        def gather() -> None:
            self.gate = count if self.alive() < count else 0

        self._do(gather)

    def doom(self, fate: str) -> None:
        """Decide what becomes of the connections that are open now."""

        def doom() -> None:
            self.doomed = set(self.clients)
            for client in list(self.clients):
                client.fate = fate
                client.forget_upstream()
                if fate == RESET:
                    client.reset()
                elif fate == CLOSE:
                    assert client.transport is not None
                    client.transport.close()

        self._do(doom)

    async def run(self, ready: threading.Event, stop: asyncio.Event) -> None:
        server = await self.loop.create_server(lambda: _Client(self), "127.0.0.1", 0, backlog=256)
        self.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        ready.set()
        await stop.wait()
        server.close()
        while self.ends:
            for end in list(self.ends):
                end.reset()
            await asyncio.sleep(0)  # each learns of its end in a round of the loop


@contextmanager
def wire(upstream: str) -> Iterator[Wire]:
    """Run a proxy in front of an HTTP endpoint."""
    made = Wire(upstream)
    ready, stop = threading.Event(), asyncio.Event()
    work = made.run(ready, stop)
    thread = threading.Thread(target=made.loop.run_until_complete, args=(work,), daemon=True)
    thread.start()
    try:
        assert ready.wait(PATIENCE_SECONDS)
        yield made
    finally:
        made.loop.call_soon_threadsafe(stop.set)
        thread.join()
        made.loop.close()
