"""The same app after the second step: the secrets are lambdatotp's.

    LAMBDATOTP_EMBEDDED=lambdatotp.db python examples/replace_pyotp/after.py users.db

moves them. Existing phones keep working; each code is good once, and guesses have a budget.

1. ALTER TABLE users ADD COLUMN second_factor INTEGER
2. Deploy this code. It moves each user at the next login.
3. Run it as above, for those who do not log in. It may be stopped and repeated.
4. Once nothing runs the old code, to which no secret means no second factor:
   UPDATE users SET totp_secret = NULL

For production leave LAMBDATOTP_EMBEDDED out, and set LAMBDATOTP_KEYS, which seals the
secrets. If your PyOTP objects were made with other `digits`, `interval` or `digest`, give the
Verifier its `digits`, `period` and `algorithm`. PyOTP took secrets of any length, lambdatotp
takes 80 bits or more: a user who has less (InvalidSecretError) enrolls anew.
"""

import hashlib
import hmac
import secrets
import sqlite3
import sys
from contextlib import closing, suppress
from functools import cache

import lambdatotp


@cache
def verifier() -> lambdatotp.Verifier:
    """Make the one verifier, on first use."""
    return lambdatotp.Verifier(issuer="Example")


def hashed(password: str, salt: bytes) -> bytes:
    """Hash a password, slowly."""
    return hashlib.scrypt(password.encode(), salt=salt, n=2**14, r=8, p=1)


def add_user(db: sqlite3.Connection, name: str, password: str) -> None:
    """Sign up."""
    salt = secrets.token_bytes(16)
    row = (name, salt, hashed(password, salt))
    db.execute("INSERT INTO users (name, salt, password) VALUES (?, ?, ?)", row)
    db.commit()


def enroll(db: sqlite3.Connection, name: str) -> str:
    """Give a user a secret, and return the key URI to show as a QR code."""
    # A user who closed the window before the first code starts again.
    uri = verifier().register(name, replace_unconfirmed=True).uri
    db.execute("UPDATE users SET second_factor = 1 WHERE name = ?", (name,))
    db.commit()
    return uri


def change_phone(name: str, code: str) -> str | None:
    """Return the key URI for a new phone; None, unless the code of the old one is right."""
    return verifier().rotate(name).uri if verifier().verify(name, code) else None


def confirm_phone(name: str, code: str) -> bool:
    """Let the new phone take the place of the old one, which works until this code is right."""
    return bool(verifier().confirm(name, code))


def move(db: sqlite3.Connection, name: str, secret: str) -> None:
    """Hand a user's secret over to lambdatotp."""
    with suppress(lambdatotp.UserExistsError):  # moved before, by a run that was stopped here
        verifier().register(name, secret=secret)
    db.execute("UPDATE users SET second_factor = 1 WHERE name = ?", (name,))
    db.commit()


def login(db: sqlite3.Connection, name: str, password: str, code: str) -> bool:
    """Tell whether password and code are right; what `verify` raises, the caller answers."""
    query = "SELECT salt, password, totp_secret, second_factor FROM users WHERE name = ?"
    row = db.execute(query, (name,)).fetchone()
    if row is None or not hmac.compare_digest(row[1], hashed(password, row[0])):
        return False
    if row[2] is None and not row[3]:
        return True  # this user has no second factor
    if not row[3]:
        move(db, name, row[2])
    return verifier().verify(name, code)


def main() -> int:
    """Move everybody."""
    query = """SELECT name, totp_secret FROM users
        WHERE totp_secret IS NOT NULL AND second_factor IS NULL"""
    with closing(sqlite3.connect(sys.argv[1])) as db:
        for name, secret in db.execute(query).fetchall():
            try:
                move(db, name, secret)
            except lambdatotp.InvalidSecretError:  # noqa: PERF203 - the others go on
                print(f"{name} has to enroll anew: the secret is too short")
    return 0


if __name__ == "__main__":
    sys.exit(main())
