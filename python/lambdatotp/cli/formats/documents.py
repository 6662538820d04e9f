"""The exports of other programs: one JSON document each, read whole.

A format is how to tell it, where its entries are, and how an entry's parts are called in
`rows.NAMES`. An entry without a key is None.
"""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

from .rows import UnreadableError, from_bytes, load_json, plain, refuse_strangers, refuse_twins

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

Parts: TypeAlias = dict[str, Any]


@dataclass(frozen=True)
class Document:
    """A format."""

    is_it: Callable[[Any], bool]
    entries: Callable[[Any], object]
    read: Callable[[Any], Parts | None]
    # Names that look like code parameters: those that are read, and those that are not parameters.
    names: frozenset[str]


def get(value: object, *names: str) -> Any:  # noqa: ANN401 - whatever the file holds
    """Return what is there under these names, one inside the other, or None."""
    for name in names:
        value = value.get(name) if isinstance(value, dict) else None
    return value


def part(entry: object, name: str, kind: type) -> Any:  # noqa: ANN401 - of that kind
    """Return what is there under a name; UnreadableError if it is not of that kind."""
    value = get(entry, name)
    if not isinstance(value, kind):
        raise UnreadableError(f"it has no {name}")
    return value


def items(value: object) -> list[Any]:
    """Return a list as it is, nothing for None, and anything else as an entry to refuse."""
    return value if isinstance(value, list) else [] if value is None else [value]


def has(*names: str) -> Callable[[Any], bool]:
    """Tell an object that has all of these names."""
    return lambda document: isinstance(document, dict) and set(names) <= document.keys()


def list_of(*names: str) -> Callable[[Any], bool]:
    """Tell a list that has an object with all of these names."""
    return lambda document: isinstance(document, list) and any(map(has(*names), document))


def users_with(name: str) -> Callable[[Any], bool]:
    """Tell an object with a list of users, one of which has that name."""
    return lambda document: list_of(name)(get(document, "users"))


def each(users: Iterable[object], *names: str) -> list[tuple[Any, Any]]:
    """Pair each user with each of what they have under these names; with None for nothing."""
    return [(user, entry) for user in users for entry in items(get(user, *names)) or [None]]


def named(**names: str) -> Callable[[Any], Parts]:
    """Read an object whose parts have these names."""

    def read(entry: object) -> Parts:
        if not isinstance(entry, dict):
            raise UnreadableError("it is not a JSON object")
        return {ours: entry.get(theirs) for ours, theirs in names.items()}

    return read


def decoded(text: object) -> str:
    """Turn a secret in base64 into base32."""
    try:
        key = base64.b64decode(text if isinstance(text, str) else "", validate=True)
    except (binascii.Error, ValueError):
        raise UnreadableError("the secret is not base64") from None
    return from_bytes(key)


def _aegis(entry: object) -> Parts:
    info = part(entry, "info", dict)
    return {
        "user": part(entry, "name", str),
        "issuer": get(entry, "issuer"),
        "secret": part(info, "secret", str),
        "algo": info.get("algo"),
        "digits": info.get("digits"),
        "period": info.get("period"),
        "counter": info.get("counter"),
        "type": part(entry, "type", str),
    }


def _freeotp(entry: object) -> Parts:
    key = part(entry, "secret", list)
    # Java's bytes are signed.
    if not all(type(byte) is int and -128 <= byte < 256 for byte in key):  # noqa: PLR2004
        raise UnreadableError("the secret is not a list of bytes")
    return {
        "user": part(entry, "label", str),
        "issuer": get(entry, "issuerExt") or get(entry, "issuerInt"),
        "secret": from_bytes(bytes(byte & 0xFF for byte in key)),
        "algo": get(entry, "algo"),
        "digits": get(entry, "digits"),
        "period": get(entry, "period"),
        "type": part(entry, "type", str),
    }


def _twofas(entry: object) -> Parts:
    otp = part(entry, "otp", dict)
    return {
        "user": otp.get("account") or otp.get("label"),
        "issuer": otp.get("issuer") or get(entry, "name"),
        "secret": part(entry, "secret", str),
        "algorithm": otp.get("algorithm"),
        "digits": otp.get("digits"),
        "period": otp.get("period"),
        "counter": otp.get("counter"),
        "type": otp.get("tokenType"),
    }


def _bitwarden(entry: object) -> Parts | None:
    if not (key := get(entry, "login", "totp")):
        return None
    return {"user": get(entry, "login", "username"), "title": get(entry, "name"), "totp": key}


def _proton(entry: object) -> Parts:
    content = part(entry, "content", dict)
    return {
        "uri": content.get("uri"),
        "secret": None if content.get("uri") else "",
        "type": content.get("entry_type"),
    }


STRATUM_TYPES = {1: "hotp", 2: "totp", 3: "motp", 4: "steam", 5: "yandex"}
STRATUM_HASHES = {0: "SHA1", 1: "SHA256", 2: "SHA512"}


