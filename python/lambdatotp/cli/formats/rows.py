"""One user of a file, whatever the file calls its parts."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

from lambdatotp import KeyUri, Secret, Totp
from lambdatotp._lambdatotp import StoredUser, UserState

if TYPE_CHECKING:
    from collections.abc import Mapping

# The parts of a user under our names, and the issuer, which is not stored.
User: TypeAlias = tuple[dict[str, Any], str | None]

# What files call the parts of a user; the first one that is there counts.
NAMES = {
    "user": ("user", "user_id", "username", "account", "account_name", "email", "login", "name"),
    "secret": ("secret", "secret_base32", "base32", "seed"),
    "secret_hex": ("secret_hex", "key_hex", "hex"),
    "uri": ("uri", "url", "key_uri", "config_url", "otpauth", "otpauth_url"),
    "issuer": ("issuer",),
    "algorithm": ("algorithm", "algo", "hash"),
    "digits": ("digits", "otp_length", "length"),
    "period": ("period", "interval"),
    "type": ("type", "otp_type"),
}

# What our own files have besides: with these, a code stays used up and a guess counted.
HISTORY = (
    "registered_at",
    "confirmed_at",
    "expires_at",
    "last_step",
    "misses",
    "throttle_at",
    "recovery_at",
)

STATE = (*HISTORY, "recovery")

PARAMETERS = ("algorithm", "digits", "period")

NUMBERS = ("digits", "period")


class UnreadableError(Exception):
    """Why a user, or a whole file, cannot be read. Never quotes it."""


@dataclass(repr=False)
class Row:
    """One user of a file, or why there is none. Its repr shows neither."""

    line: int
    fields: dict[str, Any]
    issuer: str | None = None
    problem: str | None = None

    @property
    def user(self) -> str:
        """The user's id, as far as there is one."""
        return str(self.fields.get("user", ""))

    def stored(self) -> StoredUser:
        """Return what is imported; UnreadableError if a part of it cannot be."""
        parameters = {name: self.fields[name] for name in PARAMETERS if name in self.fields}
        state = {name: self.fields[name] for name in STATE if name in self.fields}
        try:
            totp = Totp(self.fields["secret"], **parameters)
            return StoredUser(self.user, totp, UserState(**state))
        except ValueError as error:
            raise UnreadableError(str(error)) from None


def fields_of(user: StoredUser) -> dict[str, object]:
    """Return the parts of a user under our names, as `of_mapping` reads them."""
    totp = user.totp
    fields: dict[str, object] = {"user": user.user, "secret": totp.secret.base32}
    fields |= {name: getattr(totp, name) for name in PARAMETERS}
    values = {name: getattr(user.state, name) for name in STATE}
    return fields | {name: value for name, value in values.items() if value not in (None, [])}


def _is_there(value: object) -> bool:
    return value is not None and value != ""


def _number(name: str, value: object) -> int:
    if isinstance(value, str) and re.fullmatch(r"[0-9]{1,18}", value.strip()):
        return int(value)
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 10**18:
        return value
    raise UnreadableError(f"{name} is not a whole number")


def _text(name: str, value: object) -> str:
    if name == "user" and isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    if not isinstance(value, str):
        raise UnreadableError(f"{name} is not a text")
    try:
        value.encode()
    except UnicodeEncodeError:
        raise UnreadableError(f"{name} is not UTF-8") from None
    return value if name == "user" else value.strip()


def from_hex(text: str) -> str:
    """Turn a secret in hex into base32."""
    try:
        key = bytes.fromhex(text)
    except ValueError:
        raise UnreadableError("the secret is not hex") from None
    return from_bytes(key)


def from_bytes(key: bytes) -> str:
    """Turn a secret into base32."""
    try:
        return Secret.from_bytes(key).base32
    except ValueError as error:
        raise UnreadableError(str(error)) from None


def of_uri(key: KeyUri) -> User:
    """Take a key URI for a user: the account name is the user id."""
    if key.period is None:
        raise UnreadableError("it is counter-based (hotp): only time-based codes can be verified")
    fields = {
        "user": key.account_name,
        "secret": key.secret.base32,
        "algorithm": key.algorithm,
        "digits": key.digits,
        "period": key.period,
    }
    return fields, key.issuer


def parse_uri(text: str) -> User:
    """Read a key URI."""
    try:
        return of_uri(KeyUri.parse(text))
    except ValueError as error:
        raise UnreadableError(str(error)) from None


def of_mapping(mapping: Mapping[str, Any]) -> User:
    """Read a user out of a line of CSV or an object of JSON."""
    given = _given(mapping)
    if given.pop("type", "totp").lower() != "totp":
        raise UnreadableError("its type is not totp: only time-based codes can be verified")
    uri, key = given.pop("uri", None), given.pop("secret_hex", None)
    issuer = given.pop("issuer", None)
    fields: dict[str, Any] = {}
    if uri:
        fields, named = parse_uri(uri)
        issuer = issuer or named
    if key:
        fields["secret"] = from_hex(key)
    fields.update(given)
    for name, called in (("user", "user"), ("secret", "secret, and no uri")):
        if not fields.get(name):
            raise UnreadableError(f"it has no {called}")
    return fields, issuer


def _given(mapping: Mapping[str, Any]) -> dict[str, Any]:
    """Take what is known, under the names that we use."""
    given: dict[str, Any] = {}
    for name, aliases in NAMES.items():
        value = next(filter(_is_there, map(mapping.get, aliases)), None)
        if value is not None:
            given[name] = _number(name, value) if name in NUMBERS else _text(name, value)
    for name in HISTORY:
        if _is_there(mapping.get(name)):
            given[name] = _number(name, mapping[name])
    if recovery := mapping.get("recovery"):
        if not isinstance(recovery, list) or not all(map(_is_hash, recovery)):
            raise UnreadableError("recovery is not a list of hashes")
        given["recovery"] = recovery
    return given


def _is_hash(code: object) -> bool:
    return isinstance(code, str) and re.fullmatch(r"[A-Za-z0-9_-]{22}", code) is not None
