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
    def __new__(cls, base32: Secret | str, /) -> Secret: ...
    @classmethod
    def generate(cls) -> Secret: ...
    @classmethod
    def from_bytes(cls, raw: bytes, /) -> Secret: ...
    @property
    def base32(self) -> str: ...
    @property
    def bits(self) -> int: ...
    def __bytes__(self) -> bytes: ...
    def __eq__(self, other: object, /) -> bool: ...
    def __hash__(self) -> int: ...
    def __copy__(self) -> Secret: ...
    def __deepcopy__(self, _memo: object, /) -> Secret: ...
    def __reduce_ex__(self, _protocol: object, /) -> NoReturn: ...

@final
class Totp:
    def __new__(
        cls,
        secret: Secret | str,
        *,
        digits: int = 6,
        period: int = 30,
        algorithm: str = "SHA1",
    ) -> Totp: ...
    def now(self) -> str: ...
    def at(self, unix_seconds: float, /) -> str: ...
    def step_at(self, unix_seconds: float | None = None, /) -> int: ...
    def code_for_step(self, step: int, /) -> str: ...
    def verify(
        self,
        code: str,
        *,
        at: float | None = None,
        window: int = 1,
        last_step: int | None = None,
    ) -> int | None: ...
    @property
    def digits(self) -> int: ...
    @property
    def period(self) -> int: ...
    @property
    def algorithm(self) -> str: ...
    @property
    def secret(self) -> Secret: ...
    def __eq__(self, other: object, /) -> bool: ...
    def __hash__(self) -> int: ...
    def __copy__(self) -> Totp: ...
    def __deepcopy__(self, _memo: object, /) -> Totp: ...
    def __reduce_ex__(self, _protocol: object, /) -> NoReturn: ...

@final
class Hotp:
    def __new__(cls, secret: Secret | str, *, digits: int = 6, algorithm: str = "SHA1") -> Hotp: ...
    def at(self, counter: int, /) -> str: ...
    def verify(self, code: str, counter: int, *, look_ahead: int = 0) -> int | None: ...
    @property
    def digits(self) -> int: ...
    @property
    def algorithm(self) -> str: ...
    @property
    def secret(self) -> Secret: ...
    def __eq__(self, other: object, /) -> bool: ...
    def __hash__(self) -> int: ...
    def __copy__(self) -> Hotp: ...
    def __deepcopy__(self, _memo: object, /) -> Hotp: ...
    def __reduce_ex__(self, _protocol: object, /) -> NoReturn: ...

@final
class KeyUri:
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
    def parse(cls, uri: str, /) -> KeyUri: ...
    @property
    def uri(self) -> str: ...
    @property
    def secret(self) -> Secret: ...
    @property
    def account_name(self) -> str: ...
    @property
    def issuer(self) -> str | None: ...
    @property
    def digits(self) -> int: ...
    @property
    def algorithm(self) -> str: ...
    @property
    def period(self) -> int | None: ...
    @property
    def counter(self) -> int | None: ...
    def __eq__(self, other: object, /) -> bool: ...
    def __hash__(self) -> int: ...
    def __copy__(self) -> KeyUri: ...
    def __deepcopy__(self, _memo: object, /) -> KeyUri: ...
    def __reduce_ex__(self, _protocol: object, /) -> NoReturn: ...

def qr_svg(text: str, /) -> str: ...
def qr_png(text: str, /, *, scale: int = 8) -> bytes: ...
def qr_data_uri(text: str, /, *, scale: int = 8) -> str: ...
def qr_terminal(text: str, /, *, ansi: bool = True) -> str: ...

