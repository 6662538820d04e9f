"""The capacity sheet: from measured round trips and item sizes to units, limits and cost.

python -m benches.capacity      # prints it
"""

from __future__ import annotations

import math
from dataclasses import dataclass

MONTH_SECONDS = 30 * 86_400
KB, GB = 1024, 1024**3

# Prices in US dollars, us-east-1, without any free tier, and default quotas, as noted on
# 2026-11-24. Each from the page named; look there before you rely on them.
NOTED = "2026-11-24"
SOURCES = (
    "https://aws.amazon.com/dynamodb/pricing/on-demand/",
    "https://aws.amazon.com/lambda/pricing/",
    "https://aws.amazon.com/api-gateway/pricing/",
    "https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/ServiceQuotas.html",
    "https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html",
    "https://docs.aws.amazon.com/apigateway/latest/developerguide/limits.html",
)
WRITE_UNIT = 0.625 / 1e6
STORED_GB = 0.25
BACKUP_GB = 0.20  # point-in-time recovery
LAMBDA_REQUEST = 0.20 / 1e6
LAMBDA_GB_SECOND = 0.0000166667  # x86-64, first tier
# Requests a month up to which a price holds, and the price of a million.
GATEWAY = ((333e6, 3.50), (1e9, 2.80), (20e9, 2.38), (math.inf, 1.51))
GATEWAY_RATE = 10_000
TABLE_WRITES = 40_000
PARTITION_WRITES = 1_000
PARTITION_BYTES = 10 * GB
LAMBDA_CONCURRENCY = 1_000
ITEM_OVERHEAD = 100  # bytes that are billed with each item

# What is assumed, since it cannot be measured here.
WRITE_SECONDS = 0.005
LAMBDA_MB, FULL_CORE_MB = 512, 1769
WRONG_SHARE = 0.05  # of all verifies
LOGINS_A_DAY = 1.0

# Measured by the section `trips`: requests for a right and for a wrong code. By `shape`: the
# milliseconds of a warm reply on a whole core, DynamoDB Local's share included, and the peak
# memory in MiB; these where `shape` has not run yet.
RIGHT, WRONG = 2, 1
WARM_MS, MEMORY_MIB = 4.0, 22.0

NOTES = (
    """\
- Each verify reads and writes one item by its key, so its cost does not depend on the number of
  users. Partitions are DynamoDB's business and grow with the table. A new on-demand table takes
  4,000 write units/s at once, and twice its last peak within half an hour: warm it up before a
  launch.
- An HTTP API instead of the REST API costs $1.00 a million instead of $3.50; a provisioned table
  with auto scaling is cheaper for a steady load.""",
)
NOTE_ATTACK = """\
- All quotas above are raised on request but one: a partition's {units:,} write units/s, which is
  all that one item can ever have. A user under attack meets it first. A refused attempt changes
  nothing and still costs a write unit. Beyond the limit DynamoDB throttles, and that user's logins
  get 503; until DynamoDB moves the hot item to a partition of its own, its neighbours may wait,
  too. An attack at that rate costs ${attack:,.0f} a day, and gets 10 guesses at once and 24 a day
  out of it: limit the requests of one client in front (WAF, API Gateway's usage plans)."""


def number_bytes(value: int) -> int:
    """Weigh a number as DynamoDB does: two digits a byte, and one byte more."""
    return math.ceil(len(str(abs(value)).rstrip("0") or "0") / 2) + 1


def item_bytes(*, sealed: bool = False, recovery_codes: int = 0, user: int = 24) -> int:
    """Weigh a user's item after some logins: names and values."""
    write_id = 22
    texts = {"user_id": user, "enrollment_id": write_id}
    texts |= {"reserve_id": write_id, "accept_id": write_id}
    if sealed:
        # 20 bytes of key, a nonce of 12 and a tag of 16; the key's name.
        texts |= {"sealed": 48, "sealed_by": 8}
    else:
        texts["secret"] = 32
    if recovery_codes:
        texts["recovery"] = 3 + recovery_codes * (1 + 43)
    numbers = {"registered_at": 1_763_987_654, "confirmed_at": 1_763_987_654}
    numbers |= {"last_step": 58_799_588, "throttle_at": 1_763_987_654_321, "misses": 1}
    weight = sum(len(name) + size for name, size in texts.items())
    return weight + sum(len(name) + number_bytes(value) for name, value in numbers.items())


def units(weight: int) -> int:
    """Count the write units of one write to an item of this weight."""
    return math.ceil(weight / KB)


def gateway_cost(requests: float) -> float:
    """Add up API Gateway's tiers."""
    cost, below = 0.0, 0.0
    for limit, price in GATEWAY:
        share = min(requests, limit) - below
        if share <= 0:
            break
        cost += share / 1e6 * price
        below = limit
    return cost


@dataclass(frozen=True)
class Load:
    """So many users, and so many verifies a second at the peak."""

    users: int
    peak: float


@dataclass(frozen=True)
class Needs:
    """What a load needs."""

    table_gb: float
    partitions: int
    peak_writes: float
    monthly_verifies: float
    seconds: float
    concurrency: float
    dynamodb: float
    storage: float
    compute: float
    gateway: float

    @property
    def total(self) -> float:
        """All of it, a month."""
        return self.dynamodb + self.storage + self.compute + self.gateway


