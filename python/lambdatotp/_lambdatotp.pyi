from collections.abc import Awaitable, Callable
from os import PathLike
from typing import Any, ClassVar, Final, final

from typing_extensions import Self, disjoint_base

__all__ = [
    "Enrollment",
    "Hotp",
    "KeyUri",
    "Secret",
    "Totp",
    "Verifier",
    "_PyotpKey",
    "__version__",
    "_create_table",
    "_describe_table",
    "_embedded_call",
    "_pyotp_key",
    "_pyotp_parse",
    "_pyotp_random",
    "_pyotp_uri",
    "_region",
    "_switch",
    "_table_requests",
    "qr_data_uri",
    "qr_png",
    "qr_svg",
    "qr_terminal",
]

__version__: Final[str]

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
    __hash__: ClassVar[None]  # type: ignore[assignment]

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
    __hash__: ClassVar[None]  # type: ignore[assignment]

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
        embedded: str | PathLike[str] | None = None,
        issuer: str | None = None,
        digits: int | None = None,
        period: int | None = None,
        algorithm: str | None = None,
        window: int | None = None,
        burst: int | None = None,
        refill: float | None = None,
        max_misses: int | None = None,
        timeout: float | None = None,
        connect_timeout: float | None = None,
        attempt_timeout: float | None = None,
        max_connections: int | None = None,
    ) -> Self: ...
    def register(self, user: str, *, secret: Secret | str | None = None) -> Enrollment: ...
    def verify(self, user: str, code: str) -> bool: ...
    def delete(self, user: str) -> None: ...
    def connect(self) -> None: ...
    def _register_async(
        self, user: str, secret: Secret | str | None = None
    ) -> Awaitable[Enrollment]: ...
    def _verify_async(self, user: str, code: str) -> Awaitable[bool]: ...
    def _delete_async(self, user: str) -> Awaitable[None]: ...
    def _connect_async(self) -> Awaitable[None]: ...
    @property
    def table_name(self) -> str: ...
    @property
    def issuer(self) -> str: ...

@final
class Enrollment:
    @property
    def user(self) -> str: ...
    @property
    def secret(self) -> str: ...
    @property
    def uri(self) -> str: ...
    def qr_svg(self) -> str: ...
    def qr_png(self, *, scale: int = 8) -> bytes: ...
    def qr_data_uri(self, *, scale: int = 8) -> str: ...
    def qr_terminal(self, *, ansi: bool = True) -> str: ...

def _region(verifier: Verifier) -> str: ...
def _describe_table(verifier: Verifier) -> dict[str, Any] | None: ...
def _create_table(verifier: Verifier) -> bool: ...
def _switch(verifier: Verifier, what: str, *, on: bool = False) -> tuple[bool | None, str]: ...
def _table_requests(table_name: str) -> list[tuple[str, str]]: ...
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
    /,
) -> _PyotpKey | None: ...
def _pyotp_random(length: object, chars: object, /) -> str | None: ...
def _pyotp_uri(
    secret: object,
    name: object,
    issuer: object,
    algorithm: int,
    digits: object,
    period: object,
    counter: object,
    /,
) -> str | None: ...
def _pyotp_parse(
    uri: object, /
) -> tuple[str, str, str | None, int, int, int, int | None] | None: ...
