from collections.abc import Awaitable, Callable
from os import PathLike
from typing import ClassVar, Final, NoReturn, final

from typing_extensions import Self, disjoint_base

__all__ = [
    "MAX_RECOVERY_CODES",
    "MAX_TRANSFER_KEYS",
    "Enrollment",
    "ExportPage",
    "Hotp",
    "ImportOutcome",
    "Imported",
    "KeyUri",
    "ListedUser",
    "Pending",
    "Replica",
    "Resealed",
    "Secret",
    "StoredUser",
    "Survey",
    "Switch",
    "SwitchState",
    "Table",
    "TablePage",
    "TableRequest",
    "Totp",
    "Transfer",
    "TransferKey",
    "UnusableUser",
    "UserState",
    "UserStatus",
    "Verification",
    "Verifier",
    "_PyotpKey",
    "__version__",
    "_embedded_call",
    "_panic_next",
    "_pyotp_key",
    "_qr_terminal_within",
    "_user_status",
    "_verification",
    "add_replicas",
    "backups",
    "create_table",
    "delete_unusable",
    "describe_table",
    "expiry",
    "export_users",
    "import_users",
    "list_users",
    "new_key",
    "qr_data_uri",
    "qr_png",
    "qr_svg",
    "qr_terminal",
    "read_transfer",
    "region",
    "reseal_users",
    "survey_users",
    "switch_backups_on",
    "switch_expiry_on",
    "switch_protection_on",
    "table_requests",
    "write_transfer",
]

__version__: Final[str]
MAX_RECOVERY_CODES: Final[int]
"""The most recovery codes a user can have."""
MAX_TRANSFER_KEYS: Final[int]
"""The most keys of one QR code of a transfer."""

@final
class Secret:
    """A shared key of 80 to 1024 bits. Its repr and str show nothing; comparison takes
    constant time.

    Args:
        base32: RFC 4648 base32 in any case; spaces, hyphens and padding are ignored.

    Raises:
        InvalidSecretError: Not base32, or too short or too long.
    """
    def __new__(cls, base32: Secret | str, /) -> Secret: ...
    @classmethod
    def generate(cls) -> Secret:
        """A new secret of 160 bits (RFC 4226 section 4), straight from the operating
        system's generator on each call.

        Raises:
            LambdaTotpError: The operating system gave no random bytes.
        """
    @classmethod
    def from_bytes(cls, raw: bytes, /) -> Secret:
        """A secret from raw bytes.

        Args:
            raw: The key, 10 to 128 bytes.

        Raises:
            InvalidSecretError: Any other length.
        """
    @property
    def base32(self) -> str:
        """Base32 in capitals, without padding: the form to type by hand."""
    @property
    def bits(self) -> int:
        """The length in bits."""
    def __bytes__(self) -> bytes: ...
    def __eq__(self, other: object, /) -> bool: ...
    def __hash__(self) -> int: ...
    def __copy__(self) -> Secret: ...
    def __deepcopy__(self, _memo: object, /) -> Secret: ...
    def __reduce_ex__(self, _protocol: object, /) -> NoReturn: ...

@final
class Totp:
    """Time-based one-time passwords, RFC 6238.

    Checking codes alone does not keep an intruder out: also refuse used codes (`last_step`)
    and limit the guesses. `lambdatotp.verify` does both.

    Args:
        secret: A `Secret`, or its base32 text.
        digits: Length of a code: 6, 7 or 8.
        period: How long a code is shown, in seconds: 1 to 120.
        algorithm: "SHA1", "SHA256" or "SHA512".

    Raises:
        InvalidSecretError: The secret is not usable.
        ValueError: Another argument is out of range.
    """
    def __new__(
        cls,
        secret: Secret | str,
        *,
        digits: int = 6,
        period: int = 30,
        algorithm: str = "SHA1",
    ) -> Totp: ...
    def now(self) -> str:
        """The code for the current time."""
    def at(self, unix_seconds: float, /) -> str:
        """The code for a given time.

        Args:
            unix_seconds: The time, in seconds since 1970.

        Raises:
            ValueError: The time is before 1970, or not finite.
        """
    def step_at(self, unix_seconds: float | None = None, /) -> int:
        """The step T (RFC 6238 section 4.2) that a time falls in.

        Args:
            unix_seconds: The time, in seconds since 1970; by default now.

        Raises:
            ValueError: The time is before 1970, or not finite.
        """
    def code_for_step(self, step: int, /) -> str:
        """The code for a step.

        Args:
            step: The number of whole periods since 1970: T of RFC 6238 section 4.2.
        """
    def verify(
        self,
        code: str,
        *,
        at: float | None = None,
        window: int = 1,
        last_step: int | None = None,
    ) -> int | None:
        """Looks for the step that a code belongs to, in constant time.

        Args:
            code: What the user typed or pasted, digits in any script; white space, dashes
                and invisible characters are dropped.
            at: Seconds since 1970; by default now.
            window: Steps allowed on each side of the current one, 0 to 100.
            last_step: The last step accepted: only later ones match.

        Returns:
            The step, or None when no step matches. Store it, and pass it as
            `last_step` the next time: RFC 6238 section 5.2 forbids accepting a code
            twice.

        Raises:
            TypeError: The code is not a str.
            ValueError: The time or the window is out of range.
        """
    @property
    def digits(self) -> int:
        """Length of a code."""
    @property
    def period(self) -> int:
        """How long a code is shown, in seconds."""
    @property
    def algorithm(self) -> str:
        """The hash: "SHA1", "SHA256" or "SHA512"."""
    @property
    def secret(self) -> Secret:
        """The shared key."""
    def __eq__(self, other: object, /) -> bool: ...
    def __hash__(self) -> int: ...
    def __copy__(self) -> Totp: ...
    def __deepcopy__(self, _memo: object, /) -> Totp: ...
    def __reduce_ex__(self, _protocol: object, /) -> NoReturn: ...

