"""What TOTP and HOTP have in common, with the limits of PyOTP 2.9."""

from __future__ import annotations

import sys

from lambdatotp.pyotp import otp
from lambdatotp.pyotp._lazy import names

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, ClassVar

if TYPE_CHECKING:
    import base64 as base64
    import hashlib as hashlib
    import hmac as hmac
else:
    __getattr__ = names(__name__, "base64", "hashlib", "hmac")


class OTP(otp.OTP):
    """`lambdatotp.pyotp.OTP`, with any secret and any hash."""

    min_secret_length_bits = 0
    _older = True
    _home: ClassVar[Any] = sys.modules[__name__]
