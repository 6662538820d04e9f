"""What TOTP and HOTP have in common."""

from __future__ import annotations

import sys

from lambdatotp import _lambdatotp

from ._lazy import names

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, ClassVar

_make_key = _lambdatotp._pyotp_key  # noqa: SLF001 - our own

# The truncation of RFC 4226 reads up to byte 18.
_MIN_DIGEST_BYTES = 18

if TYPE_CHECKING:
    import base64 as base64
    import hashlib as hashlib
    import hmac as hmac
else:
    __getattr__ = names(__name__, "base64", "hashlib", "hmac")


class OTP:
    """The base class: a secret in base32, a hash and a number of digits.

    Args:
        s: The secret in base32, at least `min_secret_length_bits`.
        digits: Length of a code, 6 to 10.
        digest: Hash constructor of hashlib; None is SHA-1.
        name: The account's name.
        issuer: Who asks for the code.

    Raises:
        ValueError: The secret is not base32 or too short, or an argument is out of range.
    """

    #: The shortest secret, in bits; a subclass may have another. NIST SP 800-63B-4,
    #: section 3.1.4.1.
    min_secret_length_bits: ClassVar[int] = 112

    # Whether the limits are those of PyOTP 2.9: for `legacy`.
    _older: ClassVar[bool] = False
    # Where to look for hmac, hashlib and base64, which tests replace.
    _home: ClassVar[Any] = sys.modules[__name__]
    # Where no digest was set there is none to import: SHA-1, which Rust does.
    _digest: Any = None
    # The hash for Rust: 1, 256 or 512; 0 where hashlib has to do it.
    _algorithm = 1
    _key: Any

    def __init__(
        self,
        s: str,
        digits: int = 6,
        digest: Any = None,
        name: str | None = None,
        issuer: str | None = None,
    ) -> None:
        self._set_up(s, digits, digest, name, issuer, None)

    def _set_up(
        self,
        secret: str,
        digits: int,
        digest: Any,
        name: str | None,
        issuer: str | None,
        interval: int | None,
    ) -> None:
        """Do what every constructor does; by position, which is faster than super()."""
        self.digits = digits
        self.secret = secret
        self.name: str = name or "Secret"
        self.issuer = issuer
        cls = type(self)
        plain = cls.byte_secret is _BYTE_SECRET and cls.int_to_bytestring is _INT_TO_BYTESTRING
        if plain and digest is None:
            key = _make_key(secret, 1, digits, interval, self.min_secret_length_bits)
            if key is not None:
                self._key = key
                return
        self._check(digest, interval)

    def _check(self, digest: Any, interval: int | None) -> None:
        """Check the arguments that are not plain, and say what is wrong with them."""
        if digest is not None:
            self.digest = digest
            if not self._older:
                self._refuse_short(digest)
        if interval is not None:
            self._check_interval(interval)
        if self._older and self.digits > 10:  # noqa: PLR2004
            raise ValueError("digits must be no greater than 10")
        if not self._older and not 6 <= self.digits <= 10:  # noqa: PLR2004
            raise ValueError("digits must be between 6 and 10")
        self._key = _NO_KEY
        if not self._renew_key() and not self._older:
            self.byte_secret()

    def _refuse_short(self, digest: Any) -> None:
        """Refuse the hashes that are too short to truncate."""
        hashlib = self._home.hashlib
        if digest in [hashlib.md5, hashlib.shake_128]:
            raise ValueError(
                "selected digest function must generate digest size greater than or equals to 18 "
                "bytes"
            )

    def _check_interval(self, interval: int) -> None:
        if not self._older and not 0 < interval <= 120:  # noqa: PLR2004
            raise ValueError("interval must be positive and at most 120 seconds")

    def _with_image(self, image: str | None, more: dict[str, Any]) -> dict[str, Any]:
        """Add the image, which stands by itself in PyOTP up to 2.9, to the other parameters."""
        if image is None or (self._older and not image):
            return more
        return {"image": image, **more}

    @property
    def digest(self) -> Any:
        """The hash constructor, one of hashlib's."""
        if self._digest is None:
            # It loads OpenSSL; Rust does without.
            return self._home.hashlib.sha1
        return self._digest

    @digest.setter
    def digest(self, digest: Any) -> None:
        hashlib = self._home.hashlib
        known = ((hashlib.sha1, 1), (hashlib.sha256, 256), (hashlib.sha512, 512))
        self._algorithm = next((bits for ours, bits in known if digest is ours), 0)
        self._digest = digest

    def generate_otp(self, input: int) -> str:  # noqa: A002 - PyOTP's name for it
        """Compute the code for a value of the counter.

        Raises:
            ValueError: The counter is negative, or the hash too short.
        """
        if self._is_unpatched():
            code = self._key.code(self.secret, self._algorithm, self.digits, input)
            if code is None and self._renew_key():
                code = self._key.code(self.secret, self._algorithm, self.digits, input)
            if code is not None:
                return code  # type: ignore[no-any-return]
        return self._generate(input)

    def _is_unpatched(self) -> bool:
        """Tell whether no test has put a module of its own where PyOTP's would be."""
        home = self._home.__dict__
        return "hmac" not in home and "base64" not in home

    def _renew_key(self) -> bool:
        """Decode the secret again, if somebody has set another one or another hash."""
        cls = type(self)
        plain = cls.byte_secret is _BYTE_SECRET and cls.int_to_bytestring is _INT_TO_BYTESTRING
        minimum = self.min_secret_length_bits
        key = _make_key(self.secret, self._algorithm, None, None, minimum) if plain else None
        if key is None:
            return False
        self._key = key
        return True

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Take what pickle or copy hands over, from PyOTP's own objects too."""
        state = dict(state)
        digest = state.pop("digest", None)
        self.__dict__.update(state)
        if digest is not None:
            self.digest = digest

    def _generate(self, counter: int) -> str:
        """Do the same in Python: for what Rust hands back."""
        if counter < 0:
            raise ValueError("input must be positive integer")
        mac = self._home.hmac.new(self.byte_secret(), self.int_to_bytestring(counter), self.digest)
        short = "digest size is lower than 18 bytes, which will trigger error on otp generation"
        if mac.digest_size < _MIN_DIGEST_BYTES and not self._older:
            raise ValueError(short)
        digest = mac.digest()
        offset = digest[-1] & 0xF
        if len(digest) < offset + 4:
            raise ValueError(short)
        number = int.from_bytes(digest[offset : offset + 4], "big") & 0x7FFF_FFFF
        # Ten digits and a leading one, of which the last are taken.
        return str(10_000_000_000 + number % 10**self.digits)[-self.digits :]

    def byte_secret(self) -> bytes:
        """Decode the secret.

        Raises:
            ValueError: It is not base32, or has fewer bits than `min_secret_length_bits`.
        """
        secret = self.secret
        if len(secret) % 8:
            secret += "=" * (8 - len(secret) % 8)
        decoded: bytes = self._home.base64.b32decode(secret, casefold=True)
        minimum = self.min_secret_length_bits
        if len(decoded) * 8 < minimum:
            raise ValueError(f"Secrets must be at least {minimum} bits after decoding")
        return decoded

    @staticmethod
    def int_to_bytestring(i: int, padding: int = 8) -> bytes:
        """Write a counter as big-endian bytes, at least `padding` of them."""
        result = bytearray()
        while i != 0:
            result.append(i & 0xFF)
            i >>= 8
        return bytes(reversed(result.ljust(padding, b"\0")))


# Answers for this very str object only, which nobody else has: for subclasses that
# decode their secrets themselves.
_NO_KEY = _make_key("".join(["A"] * 32), 1)
OTP._key = _NO_KEY  # noqa: SLF001 - for objects that PyOTP has pickled
_BYTE_SECRET = OTP.byte_secret
_INT_TO_BYTESTRING = OTP.int_to_bytestring
_GENERATE_OTP = OTP.generate_otp
