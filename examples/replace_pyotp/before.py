"""An app with PyOTP and secrets in a column of its own: what there is before.

    pip install pyotp

What is wrong with it: a code that somebody read over a shoulder, or off a wrong page, lets
them in again until its time is over; nobody counts guesses, and a thousand a second find a
code within the hour; and a copy of the database holds every second factor.

The first step changes one line, `import lambdatotp.pyotp as pyotp`, and fixes none of this:
it only is faster. The second is after.py.
"""

import hashlib
import hmac
import secrets
import sqlite3

import pyotp

SCHEMA = "CREATE TABLE users (name TEXT PRIMARY KEY, salt BLOB, password BLOB, totp_secret TEXT)"


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
    secret = pyotp.random_base32()
    db.execute("UPDATE users SET totp_secret = ? WHERE name = ?", (secret, name))
    db.commit()
    return pyotp.TOTP(secret).provisioning_uri(name=name, issuer_name="Example")


def login(db: sqlite3.Connection, name: str, password: str, code: str) -> bool:
    """Tell whether password and code are right."""
    query = "SELECT salt, password, totp_secret FROM users WHERE name = ?"
    row = db.execute(query, (name,)).fetchone()
    if row is None or not hmac.compare_digest(row[1], hashed(password, row[0])):
        return False
    return row[2] is None or pyotp.TOTP(row[2]).verify(code, valid_window=1)
