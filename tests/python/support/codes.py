"""Codes for tests, right and wrong, from an independent implementation."""

from __future__ import annotations

import time
from typing import Any

import lambdatotp
import pyotp

LEGACY = "JBSWY3DPEHPK3PXP"  # 80 bits, as the original application made them
KEY = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"  # RFC 6238, appendix B


def code_of(enrollment: lambdatotp.Enrollment, steps: int = 0) -> str:
    """The code of the current step, or of one some steps away, as PyOTP computes it."""
    return str(pyotp.TOTP(enrollment.secret).at(time.time(), counter_offset=steps))


def wrong_codes(enrollment: lambdatotp.Enrollment, count: int) -> list[str]:
    """Codes that no step near now has."""
    near = {code_of(enrollment, step) for step in range(-5, 6)}
    codes = (f"{number:06}" for number in range(1_000_000))
    return [next(code for code in codes if code not in near) for _ in range(count)]


def wrong_code(enrollment: lambdatotp.Enrollment) -> str:
    """One such code."""
    return wrong_codes(enrollment, 1)[0]


def is_gone(engine: Any, user: str) -> bool:
    """Tell whether there is nothing of a user but what a deletion leaves."""
    item = engine.get(user)
    tombstone = {"user_id", "enrollment_id", "deleted_at", "expires_at", "replaced_id"}
    tombstone.add("deleted_by")
    return item is not None and "deleted_at" in item and set(item) <= tombstone


def legacy_code(secret: str = LEGACY) -> str:
    """The code of an 80-bit secret, which PyOTP refuses since 2.12."""
    return lambdatotp.Totp(secret).now()
