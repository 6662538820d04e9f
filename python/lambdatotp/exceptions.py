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
    """The base class of lambdatotp's exceptions."""


class LambdaTotpWarning(UserWarning):
    """Calls work, but the operator should change something."""


class UserExistsError(LambdaTotpError, ValueError):
    """The user is already registered; the stored secret is unchanged."""


class UserNotFoundError(LambdaTotpError, ValueError):
    """There is no such user."""


class InvalidUserError(LambdaTotpError, ValueError):
    """A user id is 1 to 256 bytes of UTF-8 without control characters."""


class InvalidLabelError(LambdaTotpError, ValueError):
    """An account name has 1 to 256 bytes of UTF-8, an issuer 1 to 100; no control characters."""


class InvalidSecretError(LambdaTotpError, ValueError):
    """A secret is base32 of 80 to 1024 bits."""


class TooManyAttemptsError(LambdaTotpError):
    """The user's attempt budget is spent. The refused attempt was not charged.

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
    """There is no rotation to confirm: none was started, or it was confirmed or has expired."""


class StoreUnavailableError(LambdaTotpError):
    """The table did not answer in time, so there is no verdict. Trying again is safe."""


class StoreCorruptError(LambdaTotpError):
    """Another program damaged the user's item; the message names the attribute."""


class ConfigurationError(LambdaTotpError):
    """The operator must change something: credentials, region, table, a setting."""


class InternalError(LambdaTotpError):
    """A bug in lambdatotp or in a library below it; the message says where.

    There is no verdict. A write in progress may have been applied. The verifier keeps working.
    """