@final
class Hotp:
    """Counter-based one-time passwords, RFC 4226.

    Args:
        secret: A `Secret`, or its base32 text.
        digits: Length of a code: 6, 7 or 8.
        algorithm: "SHA1", "SHA256" or "SHA512".

    Raises:
        InvalidSecretError: The secret is not usable.
        ValueError: Another argument is out of range.
    """
    def __new__(cls, secret: Secret | str, *, digits: int = 6, algorithm: str = "SHA1") -> Hotp: ...
    def at(self, counter: int, /) -> str:
        """The code for a value of the counter.

        Args:
            counter: The moving factor of RFC 4226 section 5.1.
        """
    def verify(self, code: str, counter: int, *, look_ahead: int = 0) -> int | None:
        """Looks for the counter that a code belongs to, in constant time.

        Args:
            code: What the user typed or pasted, digits in any script; white space, dashes
                and invisible characters are dropped.
            counter: The first value that is not used up.
            look_ahead: How many values after it to try, 0 to 100 (RFC 4226 section
                7.4).

        Returns:
            The value, or None when none matches. Store it plus one, and pass that as
            `counter` the next time.

        Raises:
            TypeError: The code is not a str.
            ValueError: `look_ahead` is out of range.
        """
    @property
    def digits(self) -> int:
        """Length of a code."""
    @property
    def algorithm(self) -> str:
        """The hash: "SHA1", "SHA256" or "SHA512"."""
    @property
    def secret(self) -> Secret:
        """The shared key."""
    def __eq__(self, other: object, /) -> bool: ...
    def __hash__(self) -> int: ...
    def __copy__(self) -> Hotp: ...
    def __deepcopy__(self, _memo: object, /) -> Hotp: ...
    def __reduce_ex__(self, _protocol: object, /) -> NoReturn: ...

@final
class KeyUri:
    """A key URI (`otpauth://`), the text of an authenticator app's QR code.

    Args:
        secret: A `Secret`, or its base32 text.
        account_name: The account's name, as the app shows it.
        issuer: The service's name, as the app shows it.
        digits: Length of a code: 6, 7 or 8.
        algorithm: "SHA1", "SHA256" or "SHA512".
        period: TOTP: how long a code is shown, in seconds; 30 when left out.
        counter: HOTP: the counter of the next code. Makes this a `hotp` URI.

    Raises:
        InvalidSecretError: The secret is not usable.
        ValueError: Another argument is out of range, or both `period` and `counter`
            are given.
    """
    def __new__(
        cls,
        secret: Secret | str,
        account_name: str,
        *,
        issuer: str | None = None,
        digits: int = 6,
        algorithm: str = "SHA1",
        period: int | None = None,
        counter: int | None = None,
    ) -> KeyUri: ...
    @classmethod
    def parse(cls, uri: str, /) -> KeyUri:
        """Reads a key URI, strictly: a parameter given twice, out of range or not known is
        refused, except those that only change how an app shows the key (`image`, `color`, ...).

        Args:
            uri: The text of a QR code, `otpauth://totp/...` or `otpauth://hotp/...`.

        Raises:
            ValueError: Not a key URI; InvalidSecretError, a kind of it, for its secret.
        """
    @property
    def uri(self) -> str:
        """The URI as text. It holds the secret: show it to its owner only."""
    @property
    def secret(self) -> Secret:
        """The shared key."""
    @property
    def account_name(self) -> str:
        """The account's name."""
    @property
    def issuer(self) -> str | None:
        """The service's name, or None."""
    @property
    def digits(self) -> int:
        """Length of a code."""
    @property
    def algorithm(self) -> str:
        """The hash: "SHA1", "SHA256" or "SHA512"."""
    @property
    def period(self) -> int | None:
        """TOTP: how long a code is shown, in seconds. None for HOTP."""
    @property
    def counter(self) -> int | None:
        """HOTP: the counter of the next code. None for TOTP."""
    def __eq__(self, other: object, /) -> bool: ...
    def __hash__(self) -> int: ...
    def __copy__(self) -> KeyUri: ...
    def __deepcopy__(self, _memo: object, /) -> KeyUri: ...
    def __reduce_ex__(self, _protocol: object, /) -> NoReturn: ...

