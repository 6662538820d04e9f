"""The HTTP service: routes that parse, call `lambdatotp` and shape the reply."""

from __future__ import annotations

from typing import Any
from urllib.parse import unquote

from chalice.app import Chalice, Response

from chalicelib.config import connect, verifier
from chalicelib.http import CONTENT_TYPES, Refusal, answering, field, reply, token_configured

app = Chalice(app_name="lambdatotp")
connect()


@app.route("/", methods=["POST"], content_types=CONTENT_TYPES)
@answering(app)
def register(fields: dict[str, Any]) -> Response:
    """Register a user: 201 with the QR code to show them."""
    user = field(fields, "user")
    enrollment = verifier().register(user)
    return reply(
        201,
        {
            "user_id": user,
            "user": user,
            "qr_code": enrollment.uri,
            "qr_code_url": enrollment.qr_data_uri(),
        },
    )


@app.route("/", methods=["GET"])
@answering(app)
def verify_at_root(fields: dict[str, Any]) -> Response:
    """As the README of the original had it."""
    return _verify(fields)


@app.route("/verify", methods=["GET"])
@answering(app)
def verify(fields: dict[str, Any]) -> Response:
    """As the code of the original had it."""
    return _verify(fields)


@app.route("/verify", methods=["POST"], content_types=CONTENT_TYPES)
@answering(app)
def verify_in_body(fields: dict[str, Any]) -> Response:
    """As it is best: codes in a body stay out of access logs."""
    return _verify(fields)


def _verify(fields: dict[str, Any]) -> Response:
    user, code = field(fields, "user"), field(fields, "code")
    return reply(200, {"code_is_valid": verifier().verify(user, code)})


@app.route("/{user_id}", methods=["DELETE"])
@answering(app)
def delete(_fields: dict[str, Any], user_id: str) -> Response:
    """Remove a user. Whoever may do that can turn the second factor off."""
    # API Gateway hands path parameters on as they came, percent-encoded.
    return _delete(unquote(user_id, errors="surrogateescape"))


@app.route("/verify", methods=["DELETE"])
@answering(app)
def delete_verify(_fields: dict[str, Any]) -> Response:
    """Remove the user whose id is another route's path."""
    return _delete("verify")


def _delete(user: str) -> Response:
    if not token_configured():
        raise Refusal(403, "ForbiddenError", "Set LAMBDATOTP_API_TOKEN to allow deletions.")
    verifier().delete(user)
    return reply(204, "")
