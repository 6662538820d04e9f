"""A drop-in for PyOTP 2.12: `import lambdatotp.pyotp as pyotp`.

The same names, arguments, results and errors; the codes are computed in Rust. What Rust
does not do (other hashes, odd secrets) is done as PyOTP does it, with hashlib.

Checking codes alone does not stop a code from being used twice, nor guessing:
`lambdatotp.verify` does both.
"""

from __future__ import annotations

from lambdatotp import _lambdatotp

from . import compat, contrib, exceptions, hotp, otp, totp, utils
from .exceptions import OTPVerificationError, PyOTPError
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

_BASE32 = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"
_HEX = "ABCDEF0123456789"
_MIN_BASE32 = 32
_MIN_HEX = 40

_native_random = _lambdatotp._pyotp_random  # noqa: SLF001 - our own
_native_parse = _lambdatotp._pyotp_parse  # noqa: SLF001


def __getattr__(name: str) -> SystemRandom:
    """Give `random`, which loads OpenSSL, to those who ask for it."""
    if name != "random":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return compat.random


def random_base32(length: int = 32, chars: Sequence[str] = _BASE32) -> str:
    """Make a secret in base32, straight from the operating system's generator.

    Args:
        length: Characters, 5 bits each, at least 32.
        chars: Another alphabet.

    Raises:
        ValueError: Fewer than 160 bits.
    """
    if length < _MIN_BASE32:
        raise ValueError("Secrets should be at least 160 bits")
    return _random(length, chars)


def random_hex(length: int = 40, chars: Sequence[str] = _HEX) -> str:
    """Make a secret in hexadecimal, straight from the operating system's generator.

    Args:
        length: Characters, 4 bits each, at least 40.
        chars: Another alphabet.

    Raises:
        ValueError: Fewer than 160 bits.
    """
    if length < _MIN_HEX:
        raise ValueError("Secrets should be at least 160 bits")
    return _random(length, chars)


def _random(length: int, chars: Sequence[str]) -> str:
    # Somebody's own `random`, put here or into compat, is used as PyOTP would.
    if "random" not in globals() and "random" not in vars(compat):
        made = _native_random(length, chars)
        if made is not None:
            return made
    choice = globals().get("random", compat.random).choice
    return "".join(choice(chars) for _ in range(length))


def parse_uri(uri: str) -> OTP:
    """Read a key URI (`otpauth://`) into a TOTP, a HOTP or, with `encoder=steam`, a Steam.

    Raises:
        ValueError: It is no key URI, a parameter is given twice or out of range, or the
            secret is missing or unfit.
    """
    parts = _native_parse(uri)
    if parts is None:
        return _parse(uri)
    secret, name, issuer, bits, digits, period, counter = parts
    digest = None
    if bits != 1:
        import hashlib  # noqa: PLC0415

        digest = hashlib.sha256 if bits == 256 else hashlib.sha512  # noqa: PLR2004
    # What the constructors do, without their keyword arguments, which cost time.
    if counter is None:
        made = TOTP.__new__(TOTP)
        made.interval = period
        made._set_up(secret, digits, digest, name, issuer, period)  # noqa: SLF001
        return made
    return HOTP(
        secret, digits=digits, digest=digest, name=name, issuer=issuer, initial_count=counter
    )


def _parse(uri: str) -> OTP:  # noqa: C901 - one check after the other
    """Do the same in Python: for what Rust hands back."""
    from urllib.parse import parse_qsl, unquote, urlparse  # noqa: PLC0415

    parsed = urlparse(uri)
    if parsed.scheme != "otpauth":
        raise ValueError("Not an otpauth URI")
    settings: dict[str, Any] = {}
    # Split before it is decoded: an encoded colon belongs to a name.
    before, colon, after = parsed.path[1:].partition(":")
    if colon:
        settings["issuer"] = unquote(before)
    settings["name"] = unquote(after if colon else before)
    given: dict[str, str] = {}
    for key, value in parse_qsl(parsed.query, keep_blank_values=True):
        if key in given and key in _PARAMETERS:
            raise ValueError(f"Duplicate {key} parameter")
        given[key] = value
        if value and key in _PARAMETERS:
            _take(settings, key, value)
    secret = given.get("secret")
    steam = given.get("encoder") == "steam"
    if not steam and settings.get("digits", 6) not in {6, 7, 8}:
        raise ValueError("Digits may only be 6, 7, or 8")
    if not secret:
        raise ValueError("No secret found in URI")
    if steam:
        return contrib.Steam(secret, **settings)
    if parsed.netloc == "totp":
        return TOTP(secret, **settings)
    if parsed.netloc == "hotp":
        return HOTP(secret, **settings)
    raise ValueError("Not a supported OTP type")


_PARAMETERS = {"secret", "issuer", "algorithm", "encoder", "digits", "period", "counter"}
_NUMBERS = {"digits": "digits", "period": "interval", "counter": "initial_count"}


def _take(settings: dict[str, Any], key: str, value: str) -> None:
    """Turn a parameter of a URI into an argument of the constructor."""
    if key == "issuer":
        if settings.get("issuer", value) != value:
            raise ValueError(
                "If issuer is specified in both label and parameters, it should be equal."
            )
        settings["issuer"] = value
    elif key == "algorithm":
        import hashlib  # noqa: PLC0415

        if value not in {"SHA1", "SHA256", "SHA512"}:
            raise ValueError("Invalid value for algorithm, must be SHA1, SHA256 or SHA512")
        settings["digest"] = getattr(hashlib, value.lower())
    elif key in _NUMBERS:
        settings[_NUMBERS[key]] = int(value)
