"""Counter-based codes, RFC 4226."""

from __future__ import annotations

from . import utils
from ._lazy import names
from .otp import OTP

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

if TYPE_CHECKING:
    import hashlib as hashlib
else:
    __getattr__ = names(__name__, "hashlib")


class HOTP(OTP):
    """Codes that change with a counter.

    Args:
        s: The secret in base32, at least `min_secret_length_bits`.
        digits: Length of a code, 6 to 10.
        digest: Hash constructor of hashlib; None is SHA-1.
        name: The account's name.
        issuer: Who asks for the code.
        initial_count: Added to every counter.

    Raises:
        ValueError: The secret is not base32 or too short, or an argument is out of range.
    """

    def __init__(
        self,
        s: str,
        digits: int = 6,
        digest: Any = None,
        name: str | None = None,
        issuer: str | None = None,
        initial_count: int = 0,
    ) -> None:
        self.initial_count = initial_count
        self._set_up(s, digits, digest, name, issuer, None)

    def at(self, count: int) -> str:
        """Compute the code for a counter."""
        return self.generate_otp(self.initial_count + count)

    def verify(self, otp: str, counter: int) -> bool:
        """Tell whether a code is the one for a counter."""
        return utils.strings_equal(str(otp), str(self.at(counter)))

    def provisioning_uri(
        self,
        name: str | None = None,
        initial_count: int | None = None,
        issuer_name: str | None = None,
        image: str | None = None,
        **kwargs: Any,
    ) -> str:
        """Build the key URI, the text of the QR code.

        Args:
            name: The account's name, instead of the one given at construction.
            initial_count: The counter of the next code, likewise.
            issuer_name: Who asks for the code, likewise.
            image: The https URL of a picture.
            **kwargs: More parameters, as strings.
        """
        return utils.build_uri(
            self.secret,
            name=name or self.name,
            initial_count=self.initial_count if initial_count is None else initial_count,
            issuer=issuer_name or self.issuer,
            algorithm=self.digest().name,
            digits=self.digits,
            **self._with_image(image, kwargs),
        )