def _stratum(entry: object) -> Parts:
    return {
        "user": part(entry, "Username", str),
        "issuer": get(entry, "Issuer"),
        "secret": part(entry, "Secret", str),
        "algorithm": STRATUM_HASHES.get(part(entry, "Algorithm", int), "of unknown number"),
        "digits": get(entry, "Digits"),
        "period": get(entry, "Period"),
        "type": STRATUM_TYPES.get(part(entry, "Type", int), "unknown"),
    }


def _authy(entry: object) -> Parts:
    if get(entry, "digits") == 7 and not get(entry, "period"):  # noqa: PLR2004 - Authy's own
        raise UnreadableError("it is a key of Authy's own, with a period that is not in the file")
    name = get(entry, "original_name") or get(entry, "name")
    issuer, colon, account = str(name or "").partition(":")
    return {
        "user": account.strip() if colon else name,
        "issuer": get(entry, "issuer") or (issuer if colon else None),
        "secret": part(entry, "decrypted_seed", str),
        "digits": get(entry, "digits"),
        "period": get(entry, "period"),
    }


def _keycloak(entry: tuple[Any, Any]) -> Parts | None:
    user, credential = entry
    if get(credential, "type") not in ("otp", "totp", "hotp"):
        return None
    try:
        secret, data = (
            load_json(part(credential, name, str)) for name in ("secretData", "credentialData")
        )
    except (ValueError, RecursionError):
        raise UnreadableError("its secretData or credentialData is not JSON") from None
    refuse_twins([secret, data])
    refuse_strangers(data, {"algorithm", "digits", "period", "counter", "secretEncoding"})
    key = part(secret, "value", str)
    # Without an encoding, the letters themselves are the key.
    if get(data, "secretEncoding") != "BASE32":
        key = from_bytes(key.encode(errors="surrogatepass"))
    return {
        "username": get(user, "username"),
        "secret": key,
        "algorithm": get(data, "algorithm"),
        "digits": get(data, "digits"),
        "period": get(data, "period"),
        "type": get(data, "subType"),
    }


def _auth0(entry: tuple[Any, Any]) -> Parts | None:
    user, factor = entry
    if not get(factor, "totp"):
        return None
    names = ("user_id", "username", "email")
    user = {plain(name): get(user, name) for name in names}
    return {**user, "secret": part(factor["totp"], "secret", str)}


def _fusionauth(entry: tuple[Any, Any]) -> Parts | None:
    user, method = entry
    if get(method, "method") != "authenticator":
        return None
    return {
        "username": get(user, "username"),
        "email": get(user, "email"),
        "secret": decoded(get(method, "secret")),
        "algorithm": get(method, "authenticator", "algorithm"),
        "digits": get(method, "authenticator", "codeLength"),
        "period": get(method, "authenticator", "timeStep"),
    }


def _supertokens(entry: tuple[Any, Any]) -> Parts | None:
    user, device = entry
    if device is None:
        return None
    emails = (get(method, "email") for method in items(get(user, "loginMethods")))
    return {
        "user": get(user, "externalUserId") or next(filter(None, emails), None),
        "secret": part(device, "secretKey", str),
        "period": get(device, "period"),
    }


def _django_entries(document: list[Any]) -> list[tuple[dict[Any, Any], Any]]:
    """Pair the names of the users in the file with each object."""
    users: dict[Any, Any] = {}
    for entry in document:
        fields, key = get(entry, "fields"), get(entry, "pk")
        model = str(get(entry, "model")).lower()
        if isinstance(key, int | str) and (model.endswith(".user") or get(fields, "last_login")):
            name = get(fields, "username") or get(fields, "email")
            # Two user models: the file does not show which one is meant.
            users[key] = name if users.get(key, name) == name else None
    return [(users, entry) for entry in document]


def _django(pair: tuple[dict[Any, Any], Any]) -> Parts | None:
    """Read an object of `manage.py dumpdata`: django-otp's or django-allauth's."""
    users, entry = pair
    model = get(entry, "model")
    if model == "mfa.authenticator" and get(entry, "fields", "type") == "totp":
        fields = part(entry, "fields", dict)
        return {
            "user": _django_user(fields.get("user"), users),
            "secret": part(part(fields, "data", dict), "secret", str),
        }
    if model == "otp_hotp.hotpdevice":
        raise UnreadableError("it is counter-based (hotp): only time-based codes can be verified")
    if model != "otp_totp.totpdevice":
        return None
    device = part(entry, "fields", dict)
    if not device.get("confirmed", True):
        raise UnreadableError("the device was never confirmed")
    if device.get("t0"):
        raise UnreadableError("its steps do not count from 1970 (t0)")
    return {
        "user": _django_user(device.get("user"), users),
        "secrethex": part(device, "key", str),
        "digits": device.get("digits"),
        "period": device.get("step"),
    }


