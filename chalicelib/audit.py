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

from chalicelib import config

OFF = {"0", "off", "false", "no"}

# On Lambda, unless LAMBDATOTP_AUDIT says otherwise.
SETTING = (config.variable("LAMBDATOTP_AUDIT") or "").lower()
WANTED = SETTING not in OFF if SETTING else "AWS_LAMBDA_FUNCTION_NAME" in os.environ

_began: ContextVar[float] = ContextVar("began", default=0.0)


def begin() -> None:
    """Note when a request began."""
    _began.set(time.perf_counter())


def event(outcome: str, user: str) -> None:
    """Write one event: registered, accepted, rejected, replayed, unauthorized, not_found, ...

    No code, no secret and no token is ever in it.
    """
    if not WANTED:
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
