"""The enrollment page in a browser: who serves it, and what a person does with it."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pyotp
from playwright.sync_api import (
    Locator,
    Page,
    expect,
)

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


@dataclass
class Seen:
    """What a browser asked for, what the policy refused it, and what went wrong in it."""

    requests: list[str] = field(default_factory=list)
    violations: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)


def enroll(page: Page, user: str, *, recovery: bool = False) -> pyotp.TOTP:
    """Enroll as a person does; the secret comes off a screenshot of the QR code."""
    page.get_by_label("User").fill(user)
    page.get_by_label("Also make recovery codes").set_checked(recovery)
    page.get_by_role("button", name="Show the QR code").click()
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
