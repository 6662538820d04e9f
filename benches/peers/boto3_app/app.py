"""The peer of cold_start.py: the same service on boto3, PyOTP and qrcode.

Written as their documentations teach, and kind to them: one client, made while Lambda
starts, and one plain read a verification, as in the original lambdatotp. That read lets a
code be used twice, which the service proper does not; it saves the peer a round trip.
"""

import io
import os

import boto3
import pyotp
import qrcode
from chalice import Chalice, ConflictError, NotFoundError

app = Chalice(app_name="boto3-app")
table = boto3.resource("dynamodb").Table(os.environ["LAMBDATOTP_TABLE_NAME"])


@app.route("/", methods=["POST"])
def register() -> dict[str, str]:
    """Register a user."""
    user = app.current_request.json_body["user"]
    secret = pyotp.random_base32()
    try:
        table.put_item(
            Item={"user_id": user, "secret": secret},
            ConditionExpression="attribute_not_exists(user_id)",
        )
    except table.meta.client.exceptions.ConditionalCheckFailedException:
        raise ConflictError("The user is already registered.") from None
    uri = pyotp.TOTP(secret).provisioning_uri(name=user, issuer_name="MyApp")
    picture = io.BytesIO()
    qrcode.make(uri).save(picture)
    return {"user": user, "qr_code": uri}


@app.route("/verify", methods=["POST"])
def verify() -> dict[str, bool]:
    """Check a code."""
    body = app.current_request.json_body
    item = table.get_item(Key={"user_id": body["user"]}).get("Item")
    if item is None:
        raise NotFoundError("There is no such user.")
    totp = pyotp.TOTP(item["secret"])
    return {"code_is_valid": totp.verify(body["code"], valid_window=1)}
