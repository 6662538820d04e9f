"""One user of a file, whatever the file calls its parts."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from operator import itemgetter
from typing import TYPE_CHECKING, Any, TypeAlias
from urllib.parse import unquote

from lambdatotp import KeyUri, Secret, Totp
from lambdatotp._lambdatotp import Pending, StoredUser, UserState

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

# The parts of a user under our names, and the issuer, which is not stored.
User: TypeAlias = tuple[dict[str, Any], str | None]

# What files call the parts of a user, in the spelling of `plain`; the first one that is there
# counts.
NAMES = {
    "user": (
        "user", "userid", "username", "account", "accountname", "email", "login", "name",
        "loginusername", "externaluserid",
    ),
    "key": (
        "secret", "secretbase32", "base32", "seed", "totp", "logintotp", "totpsecret",
        "otpsecret", "tftotpsecret", "otp", "otpauth", "otpauthurl", "otpauthuri", "otpurl",
        "keyuri", "configurl", "url", "uri",
    ),
    "key_hex": ("secrethex", "keyhex", "hex"),
    "issuer": ("issuer", "service"),
    "title": ("title",),
    "algorithm": ("algorithm", "algo", "alg", "hash", "hashalgorithm", "digest", "hashfunction"),
    "digits": ("digits", "otplength", "length", "codedigits", "codelength", "otplen"),
    "period": ("period", "interval", "timestep", "timeinterval", "timer"),
    "type": ("type", "otptype"),
    "counter": ("counter",),
}  # fmt: skip

# The part that each name stands for, and its rank among the names of that part.
MEANINGS = {
    alias: (name, rank) for name, aliases in NAMES.items() for rank, alias in enumerate(aliases)
}

# In password managers' columns for web sites, only key URIs are read.
SITES = ("url", "uri")

# Names that look like code parameters. A default in place of one could make other codes.
PARAMETER_LIKE = re.compile(
    "(?!.*(password|recovery|backup))"
    "(.*(algo|hash|hmac|digest|digit|period|interval|timestep|timer|duration|otplen|codelen"
    "|(otp|code)size|counter|epoch|encod|param)"
    "|(.*(otp|secret|key))?(alg|step|format|t0|sha[0-9]*)$)"
)

# What only our own files have: with these, a code stays used up and a guess counted.
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

NUMBERS = ("digits", "period", "counter")

# What most files have.
EXAMPLES = {"digits": 6, "period": 30}

PUNCTUATION = str.maketrans("", "", " -=")

# Text like this in place of a name may be a key, and is not shown.
KEY_LIKE = re.compile(
    "^[A-Z2-7]{16,}=*$|[A-Z2-7]{24,}|[a-z2-7]{32,}"
    "|(?i:[0-9a-f]{40,}|otpauth[a-z-]*:|(?:secret|data)=)"
    # Base64 of some length, as in a transfer: capitals and digits in one word.
    "|(?=[a-z0-9+/_%-]{0,39}[A-Z])(?=[A-Za-z+/_%-]{0,39}[0-9])[A-Za-z0-9+/_%-]{40,}"
)


class UnreadableError(Exception):
    """Why a user, or a whole file, cannot be read. Never quotes more than the user's name."""

    user = ""


class Twice(dict[str, Any]):
    """An object of JSON in which two parts have the same name."""


