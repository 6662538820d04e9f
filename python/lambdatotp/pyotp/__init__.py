"""A drop-in for PyOTP: `import lambdatotp.pyotp as pyotp`.

The names, arguments, results and errors of PyOTP 2.12, and the positional arguments of
2.9; the codes are computed in Rust. What Rust does not do (other hashes, odd secrets) is
done as PyOTP does it, with hashlib. `lambdatotp.pyotp.legacy` has the limits of 2.9.

Checking codes alone does not stop a code from being used twice, nor guessing:
`lambdatotp.verify` does both.
"""

from __future__ import annotations

import os
import sys

from . import compat, contrib, exceptions, hotp, otp, totp, utils
from ._lazy import names
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
    "install",
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

_find = names(
    __name__, "hashlib", "urllib.parse.parse_qsl", "urllib.parse.unquote", "urllib.parse.urlparse"
)
_here = sys.modules[__name__]


def __getattr__(name: str) -> Any:
    """Give what PyOTP imports, and ours only need now and then."""
    return compat.random if name == "random" else _find(name)


def random_base32(length: int = 32, chars: Sequence[str] = _BASE32) -> str:
    """Make a secret in base32, straight from the operating system's generator.

    Args:
        length: Characters, 5 bits each, at least 32.
        chars: Another alphabet.

    Raises:
        ValueError: Fewer than 160 bits.
    """
    return _random(length, chars, _MIN_BASE32, globals())


def random_hex(length: int = 40, chars: Sequence[str] = _HEX) -> str:
    """Make a secret in hexadecimal, straight from the operating system's generator.

    Args:
        length: Characters, 4 bits each, at least 40.
        chars: Another alphabet.

    Raises:
        ValueError: Fewer than 160 bits.
    """
    return _random(length, chars, _MIN_HEX, globals())


def _random(length: int, chars: Sequence[str], least: int, here: dict[str, Any]) -> str:
    if length < least:
        raise ValueError("Secrets should be at least 160 bits")
    # A power of two, so that no character is likelier than another.
    if "random" not in here and "random" not in vars(compat) and chars in (_BASE32, _HEX):
        return "".join(chars[byte % len(chars)] for byte in os.urandom(length))
    # Another alphabet, or somebody's own `random`, put here or into compat.
    choice = here.get("random", compat.random).choice
    return "".join(choice(chars) for _ in range(length))


def parse_uri(uri: str) -> OTP:
    """Read a key URI (`otpauth://`) into a TOTP, a HOTP or, with `encoder=steam`, a Steam.

    Raises:
        ValueError: It is not a key URI, a parameter is given twice or out of range, or the
            secret is missing or unfit.
    """
    made: OTP = _parse(uri, TOTP, HOTP, contrib.Steam)
    return made


def _parse(  # noqa: C901 - one check after the other
    uri: str, totp: type[TOTP], hotp: type[HOTP], steam: type[contrib.Steam]
) -> Any:  # one of the classes given
    older = totp._older  # noqa: SLF001 - our own
    parsed = _here.urlparse(uri)
    if parsed.scheme != "otpauth":
        raise ValueError("Not an otpauth URI")
    settings: dict[str, Any] = {}
    # Split before it is decoded: an encoded colon belongs to a name.
    before, colon, after = parsed.path[1:].partition(":")
    if older and not colon:
        # PyOTP up to 2.9 took it for a separator.
        before, colon, after = _here.unquote(before).partition(":")
    if colon:
        settings["issuer"] = _here.unquote(before)
    settings["name"] = _here.unquote(after if colon else before)
    given: dict[str, str] = {}
    for key, value in _here.parse_qsl(parsed.query, keep_blank_values=True):
        if key in given and key in _PARAMETERS and not older:
            raise ValueError(f"Duplicate {key} parameter")
        given[key] = value
        if value and key in _PARAMETERS:
            _take(settings, key, value)
    secret = given.get("secret")
    is_steam = given.get("encoder") == "steam"
    if not is_steam and settings.get("digits", 6) not in {6, 7, 8}:
        raise ValueError("Digits may only be 6, 7, or 8")
    if not secret:
        raise ValueError("No secret found in URI")
    if is_steam:
        return steam(secret, **settings)
    if parsed.netloc == "totp":
        return totp(secret, **settings)
    if parsed.netloc == "hotp":
        return hotp(secret, **settings)
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
        if value not in {"SHA1", "SHA256", "SHA512"}:
            raise ValueError("Invalid value for algorithm, must be SHA1, SHA256 or SHA512")
        settings["digest"] = getattr(_here.hashlib, value.lower())
    elif key in _NUMBERS:
        settings[_NUMBERS[key]] = int(value)


def install(*, legacy: bool = False) -> None:
    """Make `import pyotp` mean this module, for packages that import PyOTP themselves.

    Call it first thing in the program. Its submodules come along, and there is one set of
    classes, under whichever name they are imported. `python -m lambdatotp.pyotp FILE` runs
    a program this way.

    Args:
        legacy: Install `lambdatotp.pyotp.legacy` instead.

    Raises:
        ImportError: The real PyOTP, or the other one of ours, is imported already: somebody
            has its classes.
    """
    from importlib import import_module  # noqa: PLC0415 - once a program

    source = f"{__name__}.legacy" if legacy else __name__
    modules = {"pyotp": import_module(source)}
    for name in _MODULES:
        modules[f"pyotp.{name}"] = import_module(f"{source}.{name}")
    for name, module in modules.items():
        if sys.modules.get(name, module) is not module:
            raise ImportError(f"{name} is imported already: call install() before that", name=name)
    sys.modules.update(modules)


_MODULES = ("compat", "contrib", "contrib.steam", "exceptions", "hotp", "otp", "totp", "utils")
