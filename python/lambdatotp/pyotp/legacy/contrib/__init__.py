"""What is not in an RFC, with the limits of PyOTP 2.9."""

from .steam import Steam as Steam
