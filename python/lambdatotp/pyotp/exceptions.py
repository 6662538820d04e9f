"""What `verify_and_get_timecode` raises."""


class PyOTPError(Exception):
    """The base of both."""


class OTPVerificationError(PyOTPError):
    """No counter that is allowed gives this code."""
