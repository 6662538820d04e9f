"""The app beside this file with lambdatotp's own two writes a login, by boto3_peer.py."""

import boto3_peer
from chalice import Chalice, NotFoundError

app = Chalice(app_name="boto3-safe-app")
safe = boto3_peer.Safe()


@app.route("/verify", methods=["POST"])
def verify() -> dict[str, bool]:
    """Reserve, check, accept."""
    body = app.current_request.json_body
    try:
        return {"code_is_valid": safe.verify(body["user"], body["code"])}
    except LookupError:
        raise NotFoundError("There is no such user.") from None
