"""What happened: one line of JSON an event, which CloudWatch also counts.

The lines are in CloudWatch's embedded metric format: its log is the audit trail, and the
metrics `Events` and `Latency`, by `Outcome`, need no call and no permission.
"""

from __future__ import annotations

import json
import os
import sys
import time
from contextvars import ContextVar

OFF = {"0", "off", "false", "no"}

_began: ContextVar[float] = ContextVar("began", default=0.0)


def wanted() -> bool:
    """Tell whether to write: on Lambda, unless LAMBDATOTP_AUDIT says otherwise."""
    setting = os.environ.get("LAMBDATOTP_AUDIT", "").lower()
    return setting not in OFF if setting else "AWS_LAMBDA_FUNCTION_NAME" in os.environ


def begin() -> None:
    """Note when a request began."""
    _began.set(time.perf_counter())


def event(outcome: str, user: str) -> None:
    """Write one event: registered, accepted, rejected, replayed, throttled, locked, ...

    No code and no secret is ever in it.
    """
    if not wanted():
        return
    metrics = {
        "Namespace": "lambdatotp",
        "Dimensions": [["Outcome"]],
        "Metrics": [
            {"Name": "Events", "Unit": "Count"},
            {"Name": "Latency", "Unit": "Milliseconds"},
        ],
    }
    line = {
        "_aws": {"Timestamp": int(time.time() * 1000), "CloudWatchMetrics": [metrics]},
        "Outcome": outcome,
        "Events": 1,
        "Latency": round((time.perf_counter() - _began.get()) * 1000, 2),
        "User": user,
    }
    sys.stdout.write(json.dumps(line) + "\n")
    sys.stdout.flush()
