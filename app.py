"""The HTTP service: routes that parse, call `lambdatotp` and shape the reply."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from chalice.app import Chalice, IAMAuthorizer, Response

from chalicelib import audit, config
from chalicelib.http import CONTENT_TYPES, admin, answering, count, field, reply, warn_if_open

if TYPE_CHECKING:
    from collections.abc import Callable

app = Chalice(app_name="lambdatotp")
config.connect()
warn_if_open()

AUTHORIZER = IAMAuthorizer() if config.IAM_AUTHORIZATION else None


def route(
    path: str, method: str, *, public: bool = False
) -> Callable[[Callable[..., Response]], Any]:
    """Route a method of a path to a function that takes the fields of a request."""

    def decorate(view: Callable[..., Response]) -> Any:  # noqa: ANN401 - Chalice's own
        wanted: dict[str, Any] = {"methods": [method], "authorizer": AUTHORIZER}
        answer = answering(app, public=public)(view)
        return app.route(path, content_types=CONTENT_TYPES, **wanted)(answer)

    return decorate


@route("/", "POST")
def register(fields: dict[str, Any]) -> Response:
    """Register a user: 201 with the QR code to show them."""
    user = field(fields, "user")
    enrollment = config.verifier().register(user, recovery_codes=count(fields, "recovery_codes", 0))
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


@route("/", "GET")
def verify_at_root(fields: dict[str, Any]) -> Response:
    """As the README of the original had it."""
    return _verify(fields)


@route("/verify", "GET")
def verify(fields: dict[str, Any]) -> Response:
    """As the code of the original had it."""
    return _verify(fields)


@route("/verify", "POST")
def verify_in_body(fields: dict[str, Any]) -> Response:
    """As it is best: codes in a body stay out of access logs."""
    return _verify(fields)


def _verify(fields: dict[str, Any]) -> Response:
    user, code = field(fields, "user"), field(fields, "code")
    verdict = config.verifier().check(user, code)
    audit.event(verdict.outcome, user)
    body: dict[str, Any] = {"code_is_valid": bool(verdict)}
    if verdict.recovery_codes_left is not None:
        body["recovery_codes_left"] = verdict.recovery_codes_left
    return reply(200, body)


@route("/enroll", "GET", public=True)
def enrollment_page(_fields: dict[str, Any]) -> Response:
    """Show the page on which users enroll: it holds no secret, and asks for the API token."""
    # No part of a cold start.
    from chalicelib import enroll  # noqa: PLC0415

    return enroll.page()


@route("/unlock", "POST")
@admin(app)
def unlock(fields: dict[str, Any]) -> Response:
    """Forgive a user's misses."""
    user = field(fields, "user")
    config.verifier().unlock(user)
    audit.event("unlocked", user)
    return reply(204, "")


@route("/recovery_codes", "POST")
@admin(app)
def new_recovery_codes(fields: dict[str, Any]) -> Response:
    """Give a user new recovery codes; earlier ones are void."""
    user = field(fields, "user")
    codes = config.verifier().new_recovery_codes(user, count(fields, "count", 10, least=1))
    audit.event("recovery_codes", user)
    return reply(201, {"user_id": user, "recovery_codes": codes})


@route("/{user_id}", "DELETE")
@admin(app)
def delete(_fields: dict[str, Any], user_id: str) -> Response:
    """Remove a user. Whoever may do that can turn the second factor off."""
    # API Gateway hands path parameters on as they came, percent-encoded.
    return _delete(unquote(user_id, errors="surrogateescape"))


@route("/verify", "DELETE")
@admin(app)
def delete_verify(_fields: dict[str, Any]) -> Response:
    """Remove the user whose id is another route's path."""
    return _delete("verify")


@route("/enroll", "DELETE")
@admin(app)
def delete_enroll(_fields: dict[str, Any]) -> Response:
    """Remove such a user, too."""
    return _delete("enroll")


@route("/unlock", "DELETE")
@admin(app)
def delete_unlock(_fields: dict[str, Any]) -> Response:
    """Remove such a user, too."""
    return _delete("unlock")


@route("/recovery_codes", "DELETE")
@admin(app)
def delete_recovery_codes(_fields: dict[str, Any]) -> Response:
    """Remove such a user, too."""
    return _delete("recovery_codes")


def _delete(user: str) -> Response:
    config.verifier().delete(user)
    audit.event("deleted", user)
    return reply(204, "")