LOADS = (
    Load(10_000, 1),
    Load(1_000_000, 100),
    Load(1_000_000_000, 10_000),
    Load(1_000_000_000, 100_000),
)


def writes_per_verify() -> float:
    """Average over right and wrong codes."""
    return (1 - WRONG_SHARE) * RIGHT + WRONG_SHARE * WRONG


def needs(load: Load, warm_ms: float = WARM_MS) -> Needs:
    """Compute one row of the sheet."""
    weight = item_bytes()
    writes = writes_per_verify() * units(weight)
    table_gb = load.users * (weight + ITEM_OVERHEAD) / GB
    peak_writes = load.peak * writes
    partitions = max(
        math.ceil(load.users * weight / PARTITION_BYTES), math.ceil(peak_writes / PARTITION_WRITES)
    )
    verifies = load.users * LOGINS_A_DAY * 30 / (1 - WRONG_SHARE)
    # Less memory is a smaller share of a core; waiting for DynamoDB is not stretched by it.
    seconds = warm_ms / 1000 * FULL_CORE_MB / LAMBDA_MB + writes_per_verify() * WRITE_SECONDS
    return Needs(
        table_gb=table_gb,
        partitions=partitions,
        peak_writes=peak_writes,
        monthly_verifies=verifies,
        seconds=seconds,
        concurrency=load.peak * seconds,
        dynamodb=verifies * writes * WRITE_UNIT,
        storage=table_gb * (STORED_GB + BACKUP_GB),
        compute=verifies * (LAMBDA_REQUEST + seconds * LAMBDA_MB / 1024 * LAMBDA_GB_SECOND),
        gateway=gateway_cost(verifies),
    )


def first_limit(load: Load, need: Needs) -> str:
    """Name the default quota that is used up most."""
    shares = {
        f"API Gateway's {GATEWAY_RATE:,} requests/s": load.peak / GATEWAY_RATE,
        f"the table's {TABLE_WRITES:,} write units/s": need.peak_writes / TABLE_WRITES,
        f"Lambda's {LAMBDA_CONCURRENCY:,} at once": need.concurrency / LAMBDA_CONCURRENCY,
    }
    name, share = max(shares.items(), key=lambda entry: entry[1])
    if share < 0.5:  # noqa: PLR2004
        return f"none: {share:.1%} of {name}"
    over = ", ".join(name for name, share in shares.items() if share > 1)
    return f"{over or name}: {share:,.1f} times it" if over else f"{share:.0%} of {name}"


def sheet(warm_ms: float = WARM_MS, memory_mib: float = MEMORY_MIB) -> str:
    """Write the sheet as a part of RESULTS.md."""
    weights = {
        "plain": item_bytes(),
        "sealed": item_bytes(sealed=True),
        "sealed, 10 recovery codes": item_bytes(sealed=True, recovery_codes=10),
        "sealed, 20 recovery codes": item_bytes(sealed=True, recovery_codes=20),
    }
    lines = [
        "## Capacity\n",
        (
            f"Computed by `benches/capacity.py` from the round trips above ({RIGHT} writes a right "
            f"code, {WRONG} a wrong one), the items' sizes, and AWS's prices and default quotas in "
            f"us-east-1, as noted on {NOTED}, on demand and without the free tier. Assumed: "
            f"{LOGINS_A_DAY:g} login a user and day, {WRONG_SHARE:.0%} wrong codes, "
            f"{WRITE_SECONDS * 1000:g} ms a write, a function of {LAMBDA_MB} MB that a warm "
            f"request keeps busy for {warm_ms:.1f} ms of a whole core (more than it will be: "
            "DynamoDB Local and the other end of TLS are in it). It would fit into the smallest, "
            f"of 128 MB: its peak is {memory_mib:.0f} MiB.\n"
        ),
        (
            "| users | verifies/s, peak | table, GB | partitions | write units/s | Lambda at once "
            "| DynamoDB, $ | storage, $ | Lambda, $ | API Gateway, $ | a month, $ | first limit |"
        ),
        "|---:" * 11 + "|---|",
    ]
    for load in LOADS:
        need = needs(load, warm_ms)
        costs = (need.dynamodb, need.storage, need.compute, need.gateway, need.total)
        cells = [f"{load.users:,}", f"{load.peak:,.0f}", f"{need.table_gb:,.2f}"]
        cells += [f"{need.partitions:,}", f"{need.peak_writes:,.0f}"]
        cells += [f"{math.ceil(need.concurrency):,}", *(f"{cost:,.2f}" for cost in costs)]
        lines.append("| " + " | ".join([*cells, first_limit(load, need)]) + " |")
    sizes = ", ".join(f"{name} {size} ({units(size)})" for name, size in weights.items())
    attack = PARTITION_WRITES * 86_400 * WRITE_UNIT
    lines += [
        "",
        f"- An item in bytes (write units a write): {sizes}. A user id of 24 bytes.",
        *NOTES,
        NOTE_ATTACK.format(units=PARTITION_WRITES, attack=attack),
        "- Prices and quotas: " + ", ".join(f"<{source}>" for source in SOURCES) + ".",
    ]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    print(sheet())
