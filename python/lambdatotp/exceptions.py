"""What lambdatotp raises. A wrong code is not an exception: `verify` returns False."""

__all__ = [
    "ConfigurationError",
    "InternalError",
    "InvalidLabelError",
    "InvalidSecretError",
    "InvalidUserError",
    "LambdaTotpError",
    "LambdaTotpWarning",
    "LockedError",
    "NoRotationError",
    "StoreCorruptError",
    "StoreUnavailableError",
    "TooManyAttemptsError",
    "UserExistsError",
    "UserNotFoundError",
]


class LambdaTotpError(Exception):
    """The base of all of them."""


class LambdaTotpWarning(UserWarning):
    """Calls work, and the operator should change something all the same."""


class UserExistsError(LambdaTotpError, ValueError):
    """The user is registered already; the stored secret is untouched."""


class UserNotFoundError(LambdaTotpError, ValueError):
    """There is no such user."""


class InvalidUserError(LambdaTotpError, ValueError):
    """A user id is 1 to 256 bytes of UTF-8 without control characters."""


class InvalidLabelError(LambdaTotpError, ValueError):
    """An account name has 1 to 256 bytes of UTF-8, an issuer 1 to 100; no control characters."""


class InvalidSecretError(LambdaTotpError, ValueError):
    """A secret is base32 of 80 to 1024 bits."""


class TooManyAttemptsError(LambdaTotpError):
    """The user's budget of guesses is spent. The refused attempt cost nothing.

    Attributes:
        retry_after: Seconds until the next attempt is granted.
    """

    retry_after: int

    def __init__(self, retry_after: int) -> None:
        super().__init__(retry_after)
        self.retry_after = retry_after

    def __str__(self) -> str:
        """Say how long to wait."""
        return f"too many attempts: try again in {self.retry_after} seconds"


class LockedError(LambdaTotpError):
    """Too many wrong codes in a row: the user stays locked until an unlock or a recovery code."""


class NoRotationError(LambdaTotpError, ValueError):
    """There is no rotation to confirm: none was begun, it was confirmed, or it has lapsed."""


class StoreUnavailableError(LambdaTotpError):
    """The table gave no answer in time. There is no verdict; asking again is safe."""


class StoreCorruptError(LambdaTotpError):
    """The user's item was changed by other hands; the message names the attribute."""


class ConfigurationError(LambdaTotpError):
    """The operator must change something: credentials, region, table, a setting."""


class InternalError(LambdaTotpError):
    """A bug in lambdatotp or in a library below it; the message names its place.

    There is no verdict. A write that was under way may have arrived. The verifier works on.
    """
