"""A TOTP second factor on DynamoDB.

    import lambdatotp

    enrollment = lambdatotp.register("ana@example.com")
    print(enrollment.qr_terminal())                      # scan it once
    lambdatotp.verify("ana@example.com", "123456")       # True for a right code, once

These functions use one `Verifier`, made from the environment by the first call:
`LAMBDATOTP_TABLE_NAME`, `LAMBDATOTP_ISSUER`, `LAMBDATOTP_EMBEDDED`, AWS's own variables
for credentials, region and endpoint, and whatever `help(lambdatotp.Verifier)` lists. Make
a `Verifier` yourself to choose in code.

Each has an `_async` twin. Secrets and codes appear in no repr, message or log.
"""

try:
    from . import _lambdatotp  # noqa: F401 - whether it loads
except ImportError as _error:
    from ._unloadable import reason as _reason

    raise ImportError(_reason(_error), name=f"{__name__}._lambdatotp") from _error

from ._lambdatotp import (
    MAX_RECOVERY_CODES,
    Enrollment,
    Hotp,
    KeyUri,
    Secret,
    Totp,
    UserStatus,
    Verification,
    __version__,
    qr_data_uri,
    qr_png,
    qr_svg,
    qr_terminal,
)
from ._verifier import Verifier
from .exceptions import (
    ConfigurationError,
    InternalError,
    InvalidLabelError,
    InvalidSecretError,
    InvalidUserError,
    LambdaTotpError,
    LambdaTotpWarning,
    LockedError,
    NoRotationError,
    StoreCorruptError,
    StoreUnavailableError,
    TooManyAttemptsError,
    UserExistsError,
    UserNotFoundError,
)

# For type checkers. At run time it is loaded when it is asked for.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from ._audit import AuditEvent

__all__ = [
    "MAX_RECOVERY_CODES",
    "AuditEvent",
    "ConfigurationError",
    "Enrollment",
    "Hotp",
    "InternalError",
    "InvalidLabelError",
    "InvalidSecretError",
    "InvalidUserError",
    "KeyUri",
    "LambdaTotpError",
    "LambdaTotpWarning",
    "LockedError",
    "NoRotationError",
    "Secret",
    "StoreCorruptError",
    "StoreUnavailableError",
    "TooManyAttemptsError",
    "Totp",
    "UserExistsError",
    "UserNotFoundError",
    "UserStatus",
    "Verification",
    "Verifier",
    "__version__",
    "delete",
    "delete_async",
    "qr_data_uri",
    "qr_png",
    "qr_svg",
    "qr_terminal",
    "register",
    "register_async",
    "verify",
    "verify_async",
]


def __getattr__(name: str) -> object:
    if name == "AuditEvent":
        from ._audit import AuditEvent  # noqa: PLC0415 - it loads typing

        return AuditEvent
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


# Empty until the first call.
_default_verifier: dict[str, Verifier] = {}


def _default() -> Verifier:
    verifier = _default_verifier.get("made")
    # Two threads may both make one; setdefault keeps the first, without a lock that a
    # fork could leave taken.
    if verifier is None:
        verifier = _default_verifier.setdefault("made", Verifier())
    return verifier


def register(  # noqa: PLR0913 - all but the user by name
    user: str,
    *,
    secret: Secret | str | None = None,
    recovery_codes: int = 0,
    account_name: str | None = None,
    issuer: str | None = None,
    replace_unconfirmed: bool = False,
) -> Enrollment:
    """Registers a user.

    Args:
        user: 1 to 256 bytes of UTF-8 without control characters.
        secret: A `Secret`, or base32 of 80 bits or more, to bring in an existing
            authenticator; by default a new one of 160 bits.
        recovery_codes: How many recovery codes to make, 0 to 20.
        account_name: The account's name, as the authenticator app shows it, 1 to 256 bytes
            of UTF-8 without control characters; by default the user id. It is not stored.
        issuer: The service's name, as the app shows it, 1 to 100 bytes; by default the
            verifier's issuer. It is not stored.
        replace_unconfirmed: Start again if the user is registered and no code was ever
            accepted. A user whose secret was given or imported, or whom the original
            application registered, is never replaced.

    Returns:
        The enrollment. Show its QR code to the user, once.

    Raises:
        UserExistsError: The user is already registered; nothing changed.
        InvalidUserError: The user id cannot be used.
        InvalidLabelError: The account name or the issuer cannot be used.
        InvalidSecretError: The secret cannot be used.
        ValueError: More than 20 recovery codes.
        StoreUnavailableError: No answer from the table.
        ConfigurationError: Credentials, region, table or permissions are wrong.
    """
    return _default().register(
        user,
        secret=secret,
        recovery_codes=recovery_codes,
        account_name=account_name,
        issuer=issuer,
        replace_unconfirmed=replace_unconfirmed,
    )


def verify(user: str, code: str) -> bool:
    """Checks a code, and uses it up when it is right.

    The attempt is charged before the code is looked at, so parallel guesses
    cannot outrun the budget; a right code gives its own attempt back. One round
    trip for a wrong code, two for a right one.

    Args:
        user: The user id.
        code: What the user typed or pasted, digits in any script; white space, dashes
            and invisible characters are dropped.

    Returns:
        True for a right code, once. False for one that is wrong, was used
        before, or cannot be a code.

    Raises:
        TypeError: The user or the code is not a str.
        UserNotFoundError: There is no such user.
        TooManyAttemptsError: The attempt budget is spent; `retry_after` is the wait in
            seconds. Nothing was charged.
        LockedError: 100 misses in a row.
        InvalidUserError: The user id cannot be used.
        StoreUnavailableError: No answer from the table, so no verdict.
        StoreCorruptError: Another program damaged the user's item.
        ConfigurationError: Credentials, region, table or permissions are wrong.
    """
    return _default().verify(user, code)


def delete(user: str) -> None:
    """Removes a user: their codes are invalid from now on.

    Args:
        user: The user id.

    Raises:
        UserNotFoundError: There is no such user.
        InvalidUserError: The user id cannot be used.
        StoreUnavailableError: No answer from the table.
        ConfigurationError: Credentials, region, table or permissions are wrong.
    """
    _default().delete(user)


async def register_async(  # noqa: PLR0913 - as above
    user: str,
    *,
    secret: Secret | str | None = None,
    recovery_codes: int = 0,
    account_name: str | None = None,
    issuer: str | None = None,
    replace_unconfirmed: bool = False,
) -> Enrollment:
    """Register a user: `register`, awaitable."""
    return await _default().register_async(
        user,
        secret=secret,
        recovery_codes=recovery_codes,
        account_name=account_name,
        issuer=issuer,
        replace_unconfirmed=replace_unconfirmed,
    )


async def verify_async(user: str, code: str) -> bool:
    """Check a code, and use it up when it is right: `verify`, awaitable.

    If it is cancelled between the charge and the verdict, the attempt stays charged and the
    code can still be used.
    """
    return await _default().verify_async(user, code)


async def delete_async(user: str) -> None:
    """Remove a user: `delete`, awaitable."""
    await _default().delete_async(user)