@disjoint_base
class Verifier:
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
        timeout: float | None = None,
        connect_timeout: float | None = None,
        attempt_timeout: float | None = None,
        max_connections: int | None = None,
    ) -> Self: ...
    def register(
        self, user: str, *, secret: Secret | str | None = None, recovery_codes: int = 0
    ) -> Enrollment: ...
    def verify(self, user: str, code: str) -> bool: ...
    def delete(self, user: str) -> None: ...
    def check(self, user: str, code: str) -> Verification: ...
    def new_recovery_codes(self, user: str, count: int = 10) -> list[str]: ...
    def unlock(self, user: str) -> None: ...
    def status(self, user: str) -> UserStatus: ...
    def connect(self) -> None: ...
    def _register_async(
        self, user: str, secret: Secret | str | None = None, recovery_codes: int = 0
    ) -> Awaitable[Enrollment]: ...
    def _check_async(self, user: str, code: str) -> Awaitable[Verification]: ...
    def _new_recovery_codes_async(self, user: str, count: int = 10) -> Awaitable[list[str]]: ...
    def _unlock_async(self, user: str) -> Awaitable[object]: ...
    def _status_async(self, user: str) -> Awaitable[UserStatus]: ...
    def _delete_async(self, user: str) -> Awaitable[object]: ...
    def _connect_async(self) -> Awaitable[object]: ...
    @property
    def table_name(self) -> str: ...
    @property
    def issuer(self) -> str: ...
    @property
    def sealing_key(self) -> str | None: ...

@final
class Enrollment:
    @property
    def user(self) -> str: ...
    @property
    def recovery_codes(self) -> list[str]: ...
    @property
    def secret(self) -> str: ...
    @property
    def uri(self) -> str: ...
    def qr_svg(self) -> str: ...
    def qr_png(self, *, scale: int = 8) -> bytes: ...
    def qr_data_uri(self, *, scale: int = 8) -> str: ...
    def qr_terminal(self, *, ansi: bool = True) -> str: ...

@final
class Verification:
    @property
    def outcome(self) -> str: ...
    @property
    def recovery_codes_left(self) -> int | None: ...
    def __bool__(self) -> bool: ...
    def __reduce__(self) -> tuple[Callable[..., Verification], tuple[str, int]]: ...

@final
class UserStatus:
    @property
    def registered_at(self) -> int | None: ...
    @property
    def confirmed_at(self) -> int | None: ...
    @property
    def expires_at(self) -> int | None: ...
    @property
    def locked(self) -> bool: ...
    @property
    def misses(self) -> int: ...
    @property
    def attempts_left(self) -> int: ...
    @property
    def retry_after(self) -> int: ...
    @property
    def recovery_codes_left(self) -> int: ...
    @property
    def sealed_by(self) -> str | None: ...
    def __reduce__(self) -> tuple[Callable[..., UserStatus], tuple[object, ...]]: ...

def _verification(outcome: str, number: int, /) -> Verification: ...
def _user_status(
    life: tuple[int | None, int | None, int | None, int],
    rest: tuple[int | None, int, str | None],
    budget: tuple[bool, int, int],
    /,
) -> UserStatus: ...

# What operators do, for the command line. Lambda's build has none of it.

@final
class UserState:
    """What a user has behind them, as far as it moves with them to another table: with it,
    a code stays used up, a guess counted and a recovery code good. None stands for what
    is not there.
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
    ) -> UserState: ...
    @property
    def registered_at(self) -> int | None:
        """When they were registered, in seconds since 1970."""
    @property
    def confirmed_at(self) -> int | None:
        """When a code was first accepted, in seconds since 1970."""
    @property
    def expires_at(self) -> int | None:
        """When the registration lapses if no code is accepted before, in seconds since 1970."""
    @property
    def last_step(self) -> int | None:
        """The last step accepted."""
    @property
    def misses(self) -> int | None:
        """Misses since the last success."""
    @property
    def throttle_at(self) -> int | None:
        """When nothing is owed any more, in milliseconds since 1970."""
    @property
    def recovery_at(self) -> int | None:
        """The same for attempts with recovery codes."""
    @property
    def recovery(self) -> list[str]:
        """The hashes of the recovery codes that are left."""

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
    """A user whose id no call accepts."""

    @property
    def user(self) -> str:
        """The id."""
    @property
    def problem(self) -> str:
        """Why no call accepts it."""

@final
class Survey:
    """Who of a page could log in, and who could not."""

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
        """What cannot be read, and why."""
    @property
    def unusable(self) -> list[UnusableUser]:
        """Users whose id no call accepts."""

@final
class Resealed:
    """What became of a page whose secrets were to be sealed."""

    @property
    def next(self) -> str | None:
        """Where the next page begins; None at the end."""
    @property
    def sealed(self) -> int:
        """Secrets that were sealed now."""
    @property
    def already(self) -> int:
        """Secrets that were under the first key already."""
    @property
    def refused(self) -> list[str]:
        """What could not be sealed, and why."""

@final
class ImportOutcome:
    """What became of a user from elsewhere."""

    NEW: ClassVar[ImportOutcome]
    SAME: ClassVar[ImportOutcome]
    REFUSED: ClassVar[ImportOutcome]
    UNAVAILABLE: ClassVar[ImportOutcome]
    def __eq__(self, other: object, /) -> bool: ...
    def __hash__(self) -> int: ...

@final
class Imported:
    """What became of a user from elsewhere, and why."""

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
        """Whether each request is billed by itself, so that no capacity can run out."""
    @property
    def kms(self) -> bool:
        """Whether a key of AWS KMS encrypts it; otherwise one of DynamoDB's own does."""
    @property
    def protected(self) -> bool:
        """Whether it refuses to be deleted."""
    @property
    def ahead_ms(self) -> int | None:
        """What our clock is ahead of the service's, in milliseconds, give or take 500; None
        if the service did not tell the time.
        """

