"""The peer on boto3 and PyOTP: lambdatotp's own writes, and the original's plain read.

Written as their documentations teach, and kind to them: one low-level client, which is
faster than a resource, made once, with a connection for every thread.
"""

from __future__ import annotations

import base64
import os
import secrets
import time
from typing import Any

import boto3
import pyotp
from botocore.config import Config
from botocore.exceptions import ClientError

REFILL = 3_600_000  # milliseconds; a burst of 10
LIMIT = 9 * REFILL
CAP = 100

NEW = (
    "attribute_exists(user_id) AND (attribute_not_exists(reserve_id) OR reserve_id <> :id)"
    " AND (attribute_not_exists(misses) OR misses < :cap) AND attribute_not_exists(sealed_by)"
)
MISS = ", reserve_id = :id, misses = if_not_exists(misses, :zero) + :one"
IDLE = f"{NEW} AND (attribute_not_exists(throttle_at) OR throttle_at <= :now)"
BUSY = f"{NEW} AND throttle_at > :now AND throttle_at <= :limit"
ACCEPT = (
    "SET last_step = :step, misses = :zero, accept_id = :id,"
    " throttle_at = if_not_exists(throttle_at, :refund) - :refund,"
    " confirmed_at = if_not_exists(confirmed_at, :now) REMOVE expires_at"
)
UNUSED = "enrollment_id = :enrolled AND (attribute_not_exists(last_step) OR last_step < :step)"


def write_id() -> dict[str, str]:
    """Make 128 random bits, to know one's own writes by."""
    return {"S": base64.urlsafe_b64encode(secrets.token_bytes(16)).rstrip(b"=").decode()}


def n(number: int) -> dict[str, str]:
    """Write a number as DynamoDB wants it."""
    return {"N": str(number)}


class Plain:
    """The original's verification: one read. A code is good for as many logins as arrive."""

    def __init__(self) -> None:
        session = boto3.session.Session()
        self.client = session.client("dynamodb", config=Config(max_pool_connections=64))
        self.table = os.environ["LAMBDATOTP_TABLE_NAME"]

    def register(self, user: str) -> str:
        """Write a new user, unless there is one, and return the key URI."""
        secret = pyotp.random_base32()
        item = {
            "user_id": {"S": user},
            "secret": {"S": secret},
            "enrollment_id": write_id(),
            "registered_at": n(int(time.time())),
        }
        self.client.put_item(
            TableName=self.table,
            Item=item,
            ConditionExpression="attribute_not_exists(user_id)",
        )
        return pyotp.TOTP(secret).provisioning_uri(name=user, issuer_name="MyApp")

    def verify(self, user: str, code: str) -> bool:
        """Read the secret, and compare."""
        item = self.client.get_item(TableName=self.table, Key={"user_id": {"S": user}})["Item"]
        return pyotp.TOTP(item["secret"]["S"]).verify(code, valid_window=1)


class Safe(Plain):
    """lambdatotp's verification: an attempt is charged, and a code used up, by a write each."""

    def update(self, user: str, update: str, condition: str, **values: Any) -> dict[str, Any]:
        """Update a user's item on a condition."""
        return dict(
            self.client.update_item(
                TableName=self.table,
                Key={"user_id": {"S": user}},
                UpdateExpression=update,
                ConditionExpression=condition,
                ExpressionAttributeValues={f":{name}": value for name, value in values.items()},
                ReturnValues="ALL_NEW" if "misses = if_not_exists" in update else "NONE",
                ReturnValuesOnConditionCheckFailure="ALL_OLD",
            )
        )

    def reserve(self, user: str, now: int) -> dict[str, Any]:
        """Charge an attempt and read the user, in one write; two where attempts are owed."""
        values = {"id": write_id(), "now": n(now), "zero": n(0), "one": n(1), "cap": n(CAP)}
        idle = "SET throttle_at = :next" + MISS
        busy = "SET throttle_at = throttle_at + :refill" + MISS
        try:
            done = self.update(user, idle, IDLE, next=n(now + REFILL), **values)
        except ClientError as error:
            old = error.response.get("Item")
            if not old:
                raise LookupError("there is no such user") from error
            if old.get("reserve_id") == values["id"]:
                return dict(old)
            if int(old.get("misses", n(0))["N"]) >= CAP:
                raise PermissionError("locked") from error
            if int(old["throttle_at"]["N"]) > now + LIMIT:
                raise PermissionError("too many attempts") from error
            refill, limit = n(REFILL), n(now + LIMIT)
            done = self.update(user, busy, BUSY, refill=refill, limit=limit, **values)
        return dict(done["Attributes"])

    def verify(self, user: str, code: str) -> bool:
        """Reserve, check, accept."""
        now = time.time()
        item = self.reserve(user, int(now * 1000))
        try:
            step = pyotp.TOTP(item["secret"]["S"]).verify_and_get_timecode(code, valid_window=1)
        except pyotp.exceptions.OTPVerificationError:
            return False
        if step <= int(item.get("last_step", n(0))["N"]):
            return False
        values = {"step": n(step), "zero": n(0), "id": write_id(), "refund": n(REFILL)}
        values |= {"now": n(int(now)), "enrolled": item["enrollment_id"]}
        try:
            self.update(user, ACCEPT, UNUSED, **values)
        except ClientError as error:
            return bool(error.response.get("Item", {}).get("accept_id") == values["id"])
        return True
