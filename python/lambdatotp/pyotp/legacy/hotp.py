"""Counter-based codes, with the limits of PyOTP 2.9."""

from __future__ import annotations

from lambdatotp.pyotp import hotp, utils
from lambdatotp.pyotp._lazy import names

from .otp import OTP

__all__ = ["HOTP", "OTP", "utils"]

TYPE_CHECKING = False
if TYPE_CHECKING:
    import hashlib as hashlib
else:
    __getattr__ = names(__name__, "hashlib")


class HOTP(OTP, hotp.HOTP):
    """`lambdatotp.pyotp.HOTP`, with any secret and any hash."""
