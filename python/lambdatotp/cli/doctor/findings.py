"""What the doctor finds, a line each, and what its checks share."""

from __future__ import annotations

import secrets
from dataclasses import dataclass

from lambdatotp import KeyUri, Totp

OK, WARNING, FAILURE = "ok", "warning", "failure"
MARKS = {OK: "green", WARNING: "yellow", FAILURE: "red"}

# A code is valid for its own step and one on each side.
SKEW_WARNING_SECONDS, SKEW_FAILURE_SECONDS = 5.0, 30.0


@dataclass
class Finding:
    """One line of the report."""

    state: str
    subject: str
    text: str


def skew(clock: str, ahead_ms: float | None) -> Finding:
    """Judge our clock by another one."""
    subject = "clock"
    if ahead_ms is None:
        return Finding(WARNING, subject, f"{clock} sent no time to compare with")
    seconds = ahead_ms / 1000
    if abs(seconds) < 1:
        return Finding(OK, subject, f"within a second of {clock}'s")
    text = f"{abs(seconds):.0f} s {'ahead of' if seconds > 0 else 'behind'} {clock}'s"
    if abs(seconds) >= SKEW_FAILURE_SECONDS:
        return Finding(FAILURE, subject, f"{text}: right codes will be refused; set it with NTP")
    return Finding(WARNING if abs(seconds) >= SKEW_WARNING_SECONDS else OK, subject, text)


def test_user() -> str:
    """Name a user of the doctor's own, whom nobody else has."""
    return f"lambdatotp-doctor-{secrets.token_hex(8)}"


def code_of(uri: str) -> str:
    """Return the code that an authenticator app would show now."""
    key = KeyUri.parse(uri)
    period = key.period or 30
    return Totp(key.secret, digits=key.digits, period=period, algorithm=key.algorithm).now()
