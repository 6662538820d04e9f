"""The enrollment page in a browser: who serves it, and what a person does with it."""

from __future__ import annotations

import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pyotp
from playwright.sync_api import (
    Locator,
    Page,
    expect,
)

from tests.python.support.chalice_local import call
from tests.python.support.engines import embedded_client
from tests.python.support.pictures import pixels_of_png, read
from tests.python.support.serve import serving as lambdatotp_serve

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

ARGUMENTS = [
    "--no-sandbox",  # containers run as root
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
PHONE = {"width": 390, "height": 844}
DESKTOP = {"width": 1280, "height": 800}
ISSUER = 'A&B "<i>C</i>"'
TOKEN = "t0ken-of-an-operator"
LINK = "/account?a=1&b='{{nonce}}'"

expect.set_options(timeout=20_000)


@dataclass(frozen=True)
class Server:
    """One `lambdatotp serve`, and a raw door to its table."""

    port: int
    at: str

    @property
    def origin(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def set(self, user: str, attribute: str, value: int) -> None:
        embedded_client(self.at, "totp_users").update_item(
            TableName="totp_users",
            Key={"user_id": {"S": user}},
            UpdateExpression=f"SET {attribute} = :value",
            ExpressionAttributeValues={":value": {"N": str(value)}},
        )


@contextmanager
def serving(at: Path, **variables: str) -> Iterator[Server]:
    with lambdatotp_serve("--embedded", str(at), **variables) as server:
        yield Server(server.port, str(at))


def enrolled(server: Server, user: str, **fields: object) -> tuple[pyotp.TOTP, list[str]]:
    """Enroll without the page; returns the phone, one code of which is used, and recovery codes."""
    allowed = {"Authorization": f"Bearer {TOKEN}"}
    status, body = call(server.port, "POST", "/", {"user": user, **fields}, **allowed)
    assert status == 201
    totp = pyotp.parse_uri(body["qr_code"])
    assert isinstance(totp, pyotp.TOTP)
    first = {"user": user, "code": totp.now()}
    _, verdict = call(server.port, "POST", "/verify", first, **allowed)
    assert verdict["first"] is True
    return totp, body.get("recovery_codes", [])


def following(totp: pyotp.TOTP) -> str:
    """The code of the next step, which the window has already."""
    return totp.at(time.time(), counter_offset=1)


@dataclass
class Seen:
    """What a browser asked for, what the policy refused it, and what went wrong in it."""

    requests: list[str] = field(default_factory=list)
    violations: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)

    @property
    def paths(self) -> list[str]:
        """The paths that the server was asked for, in order."""
        return [urlsplit(url).path for url in self.requests if url.startswith("http")]


def enroll(page: Page, user: str, *, name: str = "", recovery: bool = False) -> pyotp.TOTP:
    """Enroll as a person does; the secret comes off a screenshot of the QR code."""
    page.get_by_label("User").fill(user)
    page.get_by_label("Name shown on the phone").fill(name)
    page.get_by_label("Also make recovery codes").set_checked(recovery)
    page.get_by_role("button", name="Show the QR code").click()
    return scan(page)


def change(page: Page, user: str, code: str, *, name: str = "") -> None:
    """Ask for a change of phone as a person does."""
    page.get_by_label("User").fill(user)
    page.get_by_label("Name shown on the phone").fill(name)
    page.get_by_label("Code of the old phone").fill(code)
    page.get_by_role("button", name="Check this code").click()


def scan(page: Page) -> pyotp.TOTP:
    """Read the QR code off a screenshot."""
    expect(page.locator("#qr")).to_be_visible()
    scanned = read(pixels_of_png(page.screenshot()))
    assert scanned is not None
    totp = pyotp.parse_uri(scanned)
    assert isinstance(totp, pyotp.TOTP)
    return totp


def submit(page: Page, code: str) -> None:
    # While one is under way, another would be ignored.
    expect(page.locator("#check-form:not([aria-busy=true])")).to_have_count(1)
    page.get_by_label("Code", exact=True).fill(code)
    page.get_by_role("button", name="Check").click()


def verdict(page: Page) -> Locator:
    return page.locator("#check-message")


def focused(page: Page) -> str:
    return str(page.evaluate("document.activeElement.id"))


def fits(page: Page) -> None:
    """Nothing sticks out to the side."""
    wide, there = page.evaluate(
        "[document.documentElement.scrollWidth, document.documentElement.clientWidth]"
    )
    assert wide <= there
