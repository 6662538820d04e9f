"""A program that lets somebody in, again and again: `logins.py WAY TIMES`."""

import asyncio
import sys

from lambdatotp import Totp, Verifier

USER = "ana@example.com"
TOTP = Totp("GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ")  # the stub's


async def by_asyncio(verifier: Verifier, times: int) -> None:
    """Have the loop wait for each."""
    for _ in range(times):
        # A wrong code would take fewer requests.
        assert await verifier.verify_async(USER, TOTP.now())  # noqa: S101


way, times = sys.argv[1], int(sys.argv[2])
if way == "verify_async":
    asyncio.run(by_asyncio(Verifier(), times))
else:
    verifier = Verifier()
    for _ in range(times):
        assert verifier.verify(USER, TOTP.now())  # noqa: S101
