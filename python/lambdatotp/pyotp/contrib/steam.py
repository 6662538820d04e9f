"""Steam's own codes: five characters of its own alphabet."""

from __future__ import annotations

from lambdatotp.pyotp._lazy import names
from lambdatotp.pyotp.totp import TOTP

TYPE_CHECKING = False
if TYPE_CHECKING:
    import hashlib as hashlib
else:
    __getattr__ = names(__name__, "hashlib")

STEAM_CHARS = "23456789BCDFGHJKMNPQRTVWXY"
STEAM_DEFAULT_DIGITS = 5


class Steam(TOTP):
    """Steam's variant of TOTP.

    Args:
        s: The secret in base32, at least `min_secret_length_bits`.
        name: The account's name.
        issuer: Who asks for the code.
        interval: Checked (more than 0 and at most 120) and not used: it is 30 seconds.
        digits: Not used: a code has five characters.

    Raises:
        ValueError: The secret is not base32 or too short, or the interval out of range.
    """

    def __init__(
        self,
        s: str,
        name: str | None = None,
        issuer: str | None = None,
        interval: int = 30,
        digits: int = 5,  # noqa: ARG002
    ) -> None:
        self._check_interval(interval)
        super().__init__(s=s, digits=10, name=name, issuer=issuer)

    def generate_otp(self, input: int) -> str:  # noqa: A002 - PyOTP's name for it
        """Compute the code for a value of the counter.

        Raises:
            ValueError: The counter is negative.
        """
        number = int(super().generate_otp(input))
        code = ""
        for _ in range(STEAM_DEFAULT_DIGITS):
            number, character = divmod(number, len(STEAM_CHARS))
            code += STEAM_CHARS[character]
        return code
