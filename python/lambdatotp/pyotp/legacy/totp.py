"""Time-based codes, with the limits of PyOTP 2.9."""

from __future__ import annotations

import sys
import time

from lambdatotp.pyotp import totp, utils
from lambdatotp.pyotp._lazy import names

from .otp import OTP

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, ClassVar

__all__ = ["OTP", "TOTP", "time", "utils"]

if TYPE_CHECKING:
    import calendar as calendar
    import datetime as datetime
    import hashlib as hashlib
else:
    __getattr__ = names(__name__, "calendar", "datetime", "hashlib")


class TOTP(OTP, totp.TOTP):
    """`lambdatotp.pyotp.TOTP`, with any secret, any hash and any interval."""

    _time_home: ClassVar[Any] = sys.modules[__name__]
