"""The HTTP service: routes that parse, call `lambdatotp` and shape the reply."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from chalice.app import Chalice, IAMAuthorizer, Response

# Before lambdatotp: it says what to do where that is not installed.
from chalicelib import access, config
from chalicelib.fields import CONTENT_TYPES, names, number_of_codes, switch, text
from chalicelib.http import answering
from chalicelib.replies import reply

# isort: split
from lambdatotp._verifier import STATUS

if TYPE_CHECKING:
    from collections.abc import Callable

    from chalice.app import Request
    from lambdatotp import Enrollment, Verification

app = Chalice(app_name="lambdatotp")
config.connect()
access.warn_if_open()


@app.middleware("http")
def rest_api_only(request: Request | None, answer: Callable[[Request], Response]) -> Response:
    """Say in the log what is wrong where there is another thing than a REST API in front."""
    if request is not None:
        return answer(request)
    app.log.error(
        "REST API only: this event is not of one, but of an HTTP API, a function URL, a load "
        "balancer or a test. `chalice deploy` makes a REST API; the recipe lambda_handler.py "
        "serves the others"
    )
    body = {"Code": "InternalServerError", "Message": "This app serves a REST API only."}
    return reply(500, body)


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
    enrollment = config.verifier().register(
        user,
        recovery_codes=number_of_codes(fields, "recovery_codes", 0),
        replace_unconfirmed=switch(fields, "replace_unconfirmed"),
        **names(fields),
    )
    return _shown(enrollment)


@route("/rotate", "POST", "rotate")
def rotate(fields: dict[str, Any]) -> Response:
    """Begin a change of phone: 201 with the QR code of the secret that waits."""
    user = text(fields, "user")
    enrollment = config.verifier().rotate(user, **names(fields))
    return _shown(enrollment)


@route("/confirm", "POST", "confirm")
def confirm(fields: dict[str, Any]) -> Response:
    """Check a code of the secret that waits: a right one makes it the user's."""
    user, code = text(fields, "user"), text(fields, "code")
    return _told(config.verifier().confirm(user, code))


def _shown(enrollment: Enrollment) -> Response:
    body: dict[str, Any] = {
        "user_id": enrollment.user,
        "user": enrollment.user,
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
    return _told(config.verifier().check(user, code))


def _told(verdict: Verification) -> Response:
    """Tell a verdict. That a wrong code was right once stays in the audit trail."""
    body: dict[str, Any] = {"code_is_valid": bool(verdict), "first": verdict.first}
    for name in ("attempts_left", "recovery_codes_left"):
        # Of a text that cannot be a code, the table was not asked.
        if (left := getattr(verdict, name)) is not None:
            body[name] = left
    return reply(200, body)


@route("/enroll", "GET", None)
def enrollment_page(_fields: dict[str, Any]) -> Response:
    """Show the page on which users enroll: it holds no secret, and asks for an access token."""
    # No part of a cold start.
    from chalicelib import enroll  # noqa: PLC0415

    return enroll.page()


@route("/status", "POST", "status")
def status(fields: dict[str, Any]) -> Response:
    """Show what can be known of a user: no secret, no code."""
    user = text(fields, "user")
    known = config.verifier().status(user)
    return reply(200, {"user_id": user, **{name: getattr(known, name) for name in STATUS}})


@route("/unlock", "POST", "unlock")
def unlock(fields: dict[str, Any]) -> Response:
    """Clear a user's misses."""
    user = text(fields, "user")
    config.verifier().unlock(user)
    return reply(204, "")


@route("/recovery_codes", "POST", "recovery_codes")
def new_recovery_codes(fields: dict[str, Any]) -> Response:
    """Give a user new recovery codes; earlier ones no longer work."""
    user = text(fields, "user")
    count = number_of_codes(fields, "count", 10, least=1)
    codes = config.verifier().new_recovery_codes(user, count)
    return reply(201, {"user_id": user, "recovery_codes": codes})


def delete(_fields: dict[str, Any], user_id: str) -> Response:
    """Remove a user. Anyone who may do that can turn the second factor off."""
    config.verifier().delete(user_id)
    return reply(204, "")


# API Gateway looks for a path before it looks for the method: a user whose id is the path of
# another route is deleted there.
for own in [path for path in app.routes if path != "/"]:
    route(own, "DELETE", "delete", user_id=own[1:])(delete)
route("/{user_id}", "DELETE", "delete")(delete)
