"""The asynchronous half of `Verifier`: real coroutines over the native futures."""

from . import _lambdatotp
from ._lambdatotp import Enrollment, Secret, UserStatus, Verification

# For type checkers only: nothing loads it at run time.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from os import PathLike

    from typing_extensions import Self

    from ._audit import AuditEvent

# The fields of `UserStatus` that the app and the command line show.
STATUS = (
    "registered_at",
    "confirmed_at",
    "expires_at",
    "rotation_expires_at",
    "locked",
    "misses",
    "attempts_left",
    "retry_after",
    "ahead",
    "recovery_codes_left",
    "sealed_by",
)


class Verifier(_lambdatotp.Verifier):
    """Registers users and checks their codes against one DynamoDB table.

    Every argument is optional. One that is left out is read from the environment
    (`LAMBDATOTP_` and its name in capitals; AWS's own variables for the region and the
    endpoint), and otherwise has the default at the end of its line. The client is built by the
    first call, and its connections are kept. Safe to share between threads, event loops and
    forks.

    Args:
        table_name: The table; "totp_users".
        region: The AWS region; found by AWS's usual rules.
        endpoint_url: An endpoint other than AWS's own, such as DynamoDB Local.
        embedded: Keep the table in this file instead of DynamoDB, or in memory
            with ":memory:".
        issuer: The service's name, as authenticator apps show it; "lambdatotp".
        digits: Length of new users' codes: 6, 7 or 8; 6.
        period: How long new users' codes are shown, 1 to 120 seconds; 30.
        algorithm: Hash of new users' codes: "SHA1", "SHA256" or "SHA512"; "SHA1",
            which every authenticator app knows.
        window: Steps accepted on each side of the current one, 0 to 10; 1.
        burst: Attempts granted at once, 1 to 100; 10.
        refill: Seconds until one attempt comes back; 3600.
        max_misses: Misses in a row that lock the user, 1 to 100; 100.
        keys: The keys that seal secrets in the table, each "name:base64" of 32 bytes,
            separated by commas. The first one seals; all of them open. Or "file:" and the path
            of a file with that text. By default secrets are stored in plaintext.
        enrollment_ttl: Seconds after which a registration expires if no code was accepted, so
            that the user can be registered again; 0, never. A registration with a given secret
            never expires.
        rotation_ttl: Seconds after which a pending secret expires unless it is confirmed, 60
            to 86400; 900.
        timeout: Seconds a whole call may take; 8.
        connect_timeout: Seconds that opening a connection may take; 1.5.
        attempt_timeout: Seconds that one attempt of one request may take; 2.5.
        max_connections: Requests in flight at once; 64. Others wait their turn.
        audit: Called with an `AuditEvent` after each operation, in the caller's thread or
            task, before the caller gets the answer. An exception that it raises is logged,
            once per class, and changes no answer; KeyboardInterrupt and the like propagate.
            There is no environment variable for it.

    Raises:
        ConfigurationError: An argument, or a variable, is out of range.
        TypeError: `audit` cannot be called, or is asynchronous.
    """

    def __new__(  # noqa: PLR0913 - all optional, all by name
        cls,
        *,
        table_name: str | None = None,
        region: str | None = None,
        endpoint_url: str | None = None,
        embedded: "str | bytes | PathLike[str] | PathLike[bytes] | None" = None,
        issuer: str | None = None,
        digits: int | None = None,
        period: int | None = None,
        algorithm: str | None = None,
        window: int | None = None,
        burst: int | None = None,
        refill: float | None = None,
        max_misses: int | None = None,
        keys: str | None = None,
        enrollment_ttl: float | None = None,
        rotation_ttl: float | None = None,
        timeout: float | None = None,
        connect_timeout: float | None = None,
        attempt_timeout: float | None = None,
        max_connections: int | None = None,
        audit: "Callable[[AuditEvent], object] | None" = None,
    ) -> "Self":
        """Make one, of a class that tells what it did if somebody is to be told."""
        kind, trail = cls, None
        if audit is not None:
            # Loaded only by those who have an audit trail.
            from . import _audit  # noqa: PLC0415

            trail = _audit.Trail(audit)
            kind = _audit.audited(cls)
        verifier = super().__new__(
            kind,
            table_name=table_name,
            region=region,
            endpoint_url=endpoint_url,
            embedded=embedded,
            issuer=issuer,
            digits=digits,
            period=period,
            algorithm=algorithm,
            window=window,
            burst=burst,
            refill=refill,
            max_misses=max_misses,
            keys=keys,
            enrollment_ttl=enrollment_ttl,
            rotation_ttl=rotation_ttl,
            timeout=timeout,
            connect_timeout=connect_timeout,
            attempt_timeout=attempt_timeout,
            max_connections=max_connections,
        )
        if trail is not None:
            vars(verifier)["_trail"] = trail
        return verifier

    async def register_async(  # noqa: PLR0913 - all but the user by name
        self,
        user: str,
        *,
        secret: Secret | str | None = None,
        recovery_codes: int = 0,
        account_name: str | None = None,
        issuer: str | None = None,
        replace_unconfirmed: bool = False,
    ) -> Enrollment:
        """Register a user: `register`, awaitable."""
        return await self._register_async(
            user, secret, recovery_codes, account_name, issuer, replace_unconfirmed
        )

    async def verify_async(self, user: str, code: str) -> bool:
        """Check a code, and use it up when it is right: `verify`, awaitable.

        If it is cancelled between the charge and the verdict, the attempt stays charged
        and the code can still be used.
        """
        return bool(await self._check_async(user, code))

    async def check_async(self, user: str, code: str) -> Verification:
        """Check a code, and return more than yes or no: `check`, awaitable."""
        return await self._check_async(user, code)

    async def rotate_async(
        self, user: str, *, account_name: str | None = None, issuer: str | None = None
    ) -> Enrollment:
        """Make a new secret for a user who has one: `rotate`, awaitable."""
        return await self._rotate_async(user, account_name, issuer)

    async def confirm_async(self, user: str, code: str) -> Verification:
        """Check a code of the secret that `rotate` made: `confirm`, awaitable."""
        return await self._confirm_async(user, code)

    async def new_recovery_codes_async(self, user: str, count: int = 10) -> list[str]:
        """Give a user new recovery codes: `new_recovery_codes`, awaitable."""
        return await self._new_recovery_codes_async(user, count)

    async def unlock_async(self, user: str) -> None:
        """Clear a user's misses: `unlock`, awaitable."""
        await self._unlock_async(user)

    async def status_async(self, user: str) -> UserStatus:
        """Look at a user: `status`, awaitable."""
        return await self._status_async(user)

    async def delete_async(self, user: str) -> None:
        """Remove a user: `delete`, awaitable."""
        await self._delete_async(user)

    async def connect_async(self) -> None:
        """Open a connection to the table: `connect`, awaitable."""
        await self._connect_async()
