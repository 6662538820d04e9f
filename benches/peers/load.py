"""One process under load, as a service would be: `load.py '{"peer": ..., ...}'`.

Its own process, so that its CPU time and memory are its own. Prints JSON: latencies in
milliseconds, wall and CPU seconds, and memory in MiB.
"""

from __future__ import annotations

import asyncio
import json
import sys
import threading
import time
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator

SECRET = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"  # noqa: S105


def sync_peer(name: str) -> Any:
    """Make what is measured, by its name."""
    if name == "lambdatotp":
        import lambdatotp  # noqa: PLC0415

        return lambdatotp.Verifier()
    import boto3_peer  # noqa: PLC0415

    return boto3_peer.Safe() if name == "boto3" else boto3_peer.Plain()


@asynccontextmanager
async def async_peer(name: str) -> AsyncIterator[tuple[Any, Any]]:
    """Make what is measured under asyncio: its register and its verify."""
    if name == "lambdatotp":
        import lambdatotp  # noqa: PLC0415

        verifier = lambdatotp.Verifier()
        yield verifier.register_async, verifier.verify_async
        return
    import aiodynamo_peer  # noqa: PLC0415
    import aiohttp  # noqa: PLC0415
    from aiodynamo.http.aiohttp import AIOHTTP  # noqa: PLC0415

    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=64)) as session:
        peer = aiodynamo_peer.Safe(AIOHTTP(session))
        yield peer.register, peer.verify


def code_maker() -> Callable[[], str]:
    """Return what makes the code of the moment: the same work for every peer."""
    import pyotp  # noqa: PLC0415

    totp = pyotp.TOTP(SECRET)
    kept = [0.0, ""]

    def code() -> str:
        now = time.monotonic()
        if now - kept[0] > 1:  # type: ignore[operator]
            kept[:] = [now, totp.now()]
        return str(kept[1])

    return code


def memory(kind: str) -> float:
    """Read what this process holds right now (VmRSS), or held at most (VmHWM), in MiB."""
    status = Path("/proc/self/status").read_text(encoding="ascii")
    return int(status.split(f"{kind}:")[1].split()[0]) / 1024


class Clock:
    """Wall and CPU seconds since it was made, and the latencies in between."""

    def __init__(self) -> None:
        self.latencies: list[float] = []
        self.began, self.cpu = time.perf_counter(), time.process_time()

    @contextmanager
    def call(self) -> Iterator[None]:
        """Time one call."""
        began = time.perf_counter()
        yield
        self.latencies.append((time.perf_counter() - began) * 1000)

    def result(self) -> dict[str, Any]:
        """Say what was measured."""
        return {
            "latencies": [round(value, 4) for value in self.latencies],
            "wall": time.perf_counter() - self.began,
            "cpu": time.process_time() - self.cpu,
            "peak": memory("VmHWM"),
        }


def in_threads(plan: dict[str, Any]) -> dict[str, Any]:
    """Have each thread work through its share of the users."""
    peer, code = sync_peer(plan["peer"]), code_maker()
    if plan["operation"] == "register":

        def call(user: str) -> None:
            assert peer.register(user)  # noqa: S101
    else:

        def call(user: str) -> None:
            assert peer.verify(user, code())  # noqa: S101

    users, workers = plan["users"], plan["workers"]
    for user in plan["warm"]:
        call(user)
    clock = Clock()

    def work(share: list[str]) -> None:
        for user in share:
            with clock.call():
                call(user)

    threads = [
        threading.Thread(target=work, args=(users[first::workers],)) for first in range(workers)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return clock.result()


async def in_tasks(plan: dict[str, Any]) -> dict[str, Any]:
    """Have each task work through its share of the users."""
    code = code_maker()
    async with async_peer(plan["peer"]) as (register, verify):

        async def call(user: str) -> None:
            if plan["operation"] == "register":
                assert await register(user)  # noqa: S101
            else:
                assert await verify(user, code())  # noqa: S101

        for user in plan["warm"]:
            await call(user)
        clock = Clock()

        async def work(share: list[str]) -> None:
            for user in share:
                with clock.call():
                    await call(user)

        users, workers = plan["users"], plan["workers"]
        await asyncio.gather(*(work(users[first::workers]) for first in range(workers)))
        return clock.result()


def memory_over(plan: dict[str, Any]) -> dict[str, Any]:
    """Verify again and again, and look at the memory now and then."""
    peer, code = sync_peer(plan["peer"]), code_maker()
    taken = []
    done = 0
    for checkpoint in plan["checkpoints"]:
        while done < checkpoint:
            assert peer.verify("ana@example.com", code())  # noqa: S101
            done += 1
        taken.append([checkpoint, memory("VmRSS")])
    return {"memory": taken}


def main() -> None:
    """Do as the plan says."""
    plan = json.loads(sys.argv[1])
    if plan.get("file"):
        plan |= json.loads(Path(plan["file"]).read_text(encoding="utf-8"))
    if plan["mode"] == "memory":
        result = memory_over(plan)
    elif plan["mode"] == "asyncio":
        result = asyncio.run(in_tasks(plan))
    else:
        result = in_threads(plan)
    print(json.dumps(result))


if __name__ == "__main__":
    main()
