"""Time-based codes, RFC 6238."""

from __future__ import annotations

import sys
import time

from . import utils
from ._lazy import names
from .exceptions import OTPVerificationError
from .otp import _GENERATE_OTP, OTP

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, ClassVar

if TYPE_CHECKING:
    import calendar as calendar
    import datetime as datetime
    import hashlib as hashlib
else:
    __getattr__ = names(__name__, "calendar", "datetime", "hashlib")

_YEAR_10000 = 253402300800  # in seconds since 1970
_OUT_OF_RANGE = "for_time must be at or after the Unix epoch and before year 10000 UTC"


def _seconds(moment: datetime.datetime) -> float:
    """Whole seconds since 1970; a naive datetime is local time, `fold` included."""
    import calendar  # noqa: PLC0415

    try:
        if moment.tzinfo:
            return calendar.timegm(moment.utctimetuple())
        return moment.replace(microsecond=0).timestamp()
    except (OverflowError, OSError, ValueError) as error:
        raise ValueError(_OUT_OF_RANGE) from error


class TOTP(OTP):
    """Codes that change with the time.

    Args:
        s: The secret in base32, at least `min_secret_length_bits`.
        digits: Length of a code, 6 to 10.
        digest: Hash constructor of hashlib; None is SHA-1.
        name: The account's name.
        issuer: Who asks for the code.
        interval: Seconds a code is shown, more than 0 and at most 120.

    Raises:
        ValueError: The secret is not base32 or too short, or an argument is out of range.
    """

    # Where to look for datetime, which tests replace.
    _time_home: ClassVar[Any] = sys.modules[__name__]

    def __init__(
        self,
        s: str,
        digits: int = 6,
        digest: Any = None,
        name: str | None = None,
        issuer: str | None = None,
        interval: int = 30,
    ) -> None:
        self.interval = interval
        self._set_up(s, digits, digest, name, issuer, interval)

    def at(self, for_time: float | datetime.datetime, counter_offset: int = 0) -> str:
        """Compute the code of a time.

        Args:
            for_time: Seconds since 1970, or a datetime; a naive one is local time.
            counter_offset: Steps to add.

        Raises:
            ValueError: The time is before 1970 or after 9999.
        """
        if self._is_plain():
            code: str | None = self._key.code_at(
                self.secret, self._algorithm, self.digits, for_time, self.interval, counter_offset
            )
            if code is not None:
                return code
        return self.generate_otp(self.timecode(for_time) + counter_offset)

    def now(self) -> str:
        """Compute the code of this moment."""
        for_time = self._now()
        if self._is_plain():
            code: str | None = self._key.code_at(
                self.secret, self._algorithm, self.digits, for_time, self.interval, 0
            )
            if code is not None:
                return code
        return self.generate_otp(self.timecode(for_time))

    def verify(
        self,
        otp: str,
        for_time: float | datetime.datetime | None = None,
        valid_window: int = 0,
    ) -> bool:
        """Tell whether a code is right at a time, by default now.

        Alone this does not stop a code from being used twice: `lambdatotp.verify` does.

        Args:
            otp: The code.
            for_time: Seconds since 1970, or a datetime; a naive one is local time.
            valid_window: Steps accepted on each side.

        Raises:
            ValueError: The time is before 1970 or after 9999.
        """
        if for_time is None:
            for_time = self._now()
        # PyOTP searches nothing where the window is negative, and takes None for 0.
        return self._find(otp, for_time, valid_window or 0) is not None

    def verify_and_get_timecode(
        self,
        otp: str,
        for_time: float | datetime.datetime | None = None,
        valid_window: int = 0,
    ) -> int:
        """Find the step that a code belongs to; store it to refuse the code the next time.

        Args:
            otp: The code.
            for_time: Seconds since 1970, or a datetime; a naive one is local time.
            valid_window: Steps accepted on each side.

        Raises:
            OTPVerificationError: No step has this code.
            ValueError: The window is negative, or the time before 1970 or after 9999.
        """
        if for_time is None:
            for_time = self._now()
        if valid_window < 0:
            raise ValueError("valid_window cannot be negative")
        found = self._find(otp, for_time, valid_window)
        if found is None:
            raise OTPVerificationError("OTP verification failed")
        return found

    def _now(self) -> float | datetime.datetime:
        """Look at the clock: PyOTP up to 2.9 asked `datetime`, which tests replace."""
        home = self._time_home
        if self._older or "datetime" in home.__dict__:
            return home.datetime.datetime.now()  # type: ignore[no-any-return]
        return time.time()

    def _is_plain(self) -> bool:
        """Tell whether nobody has put methods of their own in place of ours."""
        # Any: what stands there may be no method at all.
        timecode: Any = self.timecode
        generate_otp: Any = self.generate_otp
        try:
            return (
                timecode.__func__ is _TIMECODE
                and generate_otp.__func__ is _GENERATE_OTP
                and self._is_unpatched()
            )
        except AttributeError:
            return False

    def _find(self, otp: str, for_time: float | datetime.datetime, window: int) -> int | None:
        """Find the first step of the window that has this code."""
        if utils.strings_equal is _STRINGS_EQUAL and self._is_plain():
            found: int | None = self._key.find(
                otp, self.secret, self._algorithm, self.digits, for_time, self.interval, window
            )
            if found is not None:
                return found if found >= 0 else None
        timecode = self.timecode(for_time)
        for step in range(timecode - window, timecode + window + 1):
            if utils.strings_equal(str(otp), str(self.generate_otp(step))):
                return step
        return None

    def provisioning_uri(
        self,
        name: str | None = None,
        issuer_name: str | None = None,
        image: str | None = None,
        **kwargs: Any,
    ) -> str:
        """Build the key URI, the text of the QR code.

        Args:
            name: The account's name, instead of the one given at construction.
            issuer_name: Who asks for the code, likewise.
            image: The https URL of a picture.
            **kwargs: More parameters, as strings.
        """
        return utils.build_uri(
            self.secret,
            name or self.name,
            issuer=issuer_name or self.issuer,
            algorithm=self.digest().name,
            digits=self.digits,
            period=self.interval,
            **self._with_image(image, kwargs),
        )

    def timecode(self, for_time: float | datetime.datetime) -> int:
        """Compute the step that a time falls in.

        Args:
            for_time: Seconds since 1970, or a datetime; a naive one is local time.

        Raises:
            ValueError: The time is before 1970 or after 9999.
        """
        # Any: what is neither of them is for Python to refuse.
        seconds: Any = for_time
        kind = type(seconds)
        # By what it has: a test may have replaced the class.
        if kind is not float and kind is not int and hasattr(seconds, "utctimetuple"):
            seconds = _seconds(seconds)
        if not self._older and not 0 <= seconds < _YEAR_10000:
            raise ValueError(_OUT_OF_RANGE)
        return int(int(seconds) / self.interval)


_TIMECODE = TOTP.timecode
_STRINGS_EQUAL = utils.strings_equal
