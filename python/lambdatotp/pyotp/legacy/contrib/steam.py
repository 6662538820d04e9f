"""Steam's own codes, with the limits of PyOTP 2.9."""

from __future__ import annotations

from lambdatotp.pyotp._lazy import names
from lambdatotp.pyotp.contrib import steam
from lambdatotp.pyotp.contrib.steam import STEAM_CHARS, STEAM_DEFAULT_DIGITS
from lambdatotp.pyotp.legacy.totp import TOTP

__all__ = ["STEAM_CHARS", "STEAM_DEFAULT_DIGITS", "TOTP", "Steam"]

TYPE_CHECKING = False
if TYPE_CHECKING:
    import hashlib as hashlib
else:
    __getattr__ = names(__name__, "hashlib")


class Steam(TOTP, steam.Steam):
    """`lambdatotp.pyotp.contrib.Steam`, with any secret and any interval."""