@final
class SwitchState:
    """Whether something is on for a table."""

    ON: ClassVar[SwitchState]
    OFF: ClassVar[SwitchState]
    ELSEWHERE: ClassVar[SwitchState]
    UNKNOWN: ClassVar[SwitchState]
    def __eq__(self, other: object, /) -> bool: ...
    def __hash__(self) -> int: ...

@final
class Switch:
    """Something that can be switched on for a table."""

    @property
    def state(self) -> SwitchState:
        """Whether it is on."""
    @property
    def remark(self) -> str:
        """What there is to say about that; empty for on and off."""

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
        after: The `next` of the page before; None to begin with.
        limit: How many users at the most.
    """

def export_users(verifier: Verifier, after: str | None, *, limit: int) -> ExportPage:
    """Reads one page of users with everything that moves with them, their secrets included.

    Args:
        verifier: Whose table.
        after: The `next` of the page before; None to begin with.
        limit: How many users at the most.
    """

def survey_users(verifier: Verifier, after: str | None, *, limit: int) -> Survey:
    """Reads one page of users as a login would, and changes nothing.

    Args:
        verifier: Whose table.
        after: The `next` of the page before; None to begin with.
        limit: How many users at the most.
    """

def delete_unusable(verifier: Verifier, user: str) -> None:
    """Removes a user whose id no call accepts, `Verifier.delete` included.

    Raises:
        UserNotFoundError: There is none, or it is a user like any other.
    """

def import_users(
    verifier: Verifier, users: list[StoredUser], *, rehearsal: bool = False
) -> list[Imported]:
    """Takes in users from elsewhere, each whole or not at all, and never over one who is
    there.

    Args:
        verifier: Into whose table.
        users: The users.
        rehearsal: Write nothing, and tell what would become of them.

    Returns:
        What became of each, in their order.
    """

def reseal_users(
    verifier: Verifier, after: str | None, *, limit: int, segment: int = 0, segments: int = 1
) -> Resealed:
    """Seals the secrets of one page of users under the first key, while logins go on.

    Args:
        verifier: Whose table.
        after: The `next` of the page before; None to begin with.
        limit: How many users at the most.
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

def expiry(verifier: Verifier) -> Switch:
    """Whether items that have expired are swept away, by expires_at."""

def switch_expiry_on(verifier: Verifier) -> Switch:
    """Lets DynamoDB sweep away items whose expires_at has passed."""

def backups(verifier: Verifier) -> Switch:
    """Whether the table can be restored to any second of the last 35 days."""

def switch_backups_on(verifier: Verifier) -> Switch:
    """Switches point-in-time recovery on."""

def table_requests(verifier: Verifier) -> list[TableRequest]:
    """The requests that would make the table. Nothing is sent."""

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

def _qr_terminal_within(text: str, rows: int) -> str: ...
def _panic_next(*, in_future: bool = False) -> None: ...
def _embedded_call(at: str, table: str, operation: str, body: str) -> tuple[int, str]: ...

@final
class _PyotpKey:
    def code(
        self, secret: object, algorithm: int, digits: object, counter: object, /
    ) -> str | None: ...
    def code_at(
        self,
        secret: object,
        algorithm: int,
        digits: object,
        for_time: object,
        interval: object,
        offset: object,
        /,
    ) -> str | None: ...
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
    ) -> int | None: ...
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
) -> _PyotpKey | None: ...