def _django_user(user: object, users: dict[Any, Any]) -> str:
    # A natural key is a list (`--natural-foreign`); otherwise it is a number.
    if isinstance(user, list) and len(user) == 1 and isinstance(user[0], str):
        return user[0]
    name = users.get(user) if isinstance(user, int | str) else None
    if not isinstance(name, str) or not name:
        raise UnreadableError(
            "the name of its user is not in the file: dump with --natural-foreign, or auth.user too"
        )
    return name


APP = named(
    user="label", issuer="issuer", secret="secret", algorithm="algorithm", digits="digits",
    period="period", type="type", counter="counter",
)  # fmt: skip
RAIVO = named(
    user="account", issuer="issuer", secret="secret", algorithm="algorithm", digits="digits",
    period="timer", type="kind", counter="counter",
)  # fmt: skip
TWOFAUTH = named(
    user="account", issuer="service", secret="secret", algorithm="algorithm", digits="digits",
    period="period", type="otp_type", counter="counter",
)  # fmt: skip

COMMON = "algorithm digits period counter type"


def names(text: str) -> frozenset[str]:
    """Return the names in a text."""
    return frozenset(text.split())


DOCUMENTS = {
    "2fas": Document(
        has("services", "schemaVersion"), lambda doc: doc["services"], _twofas, names(COMMON)
    ),
    "2fauth": Document(
        has("app", "data", "schema"), lambda doc: doc["data"], TWOFAUTH,
        names("algorithm digits period counter otp_type"),
    ),
    "aegis": Document(
        has("db"),
        lambda doc: get(doc, "db", "entries"),
        _aegis,
        names("algo digits period counter type icon_hash"),
    ),
    "andotp": Document(
        list_of("secret", "label", "type"), lambda doc: doc, APP, names(COMMON)
    ),
    "auth0": Document(
        list_of("mfa_factors"), lambda doc: each(doc, "mfa_factors"), _auth0, names("")
    ),
    "authy": Document(
        has("decrypted_authenticator_tokens"),
        lambda doc: doc["decrypted_authenticator_tokens"],
        _authy,
        names("digits period"),
    ),
    "bitwarden": Document(has("items"), lambda doc: doc["items"], _bitwarden, names("type")),
    "django": Document(
        list_of("model"), _django_entries, _django, names("digits step t0 type")
    ),
    "freeotp": Document(
        has("tokens"), lambda doc: doc["tokens"], _freeotp,
        names("algo digits period counter type"),
    ),
    "fusionauth": Document(
        users_with("twoFactor"),
        lambda doc: each(doc["users"], "twoFactor", "methods"),
        _fusionauth,
        names("algorithm codeLength timeStep"),
    ),
    "keycloak": Document(
        users_with("credentials"), lambda doc: each(doc["users"], "credentials"), _keycloak,
        names(COMMON),
    ),
    "proton": Document(
        has("version", "entries"), lambda doc: doc["entries"], _proton, names("")
    ),
    "raivo": Document(
        list_of("account", "kind", "timer"), lambda doc: doc, RAIVO,
        names("algorithm digits timer counter"),
    ),
    "stratum": Document(
        has("Authenticators"), lambda doc: doc["Authenticators"], _stratum,
        names("Algorithm Digits Period Counter Type"),
    ),
    "supertokens": Document(
        users_with("totpDevices"), lambda doc: each(doc["users"], "totpDevices"), _supertokens,
        names("period"),
    ),
}  # fmt: skip

# Known documents that cannot be read, and what to do instead.
UNREADABLE: tuple[tuple[Callable[[Any], bool], str], ...] = (
    (
        lambda doc: isinstance(get(doc, "db"), str),
        "an encrypted Aegis export: export it again, without encryption",
    ),
    (
        lambda doc: bool(get(doc, "servicesEncrypted")),
        "an encrypted 2FAS backup: export without a password",
    ),
    (
        lambda doc: get(doc, "encrypted") is True,
        "an encrypted Bitwarden export: export as plain JSON or CSV",
    ),
    (
        has("kdfParams", "encryptedData"),
        "an encrypted Ente export: export without a password",
    ),
    (
        has("authenticator_tokens"),
        "Authy's encrypted keys: decrypt them first (decrypted_authenticator_tokens)",
    ),
    (
        has("salt", "content"),
        "an encrypted Proton Authenticator export: export without a password",
    ),
    (
        lambda doc: isinstance(get(doc, "data"), str) and has("app", "schema")(doc),
        "an encrypted 2FAuth export: export without a password",
    ),
)


def kind_of(document: object) -> str:
    """Tell a document's format; UnreadableError if it is one that cannot be read; or ""."""
    for is_it, problem in UNREADABLE:
        if is_it(document):
            raise UnreadableError(f"it is {problem}")
    return next((name for name, form in DOCUMENTS.items() if form.is_it(document)), "")
