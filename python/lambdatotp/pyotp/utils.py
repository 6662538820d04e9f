"""Building key URIs and comparing codes."""

from __future__ import annotations

import sys
import unicodedata

# hmac has the same function, and loads OpenSSL with it.
from _operator import _compare_digest as compare_digest

from ._lazy import names

__all__ = ["build_uri", "compare_digest", "strings_equal"]

# Longer texts are refused before they are normalized, which takes quadratic time.
_MAX_COMPARISON_LENGTH = 1024

TYPE_CHECKING = False
if TYPE_CHECKING:
    from urllib.parse import quote as quote
    from urllib.parse import urlencode as urlencode
    from urllib.parse import urlparse as urlparse
else:
    __getattr__ = names(
        __name__, "urllib.parse.quote", "urllib.parse.urlencode", "urllib.parse.urlparse"
    )
# Where a test may have put others in their place.
_here = sys.modules[__name__]


def build_uri(  # noqa: C901 - one parameter after the other
    secret: str,
    name: str,
    initial_count: int | None = None,
    issuer: str | None = None,
    algorithm: str | None = None,
    digits: int | None = None,
    period: int | None = None,
    image: str | None = None,
    **kwargs: str,
) -> str:
    """Build a key URI (`otpauth://`).

    Args:
        secret: The secret in base32.
        name: The account's name.
        initial_count: The counter of the next code; makes this a `hotp` URI.
        issuer: Who asks for the code.
        algorithm: The hash's name; "sha1" is left out.
        digits: The code's length; 6 is left out.
        period: Seconds a code is shown; 30 is left out.
        image: The https URL of a picture.
        **kwargs: More parameters.

    Raises:
        TypeError: A further parameter is not a string.
        ValueError: The image is not an https URL with a path.
    """
    if image is not None:
        kwargs = {"image": image, **kwargs}
    parameters: dict[str, str | int] = {"secret": secret}
    label = _here.quote(name)
    if issuer is not None:
        label = f"{_here.quote(issuer)}:{label}"
        parameters["issuer"] = issuer
    if initial_count is not None:
        parameters["counter"] = initial_count
    if algorithm is not None and algorithm != "sha1":
        parameters["algorithm"] = algorithm.upper()
    if digits is not None and digits != 6:  # noqa: PLR2004
        parameters["digits"] = digits
    if period is not None and period != 30:  # noqa: PLR2004
        parameters["period"] = period
    for key, value in kwargs.items():
        if not isinstance(value, str):
            raise TypeError("All otpauth uri parameters must be strings")
        if key == "image":
            url = _here.urlparse(value)
            if url.scheme != "https" or not url.netloc or not url.path:
                raise ValueError(f"{url} is not a valid url")
        parameters[key] = value
    kind = "totp" if initial_count is None else "hotp"
    return f"otpauth://{kind}/{label}?{_here.urlencode(parameters).replace('+', '%20')}"


def strings_equal(s1: str, s2: str) -> bool:
    """Compare two texts in constant time, after Unicode normalization (NFKC).

    Texts of more than 1024 code points are equal to nothing.
    """
    if len(s1) > _MAX_COMPARISON_LENGTH or len(s2) > _MAX_COMPARISON_LENGTH:
        return False
    s1 = unicodedata.normalize("NFKC", s1)
    s2 = unicodedata.normalize("NFKC", s2)
    return compare_digest(s1.encode("utf-8"), s2.encode("utf-8"))
