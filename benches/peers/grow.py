"""Grow a table of the embedded engine, in memory: `grow.py '{"sizes": ..., "sample": ...}'`.

At each size prints a line of JSON: the latencies' median and the CPU time, by rounds.
"""

from __future__ import annotations

import json
import os
import sys
import time
from statistics import median

import lambdatotp
from lambdatotp import _lambdatotp

ROUNDS = 5
SECRET = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"  # noqa: S105


def put(user: str) -> None:
    """Write the item that `register` writes."""
    item = {
        "user_id": {"S": user},
        "secret": {"S": SECRET},
        "enrollment_id": {"S": os.urandom(11).hex()},
        "registered_at": {"N": "1700000000"},
    }
    body = json.dumps({"TableName": "grown", "Item": item})
    status, reply = _lambdatotp._embedded_call(  # noqa: SLF001 - the raw door
        ":memory:", "grown", "PutItem", body
    )
    assert status == 200, reply  # noqa: PLR2004, S101


def main() -> None:
    """Fill up to each size, and verify fresh users there."""
    plan = json.loads(sys.argv[1])
    verifier = lambdatotp.Verifier(embedded=":memory:", table_name="grown")
    totp = lambdatotp.Totp(SECRET)
    there, fresh = 0, 0
    for size in plan["sizes"]:
        for number in range(there, size):
            put(f"filler{number}")
        there = size
        taken: dict[str, list[float]] = {"p50": [], "cpu": []}
        for _ in range(ROUNDS):
            users = [f"fresh{fresh + number}" for number in range(plan["sample"])]
            fresh += len(users)
            for user in users:
                put(user)
            latencies, cpu = [], time.process_time()
            for user in users:
                began = time.perf_counter()
                assert verifier.verify(user, totp.now())  # noqa: S101
                latencies.append((time.perf_counter() - began) * 1000)
            taken["cpu"].append((time.process_time() - cpu) / len(users) * 1000)
            taken["p50"].append(median(latencies))
        print(json.dumps({"size": size, **taken}), flush=True)


if __name__ == "__main__":
    main()
