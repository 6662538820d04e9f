"""The HTTP service: routes that parse, call `lambdatotp` and shape the reply."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from chalice.app import Chalice, IAMAuthorizer, Response

from chalicelib import access, audit, config
from chalicelib.fields import CONTENT_TYPES, number_of_codes, text
from chalicelib.http import answering
from chalicelib.replies import reply

if TYPE_CHECKING:
    from collections.abc import Callable

app = Chalice(app_name="lambdatotp")
config.connect()
access.warn_if_open()

AUTHORIZER = IAMAuthorizer() if config.IAM_AUTHORIZATION else None


def route(
    path: str, method: str, right: str | None, **fixed: str
) -> Callable[[Callable[..., Response]], Any]:
    """Route a method of a path to a function that takes the fields of a request.

    A token that may do what `right` says is asked for; None, and anybody may call.
    """

    def decorate(view: Callable[..., Response]) -> Any:  # noqa: ANN401 - Chalice's own
        wanted: dict[str, Any] = {"methods": [method], "authorizer": AUTHORIZER}
        answer = answering(app, right, **fixed)(view)
        return app.route(path, content_types=CONTENT_TYPES, **wanted)(answer)

    return decorate


@route("/", "POST", "register")
def register(fields: dict[str, Any]) -> Response:
    """Register a user: 201 with the QR code to show them."""
    user = text(fields, "user")
    codes = number_of_codes(fields, "recovery_codes", 0)
    enrollment = config.verifier().register(user, recovery_codes=codes)
    audit.event("registered", user)
    body: dict[str, Any] = {
        "user_id": user,
        "user": user,
        "qr_code": enrollment.uri,
        "qr_code_url": enrollment.qr_data_uri(),
    }
    if enrollment.recovery_codes:
        body["recovery_codes"] = enrollment.recovery_codes
    return reply(201, body)


@route("/", "GET", "verify")
def verify_at_root(fields: dict[str, Any]) -> Response:
    """As the README of the original had it."""
    return _verify(fields)


@route("/verify", "GET", "verify")
def verify(fields: dict[str, Any]) -> Response:
    """As the code of the original had it."""
    return _verify(fields)


@route("/verify", "POST", "verify")
def verify_in_body(fields: dict[str, Any]) -> Response:
    """As it is best: codes in a body stay out of access logs."""
    return _verify(fields)


def _verify(fields: dict[str, Any]) -> Response:
    user, code = text(fields, "user"), text(fields, "code")
    verdict = config.verifier().check(user, code)
    audit.event(verdict.outcome, user)
    body: dict[str, Any] = {"code_is_valid": bool(verdict)}
    if verdict.recovery_codes_left is not None:
        body["recovery_codes_left"] = verdict.recovery_codes_left
    return reply(200, body)


@route("/enroll", "GET", None)
def enrollment_page(_fields: dict[str, Any]) -> Response:
    """Show the page on which users enroll: it holds no secret, and asks for an access token."""
    # No part of a cold start.
    from chalicelib import enroll  # noqa: PLC0415

    return enroll.page()


@route("/unlock", "POST", "unlock")
def unlock(fields: dict[str, Any]) -> Response:
    """Forgive a user's misses."""
    user = text(fields, "user")
    config.verifier().unlock(user)
    audit.event("unlocked", user)
    return reply(204, "")


@route("/recovery_codes", "POST", "recovery_codes")
def new_recovery_codes(fields: dict[str, Any]) -> Response:
    """Give a user new recovery codes; earlier ones no longer work."""
    user = text(fields, "user")
    count = number_of_codes(fields, "count", 10, least=1)
    codes = config.verifier().new_recovery_codes(user, count)
    audit.event("recovery_codes", user)
    return reply(201, {"user_id": user, "recovery_codes": codes})


def delete(_fields: dict[str, Any], user_id: str) -> Response:
    """Remove a user. Anyone who may do that can turn the second factor off."""
    config.verifier().delete(user_id)
    audit.event("deleted", user_id)
    return reply(204, "")


# API Gateway looks for a path before it looks for the method: a user whose id is the path of
# another route is deleted there.
for own in [path for path in app.routes if path != "/"]:
    route(own, "DELETE", "delete", user_id=own[1:])(delete)
route("/{user_id}", "DELETE", "delete")(delete)
