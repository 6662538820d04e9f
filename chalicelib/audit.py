"""What happened: one line of JSON an event, which CloudWatch also counts.

The verifier tells of its operations; the app itself of callers that it sends away. The lines
are in CloudWatch's embedded metric format: its log is the audit trail, and the metrics
`Events` and `Latency`, by `Function` and `Outcome`, need no call and no permission.
"""

from __future__ import annotations

import json
import os
import sys
import time
from contextvars import ContextVar
from itertools import count
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from chalice.app import Request
    from lambdatotp import AuditEvent

# Stages in one account are told apart by it. None elsewhere than on Lambda.
FUNCTION = os.environ.get("AWS_LAMBDA_FUNCTION_NAME")

METRICS = {
    "Namespace": "lambdatotp",
    "Dimensions": [["Function", "Outcome"] if FUNCTION else ["Outcome"]],
    "Metrics": [
        {"Name": "Events", "Unit": "Count"},
        {"Name": "Latency", "Unit": "Milliseconds"},
    ],
}


class _Answered(NamedTuple):
    """The request that is being answered."""

    began: float
    # Lambda's own; None elsewhere.
    id: str | None
    # Whether it is the first of this process.
    cold: bool


_requests = count()
_answered: ContextVar[_Answered] = ContextVar("answered")


def begin(request: Request | None) -> None:
    """Note which request is being answered, and since when."""
    context = request and request.lambda_context
    request_id = getattr(context, "aws_request_id", None)
    _answered.set(_Answered(time.perf_counter(), request_id, next(_requests) == 0))


def told(event: AuditEvent) -> None:
    """Write what the verifier did."""
    left = event.recovery_codes_left
    _write(event.operation, event.outcome, event.user, event.latency_ms, left)


def turned_away(right: str, outcome: str, user: str) -> None:
    """Write what became of a request that reached no verifier: unauthorized, forbidden, ..."""
    began = _answered.get().began
    _write(right, outcome, user, (time.perf_counter() - began) * 1000)


def _write(
    operation: str, outcome: str, user: str, latency: float, left: int | None = None
) -> None:
    """Write one line. No code, no secret and no token is ever in it."""
    request = _answered.get()
    line = {
        "_aws": {"Timestamp": int(time.time() * 1000), "CloudWatchMetrics": [METRICS]},
        "Function": FUNCTION,
        "Operation": operation,
        "Outcome": outcome,
        "Events": 1,
        "Latency": round(latency, 2),
        "User": user,
        "RecoveryCodesLeft": left,
        "RequestId": request.id,
        "ColdStart": request.cold,
    }
    sys.stdout.write(json.dumps(line) + "\n")
    sys.stdout.flush()