def load_json(text: str) -> Any:  # noqa: ANN401 - whatever the file holds
    """Read JSON, in which nothing is taken for given when it is given twice."""

    def of(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found = dict(pairs)
        return found if len(found) == len(pairs) else Twice(found)

    return json.loads(text, object_pairs_hook=of)


def refuse_twins(value: object) -> None:
    """Raise UnreadableError if two parts of an object, however deep in it, have the same name."""
    waiting = [value]
    while waiting:
        value = waiting.pop()
        if isinstance(value, Twice):
            raise UnreadableError("two of its parts have the same name: remove one")
        if isinstance(value, dict):
            waiting += value.values()
        elif isinstance(value, list | tuple):
            waiting += value


def refuse_strangers(entry: object, known: Iterable[str] = ()) -> None:
    """Raise UnreadableError if a name in an object, or in one in it, may be a parameter's.

    A parameter under another name than the known ones would have its default instead.
    """
    waiting = [entry]
    while waiting:
        entry = waiting.pop()
        if isinstance(entry, dict):
            for name in entry.keys() - {*known}:
                meaning, _ = MEANINGS.get(plain(name), ("", 0))
                if meaning in (*PARAMETERS, "type", "counter") or PARAMETER_LIKE.match(plain(name)):
                    raise UnreadableError(_may_change([name]))
            waiting += entry.values()


@dataclass(repr=False)
class Row:
    """One user of a file, or why there is none. Its repr shows neither.

    Its place is a line, or in a document an entry; in a folder also a file's name.
    """

    line: int
    fields: dict[str, Any]
    issuer: str | None = None
    problem: str | None = None
    unit: str = "line"
    file: str = ""

    @property
    def user(self) -> str:
        """The user's id, as far as there is one."""
        return str(self.fields.get("user", ""))

    @property
    def shown(self) -> str:
        """The user's id as it is told: where columns were swapped, it would be a secret."""
        return "(it looks like a secret)" if KEY_LIKE.search(self.user) else self.user

    @property
    def place(self) -> str:
        """Where it is, for people."""
        return f"{self.file}, {self.unit} {self.line}" if self.file else f"{self.unit} {self.line}"

    def stored(self) -> StoredUser:
        """Return what is imported; UnreadableError if a part of it cannot be."""
        parameters = {name: self.fields[name] for name in PARAMETERS if name in self.fields}
        state = {name: self.fields[name] for name in STATE if name in self.fields}
        try:
            totp = Totp(self.fields["secret"], **parameters)
            if pending := self.fields.get("pending"):
                of = {name: pending[name] for name in PARAMETERS}
                state["pending"] = Pending(Totp(pending["secret"], **of), pending["expires_at"])
            return StoredUser(self.user, totp, UserState(**state))
        except ValueError as error:
            raise UnreadableError(str(error)) from None

    def is_usable(self) -> bool:
        """Tell whether there is a user to import."""
        try:
            return self.problem is None and self.stored() is not None
        except UnreadableError:
            return False


def fields_of(user: StoredUser) -> dict[str, object]:
    """Return the parts of a user under our names, as `of_mapping` reads them."""
    totp = user.totp
    fields: dict[str, object] = {"user": user.user, "secret": totp.secret.base32}
    fields |= {name: getattr(totp, name) for name in PARAMETERS}
    values = {name: getattr(user.state, name) for name in STATE}
    if pending := user.state.pending:
        parameters = {name: getattr(pending.totp, name) for name in PARAMETERS}
        values["pending"] = {
            "secret": pending.totp.secret.base32,
            **parameters,
            "expires_at": pending.expires_at,
        }
    return fields | {name: value for name, value in values.items() if value not in (None, [])}


def plain(name: str) -> str:
    """Spell a name of a column without capitals, blanks, hyphens and underscores."""
    return re.sub("[^a-z0-9]", "", name.lower())


def _told(name: str) -> str:
    return "(it looks like a secret)" if KEY_LIKE.search(name.strip()) else name


def _may_change(names: Iterable[str]) -> str:
    told = ", ".join(repr(_told(name)) for name in names)
    return (
        f"{told} may change the codes, and the import does not know it: rename it to algorithm, "
        "digits or period if it is one of them, or remove it"
    )


def unused(names: Iterable[str], also: Iterable[str] = ()) -> list[str]:
    """Return the names that nothing is read from, as they are told.

    Raises:
        UnreadableError: One of them sounds like a parameter of codes.
    """
    others = [name for name in names if plain(name) not in MEANINGS and name not in also]
    if strange := [name for name in others if PARAMETER_LIKE.match(plain(name))]:
        raise UnreadableError(_may_change(strange))
    return list(map(_told, others))


def _is_there(value: object) -> bool:
    return value is not None and not (isinstance(value, str) and not value.strip())


def _number(name: str, value: object) -> int:
    if isinstance(value, str) and re.fullmatch(r"[0-9]{1,18}", value.strip()):
        return int(value)
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 10**18:
        return value
    raise UnreadableError(
        f"{name} is not a whole number: write {EXAMPLES.get(name, 0)}, for example"
    )


def _text(name: str, value: object) -> str:
    if name == "user" and isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    if not isinstance(value, str):
        raise UnreadableError(f"{name} is not a text")
    try:
        value.encode()
    except UnicodeEncodeError:
        raise UnreadableError(f"{name} is not UTF-8") from None
    if name == "algorithm":
        return plain(value).upper().removeprefix("HMAC")
    return value if name == "user" else value.strip()


def from_hex(text: str) -> str:
    """Turn a secret in hex into base32."""
    try:
        key = bytes.fromhex(re.sub("^0[xX]", "", text))
    except (TypeError, ValueError):
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
        error = UnreadableError("it is counter-based (hotp): only time-based codes can be verified")
        error.user = key.account_name
        raise error
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
        return of_uri(KeyUri.parse(_text("the key URI", text)))
    except (ValueError, UnreadableError) as problem:
        error = UnreadableError(str(problem))
        label = re.match("(?i)otpauth://[a-z]+/([^?&#=]{1,256})[?]", text)
        error.user = unquote(label[1].rpartition(":")[2]).strip() if label else ""
        raise error from None


def _of_key(text: str) -> User:
    """Read what stands where a secret is expected: base32, a key URI, or passlib's JSON."""
    if text.lower().startswith("otpauth://"):
        return parse_uri(text)
    if text.lower().startswith("steam://"):
        raise UnreadableError("it is a Steam key, whose codes are letters")
    if not text.startswith("{"):
        return {"secret": text}, None
    try:
        key = load_json(text)
    except (ValueError, RecursionError):
        raise UnreadableError("the secret is not base32, and not passlib's JSON either") from None
    refuse_twins(key)
    if "enckey" in key:
        raise UnreadableError("the secret is encrypted: write passlib's keys without a wallet")
    names = {"label": "user", "key": "secret"}
    refuse_strangers(key, MEANINGS)
    return _parts({names.get(name, name): value for name, value in key.items() if name != "v"}, ())


def of_mapping(mapping: Mapping[str, Any], state: Iterable[str] = ()) -> User:
    """Read a user out of a line of CSV or an object of JSON, its names in plain spelling.

    Of what a user has behind them, only the names in `state` are read.
    """
    try:
        fields, issuer = _parts(mapping, state)
        _require(fields, "user", "user (or username, email, account, login, name), or it is empty")
        _require(fields, "secret", "secret (or uri, totp, secret_hex, ...), or it is empty")
    except UnreadableError as error:
        error.user = user_of(mapping) or error.user
        raise
    return fields, issuer


def user_of(mapping: Mapping[str, Any]) -> str:
    """Return the user's id, as far as there is one."""
    user = next(filter(_is_there, map(mapping.get, NAMES["user"])), "")
    return str(user) if isinstance(user, str | int) else ""


def _require(fields: Mapping[str, Any], name: str, called: str) -> None:
    if not fields.get(name):
        raise UnreadableError(f"it has no {called}")


def _parts(mapping: Mapping[str, Any], state: Iterable[str]) -> User:
    given = _given(mapping, state)
    if given.pop("type", "totp").lower() != "totp":
        raise UnreadableError("its type is not totp: only time-based codes can be verified")
    if given.pop("counter", 0):
        raise UnreadableError("it has a counter: only time-based codes can be verified")
    issuer, title = given.pop("issuer", None), given.pop("title", None)
    fields: dict[str, Any] = {}
    for text in given.pop("keys"):
        more, named = _of_key(text)
        _agree(fields, more)
        fields = {**more, **fields}
        issuer = issuer or named
    _agree(fields, given)
    fields.update(given)
    return fields, issuer or title


def _agree(fields: Mapping[str, Any], others: Mapping[str, Any]) -> None:
    """Refuse what is given twice, and differs."""
    for name in ("secret", *PARAMETERS):
        first, second = fields.get(name), others.get(name)
        if name == "secret" and first and second:
            first, second = (key.upper().translate(PUNCTUATION) for key in (first, second))
        if first is not None and second is not None and first != second:
            raise UnreadableError(f"its {name} is given twice, with different values: remove one")


def _given(mapping: Mapping[str, Any], state: Iterable[str]) -> dict[str, Any]:
    """Take what is known, under the names that we use."""
    found: dict[str, list[tuple[int, str, Any]]] = {}
    for alias, value in mapping.items():
        if alias in MEANINGS and _is_there(value):
            name, rank = MEANINGS[alias]
            found.setdefault(name, []).append((rank, alias, value))
    given: dict[str, Any] = {"keys": list(_keys(found))}
    for name, values in found.items():
        if name in {"key", "key_hex"}:
            continue
        values.sort(key=itemgetter(0))
        parts = [_number(name, v) if name in NUMBERS else _text(name, v) for _, _, v in values]
        if name in PARAMETERS and any(part != parts[0] for part in parts):
            raise UnreadableError(f"its {name} is given twice, with different values: remove one")
        given[name] = parts[0]
    return given | _behind(mapping, state)


def _behind(mapping: Mapping[str, Any], state: Iterable[str]) -> dict[str, Any]:
    """Take what a user has behind them, as far as it may be taken from this file."""
    given: dict[str, Any] = {}
    for name in HISTORY:
        if name in state and _is_there(mapping.get(name)):
            given[name] = _number(name, mapping[name])
    if "recovery" in state and (recovery := mapping.get("recovery")):
        if not isinstance(recovery, list) or not all(map(_is_hash, recovery)):
            raise UnreadableError("recovery is not a list of hashes")
        if len(set(recovery)) < len(recovery):
            raise UnreadableError("recovery holds a hash twice")
        given["recovery"] = recovery
    if "pending" in state and (pending := mapping.get("pending")):
        given["pending"] = _pending(pending)
    return given


def _keys(found: Mapping[str, list[tuple[int, str, Any]]]) -> Iterator[str]:
    for _, alias, value in found.get("key", ()):
        text = _text("secret", value)
        if text and (alias not in SITES or text.lower().startswith("otpauth://")):
            yield text
    for _, _, value in found.get("key_hex", ()):
        yield from_hex(_text("secret", value))


def row_of(line: int, read: Callable[[Any], User], given: object) -> Row:
    """Read a row, or say why it cannot be read."""
    try:
        fields, issuer = read(given)
    except UnreadableError as error:
        return Row(line, {"user": error.user} if error.user else {}, problem=str(error))
    return Row(line, fields, issuer)


def _pending(pending: object) -> dict[str, Any]:
    """Read the secret of a rotation that is under way: only our own files have one."""
    wanted = {"secret": _text, "expires_at": _number, "algorithm": _text}
    wanted |= dict.fromkeys(("digits", "period"), _number)
    if not isinstance(pending, dict) or set(pending) != set(wanted):
        raise UnreadableError("pending is not a rotation as export writes it")
    return {name: read(name, pending[name]) for name, read in wanted.items()}


def _is_hash(code: object) -> bool:
    return isinstance(code, str) and re.fullmatch(r"[A-Za-z0-9_-]{22}", code) is not None