def qr_svg(text: str, /) -> str:
    """A QR code as a stand-alone SVG document, one unit per module, black on white.

    Args:
        text: The text to encode.

    Raises:
        ValueError: The text is empty, or longer than 2953 bytes.
    """

def qr_png(text: str, /, *, scale: int = 8) -> bytes:
    """A QR code as a PNG file, one bit per pixel.

    Args:
        text: The text to encode.
        scale: Pixels per module, 1 to 64.

    Raises:
        ValueError: The text is empty or longer than 2953 bytes, or the scale is out
            of range.
    """

def qr_data_uri(text: str, /, *, scale: int = 8) -> str:
    """A QR code as a `data:image/png;base64,` URI, for an `<img>`: no other server sees
    it.

    Args:
        text: The text to encode.
        scale: Pixels per module, 1 to 64.

    Raises:
        ValueError: The text is empty or longer than 2953 bytes, or the scale is out
            of range.
    """

def qr_terminal(text: str, /, *, ansi: bool = True) -> str:
    """A QR code in half-block characters, to print in a terminal.

    Args:
        text: The text to encode.
        ansi: Use escape codes for black on white, which scans on any background. Without them,
            the code is drawn for light text on a dark background.

    Raises:
        ValueError: The text is empty, or longer than 2953 bytes.
    """

