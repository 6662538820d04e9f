"""`lambdatotp.pyotp` with the limits of PyOTP 2.9: `from lambdatotp.pyotp import legacy as pyotp`.

Any secret, checked when it is used; any interval; any hash; up to 10 digits. For code that
has short secrets (RFC 4226 asks for 128 bits) or long intervals (codes by mail) and cannot
change them now. The users of `lambdatotp.verify` keep that service's own rules.
"""

from __future__ import annotations

import sys

from lambdatotp.pyotp import (
    _BASE32,
    _HEX,
    _MIN_BASE32,
    _MIN_HEX,
    OTPVerificationError,
    PyOTPError,
    _find,
    _parse,
    _random,
    compat,
    exceptions,
    utils,
)

from . import contrib, hotp, otp, totp
from .hotp import HOTP
from .otp import OTP
from .totp import TOTP

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from random import SystemRandom
    from typing import Any

    random: SystemRandom

__all__ = [
    "HOTP",
    "OTP",
    "TOTP",
    "OTPVerificationError",
    "PyOTPError",
    "compat",
    "contrib",
    "exceptions",
    "hotp",
    "otp",
    "parse_uri",
    "random",
    "random_base32",
    "random_hex",
    "totp",
    "utils",
]

# The same for both.
for _module in (compat, exceptions, utils):
    sys.modules[f"{__name__}.{_module.__name__.rpartition('.')[2]}"] = _module


def __getattr__(name: str) -> Any:
    """Give what PyOTP imports, and ours only need now and then."""
    return compat.random if name == "random" else _find(name)


def random_base32(length: int = 32, chars: Sequence[str] = _BASE32) -> str:
    """Make a secret in base32: `lambdatotp.pyotp.random_base32`."""
    return _random(length, chars, _MIN_BASE32, globals())


def random_hex(length: int = 40, chars: Sequence[str] = _HEX) -> str:
    """Make a secret in hexadecimal: `lambdatotp.pyotp.random_hex`."""
    return _random(length, chars, _MIN_HEX, globals())


def parse_uri(uri: str) -> OTP:
    """Read a key URI (`otpauth://`) into a TOTP, a HOTP or, with `encoder=steam`, a Steam.

    Raises:
        ValueError: It is not a key URI, or has no secret.
    """
    made: OTP = _parse(uri, TOTP, HOTP, contrib.Steam)
    return made
