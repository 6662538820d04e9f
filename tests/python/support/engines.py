"""The real engines that every store test runs on, and a raw door to each."""

from __future__ import annotations

from functools import cache, cached_property
from typing import TYPE_CHECKING, Any

import boto3
import lambdatotp
from botocore.awsrequest import AWSResponse
from lambdatotp import _lambdatotp

if TYPE_CHECKING:
    from collections.abc import Iterator


class Engine:
    """A real DynamoDB engine with one empty table."""

    def __init__(self, settings: dict[str, str]) -> None:
        self.settings = settings
        self.table_name = settings["table_name"]

    @cached_property
    def client(self) -> Any:
        """A boto3 client of it."""
        if at := self.settings.get("embedded"):
            return embedded_client(at, self.table_name)
        return local_client(self.settings["endpoint_url"])

    def verifier(self, **settings: Any) -> lambdatotp.Verifier:
        return lambdatotp.Verifier(**{**self.settings, **settings})

    def environment(self) -> dict[str, str]:
        """Say the same as `settings`, for another process or the app."""
        names = {
            "table_name": "LAMBDATOTP_TABLE_NAME",
            "embedded": "LAMBDATOTP_EMBEDDED",
            "endpoint_url": "AWS_ENDPOINT_URL_DYNAMODB",
            "region": "AWS_REGION",
        }
        return {names[name]: value for name, value in self.settings.items()}

    def put(self, user: str, **attributes: Any) -> None:
        """Write an item as another program would."""
        item = {"user_id": {"S": user}, **{name: _typed(v) for name, v in attributes.items()}}
        self.client.put_item(TableName=self.table_name, Item=item)

    def set(self, user: str, **attributes: Any) -> None:
        """Change attributes of an item as another program would."""
        self.client.update_item(
            TableName=self.table_name,
            Key={"user_id": {"S": user}},
            UpdateExpression="SET " + ", ".join(f"{name} = :{name}" for name in attributes),
            ExpressionAttributeValues={f":{name}": _typed(v) for name, v in attributes.items()},
        )

    def get(self, user: str) -> dict[str, Any] | None:
        """Read an item, as plain values."""
        reply = self.client.get_item(
            TableName=self.table_name, Key={"user_id": {"S": user}}, ConsistentRead=True
        )
        if "Item" not in reply:
            return None
        return {
            name: int(value["N"]) if "N" in value else next(iter(value.values()))
            for name, value in reply["Item"].items()
        }


def _typed(value: Any) -> dict[str, Any]:
    if isinstance(value, dict):
        return value
    if isinstance(value, bool):
        return {"BOOL": value}
    return {"N": str(value)} if isinstance(value, int) else {"S": value}


@cache
def local_client(endpoint_url: str) -> Any:
    """The one client of an engine that answers over HTTP."""
    return boto3_client(endpoint_url)


def boto3_client(endpoint_url: str) -> Any:
    return boto3.client(
        "dynamodb",
        endpoint_url=endpoint_url,
        region_name="eu-west-1",
        aws_access_key_id="testing",
        aws_secret_access_key="testing",
    )


class _Raw:
    """A reply as botocore reads it from urllib3."""

    def __init__(self, body: bytes) -> None:
        self.body = body

    def stream(self) -> Iterator[bytes]:
        yield self.body


def embedded_client(at: str, table_name: str) -> Any:
    """Return a boto3 client whose requests go to the embedded engine at `at`."""
    client = boto3_client("http://embedded.invalid")

    def answer(request: Any, **_: Any) -> AWSResponse:
        operation = request.headers["X-Amz-Target"].decode().rsplit(".")[-1]
        body = request.body.decode() if isinstance(request.body, bytes) else request.body
        status, reply = _lambdatotp._embedded_call(at, table_name, operation, body)
        return AWSResponse(request.url, status, {}, _Raw(reply.encode()))

    client.meta.events.register("before-send.dynamodb", answer)
    return client
