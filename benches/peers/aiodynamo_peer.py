"""The peer on aiodynamo and PyOTP, for asyncio: lambdatotp's own writes.

aiodynamo does not hand on the item of a failed condition, so the second form of the
reservation is tried without knowing that it fits.
"""

from __future__ import annotations

import base64
import os
import secrets
import time
from typing import TYPE_CHECKING

import pyotp
from aiodynamo.client import Client
from aiodynamo.credentials import Credentials
from aiodynamo.errors import ConditionalCheckFailed
from aiodynamo.expressions import F, UpdateExpression
from aiodynamo.models import ReturnValues
from yarl import URL

if TYPE_CHECKING:
    from aiodynamo.http.types import HttpImplementation

REFILL = 3_600_000
LIMIT = 9 * REFILL
CAP = 100


def write_id() -> str:
    """Make 128 random bits, to know one's own writes by."""
    return base64.urlsafe_b64encode(secrets.token_bytes(16)).rstrip(b"=").decode()


class Safe:
    """An attempt is charged, and a code used up, by a conditional write each."""

    def __init__(self, http: HttpImplementation) -> None:
        url = URL(os.environ["AWS_ENDPOINT_URL_DYNAMODB"])
        client = Client(http, Credentials.auto(), os.environ["AWS_REGION"], endpoint=url)
        self.table = client.table(os.environ["LAMBDATOTP_TABLE_NAME"])

    async def register(self, user: str) -> str:
        """Write a new user, unless there is one, and return the key URI."""
        secret = pyotp.random_base32()
        item = {"user_id": user, "secret": secret, "enrollment_id": write_id()}
        item["registered_at"] = int(time.time())
        await self.table.put_item(item, condition=F("user_id").does_not_exist())
        return pyotp.TOTP(secret).provisioning_uri(name=user, issuer_name="MyApp")

    async def verify(self, user: str, code: str) -> bool:
        """Reserve, check, accept."""
        now, tried = time.time(), write_id()
        at, idle = F("throttle_at"), F("throttle_at").does_not_exist()
        idle = idle | at.lte(int(now * 1000))
        busy = at.gt(int(now * 1000)) & at.lte(int(now * 1000) + LIMIT)
        new = F("user_id").exists()
        new &= F("reserve_id").does_not_exist() | F("reserve_id").not_equals(tried)
        new &= F("misses").does_not_exist() | F("misses").lt(CAP)
        new &= F("sealed_by").does_not_exist()

        async def charge(update: UpdateExpression, owed: object) -> dict[str, object]:
            return await self.table.update_item(
                {"user_id": user},
                update & F("reserve_id").set(tried) & F("misses").add(1),
                return_values=ReturnValues.all_new,
                condition=new & owed,
            )

        try:
            item = await charge(at.set(int(now * 1000) + REFILL), idle)
        except ConditionalCheckFailed:
            item = await charge(at.change(REFILL), busy)
        try:
            totp = pyotp.TOTP(item["secret"])
            step = totp.verify_and_get_timecode(code, valid_window=1)
        except pyotp.exceptions.OTPVerificationError:
            return False
        if step <= item.get("last_step", 0):
            return False
        update = F("last_step").set(step) & F("misses").set(0) & F("accept_id").set(write_id())
        update &= at.change(-REFILL) & F("confirmed_at").set_if_not_exists(int(now))
        unused = F("last_step").does_not_exist() | F("last_step").lt(step)
        same = F("enrollment_id").equals(item["enrollment_id"])
        try:
            await self.table.update_item(
                {"user_id": user}, update & F("expires_at").remove(), condition=same & unused
            )
        except ConditionalCheckFailed:
            return False
        return True
