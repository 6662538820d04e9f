"""Writing users, one after another, in the formats that `readers` reads."""

from __future__ import annotations

import base64
import csv
import io
import json
import re
from typing import TYPE_CHECKING

from lambdatotp import KeyUri
from lambdatotp._lambdatotp import MAX_TRANSFER_KEYS, write_transfer

from .cells import neutral
from .rows import fields_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from lambdatotp._lambdatotp import StoredUser

COLUMNS = ("user", "secret", "algorithm", "digits", "period", "issuer")


class Writer:
    """Text for each user, and before and behind them."""

    head = ""
    tail = ""

    def __init__(self, issuer: str) -> None:
        self.issuer = issuer

    def write(self, user: StoredUser) -> str:
        """Return a user's text; ValueError if the format cannot hold them."""
        raise NotImplementedError

    def end(self) -> str:
        """Return what is still to be written."""
        return self.tail

    def _uri(self, user: StoredUser) -> KeyUri:
        return KeyUri(
            user.totp.secret,
            user.user,
            issuer=self.issuer,
            digits=user.totp.digits,
            algorithm=user.totp.algorithm,
            period=user.totp.period,
        )


class Lines(csv.excel):
    """A line a row, as on Unix."""

    lineterminator = "\n"


class QuotedLines(Lines):
    """The same with every cell in quotes."""

    quoting = csv.QUOTE_ALL


class Csv(Writer):
    """A line a user, with the columns named in the first one."""

    head = ",".join(COLUMNS) + "\n"

    def write(self, user: StoredUser) -> str:
        """Return a line."""
        line = io.StringIO()
        cells = [neutral(str({**fields_of(user), "issuer": self.issuer}[name])) for name in COLUMNS]
        # Where numbers have decimal commas, spreadsheets separate cells by semicolons.
        dialect = QuotedLines if any(";" in cell for cell in cells) else Lines
        csv.writer(line, dialect).writerow(cells)
        return line.getvalue()


class JsonLines(Writer):
    """An object a user, with everything that moves with them."""

    def write(self, user: StoredUser) -> str:
        """Return a line."""
        return json.dumps({**fields_of(user), "issuer": self.issuer}, ensure_ascii=False) + "\n"


class Uris(Writer):
    """A key URI a line."""

    def write(self, user: StoredUser) -> str:
        """Return a line."""
        return self._uri(user).uri + "\n"


class Migration(Writer):
    """Google Authenticator's transfers: a line for ten users, each a QR code by itself."""

    def __init__(self, issuer: str) -> None:
        super().__init__(issuer)
        self._waiting: list[KeyUri] = []

    def write(self, user: StoredUser) -> str:
        """Return a line for every tenth user."""
        key = self._uri(user)
        write_transfer([key])
        self._waiting.append(key)
        return self.end() if len(self._waiting) == MAX_TRANSFER_KEYS else ""

    def end(self) -> str:
        """Return the last line."""
        waiting, self._waiting = self._waiting, []
        return write_transfer(waiting) + "\n" if waiting else ""


class Oath(Writer):
    """OATH CSV, which has no quotes and no hash: serial, key in hex, type, digits, seconds."""

    def write(self, user: StoredUser) -> str:
        """Return a line."""
        totp, key = user.totp, bytes(user.totp.secret).hex()
        if re.search('[,"#]|^[ ]|[ ]$', user.user):
            raise ValueError(
                "OATH CSV cannot hold an id with commas, quotes, # or surrounding spaces"
            )
        if totp.algorithm != "SHA1" or len(key) in {32, 64, 128}:
            raise ValueError(
                "OATH CSV names no hash, and readers would not guess this one from the key's length"
            )
        return f"{user.user},{key},totp,{totp.digits},{totp.period}\n"


class Document(Writer):
    """One JSON document with an object for each user."""

    def __init__(self, issuer: str) -> None:
        super().__init__(issuer)
        self._separator = ""

    def write(self, user: StoredUser) -> str:
        """Return an object, and what stands between it and the one before."""
        text = f"{self._separator}\n{json.dumps(self.entry(user), ensure_ascii=False)}"
        self._separator = ","
        return text

    def entry(self, user: StoredUser) -> dict[str, object]:
        """Return a user's object; ValueError if the format cannot hold them."""
        raise NotImplementedError


class Keycloak(Document):
    """What Keycloak's partial import takes."""

    head, tail = '{"ifResourceExists": "SKIP", "users": [', "\n]}\n"

    def entry(self, user: StoredUser) -> dict[str, object]:
        """Return a user with one credential."""
        totp = user.totp
        if totp.digits not in {6, 8}:
            raise ValueError("Keycloak supports only codes of 6 or 8 digits")
        data = {
            "subType": "totp",
            "digits": totp.digits,
            "counter": 0,
            "period": totp.period,
            "algorithm": f"Hmac{totp.algorithm}",
            "secretEncoding": "BASE32",
        }
        credential = {
            "type": "otp",
            "secretData": json.dumps({"value": totp.secret.base32}),
            "credentialData": json.dumps(data),
        }
        return {"username": user.user, "enabled": True, "credentials": [credential]}


class Auth0(Document):
    """What Auth0's job for importing users takes."""

    head, tail = "[", "\n]\n"

    def entry(self, user: StoredUser) -> dict[str, object]:
        """Return a user with one factor."""
        totp = user.totp
        if "@" not in user.user:
            raise ValueError("Auth0 needs an email address, which the id is not")
        if (totp.algorithm, totp.digits, totp.period) != ("SHA1", 6, 30):
            raise ValueError("Auth0 holds SHA1, 6 digits and 30 s only")
        return {"email": user.user, "mfa_factors": [{"totp": {"secret": totp.secret.base32}}]}


class FusionAuth(Document):
    """What FusionAuth's API for importing users takes."""

    head, tail = '{"users": [', "\n]}\n"

    def entry(self, user: StoredUser) -> dict[str, object]:
        """Return a user with one method."""
        totp = user.totp
        how = {
            "algorithm": f"Hmac{totp.algorithm}",
            "codeLength": totp.digits,
            "timeStep": totp.period,
        }
        key = base64.b64encode(bytes(totp.secret)).decode()
        method = {"method": "authenticator", "secret": key, "authenticator": how}
        name = "email" if "@" in user.user else "username"
        return {name: user.user, "twoFactor": {"methods": [method]}}


WRITERS: dict[str, Callable[[str], Writer]] = {
    "jsonl": JsonLines,
    "csv": Csv,
    "uri": Uris,
    "migration": Migration,
    "oath": Oath,
    "keycloak": Keycloak,
    "auth0": Auth0,
    "fusionauth": FusionAuth,
}