@disjoint_base
class Verifier:
    """Registers users and checks their codes against one table."""
    def __new__(
        cls,
        *,
        table_name: str | None = None,
        region: str | None = None,
        endpoint_url: str | None = None,
        embedded: str | bytes | PathLike[str] | PathLike[bytes] | None = None,
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
    ) -> Self: ...
    def register(
        self,
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
    def verify(self, user: str, code: str) -> bool:
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
    def delete(self, user: str) -> None:
        """Removes a user: their codes are invalid from now on.

        Args:
            user: The user id.

        Raises:
            UserNotFoundError: There is no such user.
            InvalidUserError: The user id cannot be used.
            StoreUnavailableError: No answer from the table.
            ConfigurationError: Credentials, region, table or permissions are wrong.
        """
    def check(self, user: str, code: str) -> Verification:
        """Checks a code as `verify` does, and returns more than yes or no.

        Args:
            user: The user id.
            code: What the user typed or pasted.

        Returns:
            The verdict, true where `verify` would return True.

        Raises:
            LambdaTotpError: For the reasons that `verify` gives.
        """
    def rotate(
        self, user: str, *, account_name: str | None = None, issuer: str | None = None
    ) -> Enrollment:
        """Makes a new secret for a user who has one, for a change of phone without a gap.

        The new secret stays pending beside the old one, which works until `confirm`. It
        expires after the verifier's `rotation_ttl`, and replaces an earlier pending secret.
        Ask for a code of the old phone first: anyone who can rotate and confirm has the second
        factor.

        Args:
            user: The user id.
            account_name: The account's name, as the authenticator app shows it; by default the user
                id.
            issuer: The service's name, as the app shows it; by default the verifier's issuer.

        Returns:
            The pending enrollment. Show its QR code to the user, once. It has no recovery
            codes: the user keeps the ones they have.

        Raises:
            UserNotFoundError: There is no such user.
            InvalidUserError: The user id cannot be used.
            InvalidLabelError: The account name or the issuer cannot be used.
            StoreUnavailableError: No answer from the table. Try again: nobody has seen the
                secret that may have been stored.
            ConfigurationError: Credentials, region, table or permissions are wrong.
        """
    def confirm(self, user: str, code: str) -> Verification:
        """Checks a code of the secret that `rotate` made; a right one makes it the user's secret.

        The old secret then stops working, and the code is used up. Recovery codes stay valid.
        Attempts count against the same budget as those of `verify`; neither method checks the
        other's secret.

        Args:
            user: The user id.
            code: What the new phone shows.

        Returns:
            The verdict, true for a right code: "accepted" or "rejected".

        Raises:
            NoRotationError: There is no pending secret, or it has expired. Nothing was charged.
            LambdaTotpError: For the reasons that `verify` gives.
        """
    def new_recovery_codes(self, user: str, count: int = 10) -> list[str]:
        """Gives a user new recovery codes; earlier ones become invalid.

        Each one logs the user in once, through `verify`, without an authenticator. It costs
        nothing of the attempt budget, and unlocks a locked user. Only hashes are stored.

        Args:
            user: The user id.
            count: How many, 1 to 20.

        Returns:
            The codes, of 80 bits each, in the form to write down.

        Raises:
            UserNotFoundError: There is no such user.
            InvalidUserError: The user id cannot be used.
            ValueError: The count is out of range.
            StoreUnavailableError: No answer from the table. Try again: nobody has seen the
                codes that may have been stored.
            ConfigurationError: Credentials, region, table or permissions are wrong.
        """
    def unlock(self, user: str) -> None:
        """Clears a user's misses and refills their attempt budget.

        Args:
            user: The user id.

        Raises:
            UserNotFoundError: There is no such user.
            InvalidUserError: The user id cannot be used.
            StoreUnavailableError: No answer from the table; trying again is safe.
            ConfigurationError: Credentials, region, table or permissions are wrong.
        """
    def status(self, user: str) -> UserStatus:
        """Returns what is known about a user. Charges nothing; shows no secret and no code.

        Needs the permission dynamodb:GetItem, which logins do not need.

        Args:
            user: The user id.

        Returns:
            What an operator needs to know to help the user.

        Raises:
            UserNotFoundError: There is no such user.
            InvalidUserError: The user id cannot be used.
            StoreUnavailableError: No answer from the table.
            StoreCorruptError: Another program damaged the user's item.
            ConfigurationError: Credentials, region, table or permissions are wrong.
        """
    def connect(self) -> None:
        """Opens a connection to the table and keeps it for the next call.

        Call it at start-up, of a Lambda function or a worker, while nobody waits. It sends no
        request to the table.

        Raises:
            StoreUnavailableError: No answer from DynamoDB.
            ConfigurationError: Credentials or region are missing.
        """
    def _register_async(
        self,
        user: str,
        secret: Secret | str | None = None,
        recovery_codes: int = 0,
        account_name: str | None = None,
        issuer: str | None = None,
        replace_unconfirmed: bool = False,
    ) -> Awaitable[Enrollment]: ...
    def _rotate_async(
        self, user: str, account_name: str | None = None, issuer: str | None = None
    ) -> Awaitable[Enrollment]: ...
    def _confirm_async(self, user: str, code: str) -> Awaitable[Verification]: ...
    def _check_async(self, user: str, code: str) -> Awaitable[Verification]: ...
    def _new_recovery_codes_async(self, user: str, count: int = 10) -> Awaitable[list[str]]: ...
    def _unlock_async(self, user: str) -> Awaitable[object]: ...
    def _status_async(self, user: str) -> Awaitable[UserStatus]: ...
    def _delete_async(self, user: str) -> Awaitable[object]: ...
    def _connect_async(self) -> Awaitable[object]: ...
    @property
    def table_name(self) -> str:
        """The table that holds this verifier's users."""
    @property
    def issuer(self) -> str:
        """The service's name, as authenticator apps show it."""
    @property
    def sealing_key(self) -> str | None:
        """The name of the key that seals new secrets; None: they are stored in plaintext."""

@final
class Enrollment:
    """A new user's secret, to be shown to its owner once. Its repr shows none of it."""
    @property
    def user(self) -> str:
        """The user id."""
    @property
    def recovery_codes(self) -> list[str]:
        """The recovery codes to write down, as many as were requested."""
    @property
    def secret(self) -> str:
        """The secret in base32, to type by hand where there is no camera."""
    @property
    def uri(self) -> str:
        """The key URI (`otpauth://`) in the QR code."""
    def qr_svg(self) -> str:
        """The QR code as a stand-alone SVG document."""
    def qr_png(self, *, scale: int = 8) -> bytes:
        """The QR code as a PNG file.

        Args:
            scale: Pixels per module, 1 to 64.

        Raises:
            ValueError: The scale is out of range.
        """
    def qr_data_uri(self, *, scale: int = 8) -> str:
        """The QR code as a `data:image/png;base64,` URI, for an `<img>`.

        Args:
            scale: Pixels per module, 1 to 64.

        Raises:
            ValueError: The scale is out of range.
        """
    def qr_terminal(self, *, ansi: bool = True) -> str:
        """The QR code in half-block characters, to print in a terminal.

        Args:
            ansi: Use escape codes for black on white, which scans on any background.
        """

@final
class Verification:
    """The verdict on a code. It is true when the user may log in."""
    @property
    def outcome(self) -> str:
        """ "accepted" or "recovered" when the user may log in; otherwise "rejected", or "replayed"
        for a code that was used before. Do not show "replayed" to users: it would tell a thief
        that the code was right.
        """
    @property
    def step(self) -> int | None:
        """The time step that an accepted code belongs to; None otherwise."""
    @property
    def first(self) -> bool:
        """Whether this code confirmed the enrollment: it is the first that was accepted."""
    @property
    def attempts_left(self) -> int | None:
        """How many attempts are left right now. None for a text that cannot be a code: the user
        was not looked up.
        """
    @property
    def recovery_codes_left(self) -> int | None:
        """How many recovery codes are left; None for a text that cannot be a code."""
    @property
    def enrollment_id(self) -> str | None:
        """Identifies the enrollment. It changes with a new registration and with a confirmed
        rotation. None for a text that cannot be a code, and for users of the original
        application.
        """
    def __bool__(self) -> bool: ...
    def __reduce__(self) -> tuple[Callable[..., Verification], tuple[object, ...]]: ...

@final
class UserStatus:
    """What an operator can see of a user."""
    @property
    def enrollment_id(self) -> str | None:
        """Identifies the enrollment, as `Verification.enrollment_id` does. If it differs from
        that of an earlier code, the user has registered again or changed phones since. None
        for users of the original application.
        """
    @property
    def registered_at(self) -> int | None:
        """When they were registered, in seconds since 1970; None for users of the original
        application.
        """
    @property
    def confirmed_at(self) -> int | None:
        """When the user's first code was accepted, in seconds since 1970; None if never."""
    @property
    def expires_at(self) -> int | None:
        """When the registration expires unless a code is accepted first, in seconds since 1970;
        None if it does not expire.
        """
    @property
    def rotation_expires_at(self) -> int | None:
        """When the pending secret expires unless it is confirmed first, in seconds since 1970;
        None if there is none.
        """
    @property
    def locked(self) -> bool:
        """Whether the user is locked, until `unlock` or a recovery code."""
    @property
    def misses(self) -> int:
        """Misses since the last success."""
    @property
    def attempts_left(self) -> int:
        """How many attempts are left right now."""
    @property
    def retry_after(self) -> int:
        """Seconds until the next attempt, when none is left; 0 otherwise."""
    @property
    def ahead(self) -> int:
        """How many seconds the last accepted code is ahead of any correct clock: a clock is or
        was wrong, and right codes are refused until `unlock`. 0 otherwise.
        """
    @property
    def recovery_codes_left(self) -> int:
        """How many recovery codes are left."""
    @property
    def sealed_by(self) -> str | None:
        """The name of the key that seals the secret; None for a plaintext secret."""
    def __reduce__(self) -> tuple[Callable[..., UserStatus], tuple[object, ...]]: ...

def _verification(
    outcome: str,
    code: tuple[int | None, bool],
    left: tuple[int | None, int | None],
    enrollment_id: str | None,
    /,
) -> Verification:
    """A verdict that was pickled."""

def _user_status(
    life: tuple[str | None, int | None, int | None, int | None, int],
    rest: tuple[int | None, int, str | None, int | None, int, int | None],
    budget: tuple[bool, int, int, int],
    /,
) -> UserStatus:
    """A status that was pickled."""

# What operators do, for the command line. Lambda's build has none of it.

@final
class UserState:
    """A user's history, as far as it moves with them to another table: codes stay used up, misses
    stay counted, and recovery codes keep working. None means that there is no such value.
    """

    def __new__(
        cls,
        *,
        registered_at: int | None = None,
        confirmed_at: int | None = None,
        expires_at: int | None = None,
        last_step: int | None = None,
        misses: int | None = None,
        throttle_at: int | None = None,
        recovery_at: int | None = None,
        recovery: list[str] = ...,
        pending: Pending | None = None,
    ) -> UserState: ...
    @property
    def registered_at(self) -> int | None:
        """When they were registered, in seconds since 1970."""
    @property
    def confirmed_at(self) -> int | None:
        """When a code was first accepted, in seconds since 1970."""
    @property
    def expires_at(self) -> int | None:
        """When the registration expires unless a code is accepted first, in seconds since 1970."""
    @property
    def last_step(self) -> int | None:
        """The last step accepted."""
    @property
    def misses(self) -> int | None:
        """Misses since the last success."""
    @property
    def throttle_at(self) -> int | None:
        """When the attempt budget is full again, in milliseconds since 1970."""
    @property
    def recovery_at(self) -> int | None:
        """The same for attempts with recovery codes, which versions before the second edition
        of the protocol charged.
        """
    @property
    def recovery(self) -> list[str]:
        """The hashes of the recovery codes that are left."""
    @property
    def pending(self) -> Pending | None:
        """The rotation in progress."""

@final
class Pending:
    """The secret of a rotation that nobody has confirmed yet. Its repr shows none of it."""

    def __new__(cls, totp: Totp, expires_at: int) -> Pending: ...
    @property
    def totp(self) -> Totp:
        """The secret, and how codes are made of it."""
    @property
    def expires_at(self) -> int:
        """When it expires, in seconds since 1970."""

@final
class StoredUser:
    """A user with everything that moves with them to another table, the secret included.
    Its repr shows the user id alone.
    """

    def __new__(cls, user: str, totp: Totp, state: UserState) -> StoredUser: ...
    @property
    def user(self) -> str:
        """The user id."""
    @property
    def totp(self) -> Totp:
        """The secret, and how codes are made of it."""
    @property
    def state(self) -> UserState:
        """What else moves with them."""

@final
class ListedUser:
    """One user of a page."""

    @property
    def user(self) -> str:
        """The user id."""
    @property
    def status(self) -> UserStatus | None:
        """What is known of them; None if they cannot be read."""
    @property
    def problem(self) -> str | None:
        """Why they cannot be read."""

@final
class TablePage:
    """A page of users, without their secrets."""

    @property
    def next(self) -> str | None:
        """Where the next page begins; None at the end."""
    @property
    def users(self) -> list[ListedUser]:
        """The users, in DynamoDB's order: of their keys' hashes."""

@final
class ExportPage:
    """A page of users with everything that moves with them."""

    @property
    def next(self) -> str | None:
        """Where the next page begins; None at the end."""
    @property
    def users(self) -> list[StoredUser]:
        """The users that could be read."""
    @property
    def problems(self) -> list[str]:
        """What could not be read, and why."""

@final
class UnusableUser:
    """A user whose id is invalid."""

    @property
    def user(self) -> str:
        """The id."""
    @property
    def problem(self) -> str:
        """Why it is invalid."""

@final
class Survey:
    """Which users of a page can log in, and which cannot."""

    @property
    def next(self) -> str | None:
        """Where the next page begins; None at the end."""
    @property
    def original(self) -> int:
        """Users whom the original application wrote, and who can log in."""
    @property
    def registered(self) -> int:
        """Users whom lambdatotp wrote, and who can log in."""
    @property
    def sealed(self) -> int:
        """How many of all of these have a sealed secret."""
    @property
    def problems(self) -> list[str]:
        """Who cannot log in with a right code, and why: what cannot be read, and whose last
        accepted code is in the future.
        """
    @property
    def unusable(self) -> list[UnusableUser]:
        """Users whose id is invalid."""

@final
class Resealed:
    """The result of sealing the secrets of a page."""

    @property
    def next(self) -> str | None:
        """Where the next page begins; None at the end."""
    @property
    def sealed(self) -> int:
        """Secrets that were sealed now."""
    @property
    def already(self) -> int:
        """Secrets that were already sealed with the first key."""
    @property
    def refused(self) -> list[str]:
        """What could not be sealed, and why."""

@final
class ImportOutcome:
    """The outcome of importing one user."""

    NEW: ClassVar[ImportOutcome]
    SAME: ClassVar[ImportOutcome]
    REFUSED: ClassVar[ImportOutcome]
    UNAVAILABLE: ClassVar[ImportOutcome]
    def __eq__(self, other: object, /) -> bool: ...
    def __hash__(self) -> int: ...

@final
class Imported:
    """The outcome of importing one user, and the reason."""

    @property
    def outcome(self) -> ImportOutcome:
        """What became of them."""
    @property
    def problem(self) -> str:
        """Why they were refused, or why there is no answer; empty otherwise."""

@final
class Table:
    """The table as DynamoDB describes it."""

    @property
    def status(self) -> str:
        """As DynamoDB calls it: ACTIVE, CREATING and so on."""
    @property
    def usable(self) -> bool:
        """Whether it can be used as it is."""
    @property
    def key(self) -> str:
        """The key, such as "user_id (S)"."""
    @property
    def key_fits(self) -> bool:
        """Whether that is the key that lambdatotp needs."""
    @property
    def items(self) -> int:
        """How many users there are, as DynamoDB counted some hours ago."""
    @property
    def on_demand(self) -> bool:
        """Whether billing is on demand, so that capacity cannot run out."""
    @property
    def kms(self) -> bool:
        """Whether a key of AWS KMS encrypts it; otherwise one of DynamoDB's own does."""
    @property
    def protected(self) -> bool:
        """Whether deletion protection is on."""
    @property
    def strong(self) -> bool | None:
        """Of a global table: whether all its Regions decide as one. In an eventually consistent
        one, each decides for itself. None for a table in one Region.
        """
    @property
    def replicas(self) -> list[Replica]:
        """Of a global table: its copies, as DynamoDB lists them. The one that was asked need
        not be among them.
        """
    @property
    def ahead_ms(self) -> int | None:
        """How far this machine's clock is ahead of the service's, in milliseconds, give or take
        500; None if the service did not send the time.
        """

@final
class Replica:
    """A copy of a global table."""

    @property
    def region(self) -> str:
        """Its Region, such as eu-west-1."""
    @property
    def status(self) -> str:
        """As DynamoDB calls it: ACTIVE, CREATING and so on."""
    @property
    def witness(self) -> bool:
        """Whether it only takes part in decisions, and can be neither read nor written."""

@final
class SwitchState:
    """Whether a setting is on for a table."""

    ON: ClassVar[SwitchState]
    OFF: ClassVar[SwitchState]
    ELSEWHERE: ClassVar[SwitchState]
    UNKNOWN: ClassVar[SwitchState]
    def __eq__(self, other: object, /) -> bool: ...
    def __hash__(self) -> int: ...

@final
class Switch:
    """A setting that can be switched on for a table."""

    @property
    def state(self) -> SwitchState:
        """Whether it is on."""
    @property
    def remark(self) -> str:
        """A remark on the state; empty for on and off."""

@final
class TableRequest:
    """A request to DynamoDB, as it would be sent."""

    @property
    def operation(self) -> str:
        """The operation, such as CreateTable."""
    @property
    def body(self) -> str:
        """Its parameters, as JSON."""

@final
class TransferKey:
    """One key of a transfer."""

    @property
    def key(self) -> KeyUri | None:
        """The key; None for one that no code can be made of."""
    @property
    def problem(self) -> str | None:
        """Why there is none."""

@final
class Transfer:
    """One QR code of a transfer, taken apart."""

    @property
    def batch_index(self) -> int:
        """Which of the transfer's QR codes this is, from 0."""
    @property
    def batch_size(self) -> int:
        """How many QR codes the transfer has."""
    @property
    def batch_id(self) -> int:
        """The number that the QR codes of one transfer share."""
    @property
    def keys(self) -> list[TransferKey]:
        """Its keys."""

def list_users(verifier: Verifier, after: str | None, *, limit: int) -> TablePage:
    """Reads one page of users, without their secrets.

    Args:
        verifier: Whose table.
        after: The `next` of the previous page; None for the first page.
        limit: The most users to read.
    """

def export_users(verifier: Verifier, after: str | None, *, limit: int) -> ExportPage:
    """Reads one page of users with everything that moves with them, their secrets included.

    Args:
        verifier: Whose table.
        after: The `next` of the previous page; None for the first page.
        limit: The most users to read.
    """

def survey_users(verifier: Verifier, after: str | None, *, limit: int) -> Survey:
    """Reads one page of users as a login would, and changes nothing.

    Args:
        verifier: Whose table.
        after: The `next` of the previous page; None for the first page.
        limit: The most users to read.
    """

def delete_unusable(verifier: Verifier, user: str) -> None:
    """Removes a user whose id is invalid, which `Verifier.delete` refuses.

    Raises:
        UserNotFoundError: There is no such user, or their id is valid.
    """

def import_users(
    verifier: Verifier, users: list[StoredUser], *, rehearsal: bool = False
) -> list[Imported]:
    """Imports users, each as a whole or not at all, and never over an existing one.

    Args:
        verifier: Into whose table.
        users: The users.
        rehearsal: Write nothing, and tell what would become of them.

    Returns:
        The outcome of each user, in the same order.
    """

def reseal_users(
    verifier: Verifier, after: str | None, *, limit: int, segment: int = 0, segments: int = 1
) -> Resealed:
    """Seals the secrets of one page of users with the first key, while logins continue.

    Args:
        verifier: Whose table.
        after: The `next` of the previous page; None for the first page.
        limit: The most users to read.
        segment: Which of the segments, from 0.
        segments: How many segments the table is read in, side by side.
    """

def region(verifier: Verifier) -> str:
    """The region that requests go to."""

def describe_table(verifier: Verifier) -> Table | None:
    """The table as it is; None if there is none."""

def create_table(verifier: Verifier) -> bool:
    """Asks for the table. It can be used once `describe_table` says so.

    Returns:
        Whether it is new.
    """

def add_replicas(verifier: Verifier, replicas: list[str], witness: str | None) -> bool:
    """Asks for copies of an empty table in other Regions, and that all decide as one. They can
    be used once `describe_table` says that they are ACTIVE.

    Args:
        verifier: Whose table.
        replicas: The other Regions: two, or one with a witness.
        witness: The Region that only takes part in decisions; None for three full copies.

    Returns:
        Whether this call did it; otherwise the table is being changed already.
    """

def switch_protection_on(verifier: Verifier) -> Switch:
    """Switches deletion protection on. Each Region has its own."""

def expiry(verifier: Verifier) -> Switch:
    """Whether DynamoDB removes items whose expires_at has passed."""

def switch_expiry_on(verifier: Verifier) -> Switch:
    """Makes DynamoDB remove items whose expires_at has passed."""

def backups(verifier: Verifier) -> Switch:
    """Whether the table can be restored to any second of the last 35 days."""

def switch_backups_on(verifier: Verifier) -> Switch:
    """Switches point-in-time recovery on."""

def table_requests(
    verifier: Verifier, replicas: list[str], witness: str | None
) -> list[TableRequest]:
    """The requests that would make the table. Nothing is sent.

    Args:
        verifier: Whose table.
        replicas: The other Regions of a global table; empty for one Region.
        witness: The Region that only takes part in decisions; None for none.
    """

def new_key(name: str) -> str:
    """A new key for the `keys` setting: 256 random bits in base64, with a name before them.

    Raises:
        ValueError: The name is not 1 to 32 letters, digits, '_' and '-'.
    """

def read_transfer(text: str) -> Transfer:
    """Reads the text of one of Google Authenticator's QR codes (otpauth-migration://).

    Raises:
        ValueError: It is not one.
    """

def write_transfer(keys: list[KeyUri]) -> str:
    """Writes a transfer of one QR code.

    Args:
        keys: 1 to MAX_TRANSFER_KEYS of them.

    Raises:
        ValueError: Too many keys or none, or one that the format cannot hold.
    """

def _qr_terminal_within(text: str, rows: int) -> str:
    """As `qr_terminal`, drawn smaller where the terminal has fewer rows than it takes."""

def _panic_next(*, in_future: bool = False) -> None:
    """Makes the next native call panic, or the next future that a native call starts."""

def _embedded_call(at: str, table: str, operation: str, body: str) -> tuple[int, str]:
    """One raw DynamoDB request to a table of the embedded engine at `at`: the HTTP
    status and the JSON reply. For looking at a table by hand.
    """

@final
class _PyotpKey:
    """A secret that was decoded once, and what was decoded: it answers for that very
    str object and hash only, so that setting either on an OTP needs no bookkeeping.
    """
    def code(
        self, secret: object, algorithm: int, digits: object, counter: object, /
    ) -> str | None:
        """The code for a counter."""
    def code_at(
        self,
        secret: object,
        algorithm: int,
        digits: object,
        for_time: object,
        interval: object,
        offset: object,
        /,
    ) -> str | None:
        """The code of a time, some steps away."""
    def find(
        self,
        otp: object,
        secret: object,
        algorithm: int,
        digits: object,
        for_time: object,
        interval: object,
        window: object,
        /,
    ) -> int | None:
        """The first step of a window around a time that has a code, or -1: every step is
        computed.
        """
    def __reduce__(
        self,
    ) -> tuple[Callable[[object, int], _PyotpKey | None], tuple[object, int]]: ...

def _pyotp_key(
    secret: object,
    algorithm: int,
    digits: object | None = None,
    interval: object | None = None,
    minimum_bits: object | None = None,
    /,
) -> _PyotpKey | None:
    """Decodes a secret for a hash; None where either is not plain, the secret has fewer bits
    than that, or the digits or the interval are out of PyOTP's range.
    """
