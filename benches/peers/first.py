"""A fresh process up to its first verified code: `first.py PEER USER CODE BEGAN`.

Prints milliseconds since BEGAN (of the same clock) at the end of each step, then CPU
milliseconds and peak memory in KiB. Imports nothing that the peer does not.
"""

import sys
import time

peer, user, code, began = sys.argv[1:]
steps = []


def step() -> None:
    """Note the time: one step is done."""
    steps.append((time.perf_counter() - float(began)) * 1000)


if peer == "lambdatotp":
    import lambdatotp

    step()
    verifier = lambdatotp.Verifier()
    step()
    assert verifier.verify(user, code)  # noqa: S101
elif peer == "aiodynamo":
    import asyncio

    import aiodynamo_peer
    import httpx
    from aiodynamo.http.httpx import HTTPX

    step()

    async def first() -> None:
        """Open a client, and verify."""
        async with httpx.AsyncClient() as client:
            safe = aiodynamo_peer.Safe(HTTPX(client))
            step()
            assert await safe.verify(user, code)  # noqa: S101

    asyncio.run(first())
elif peer != "python":
    import boto3_peer

    step()
    made = boto3_peer.Safe() if peer == "boto3" else boto3_peer.Plain()
    step()
    assert made.verify(user, code)  # noqa: S101
step()
steps += [steps[-1]] * (3 - len(steps))
with open("/proc/self/status", encoding="ascii") as status:  # noqa: PTH123 - pathlib is slow
    peak = status.read().split("VmHWM:")[1].split()[0]
print(*steps, time.process_time() * 1000, peak)
