"""What every route does the same way: who may call, what was sent, and what an error becomes."""

from __future__ import annotations

from functools import wraps
from typing import TYPE_CHECKING
from urllib.parse import unquote

import lambdatotp

from chalicelib import access, audit, config
from chalicelib import fields as sent
from chalicelib.replies import Refusal, bad_request, refusal

if TYPE_CHECKING:
    from collections.abc import Callable

    from chalice.app import Chalice, Request, Response

# A user id is no longer than this; what is would only fill the log.
MAX_USER = 256

UNAVAILABLE = 503


def answering(
    app: Chalice, right: str | None, **fixed: str
) -> Callable[[Callable[..., Response]], Callable[..., Response]]:
    """Give a route the request's fields, and turn what it raises into replies.

    Args:
        app: Where requests come from.
        right: What the caller must be allowed to do; None, and anybody may call.
        fixed: Parameters of the view that are not in this route's path.
    """

    def decorate(view: Callable[..., Response]) -> Callable[..., Response]:
        @wraps(view)
        def answer(**path: str) -> Response:
            request = app.current_request
            audit.begin(request)
            # API Gateway hands path parameters on as they came, percent-encoded.
            decoded = {name: unquote(text, errors="surrogateescape") for name, text in path.items()}
            parameters = {**fixed, **decoded}
            try:
                if request is None:  # Chalice sets it before it calls a view
                    raise bad_request("There is no request.")
                if right is not None:
                    access.authorize(request, right)
                return view(sent.read(request), **parameters)
            except Refusal as refused:
                answered = refused
            except lambdatotp.LambdaTotpError as error:
                answered = _refused(app, error)
            if config.AUDIT and answered.outcome:
                audit.turned_away(right or "", answered.outcome, _user(request, parameters))
            return answered.response

        return answer

    return decorate


def _refused(app: Chalice, error: lambdatotp.LambdaTotpError) -> Refusal:
    answered = refusal(error)
    if answered.response.status_code == UNAVAILABLE:
        # What the operator must know, and the caller need not.
        app.log.error("%s: %s", type(error).__name__, error)
    if not config.verifier.cache_info().currsize:
        # The verifier would have told of it, but its settings do not let it be made.
        answered.outcome = "unavailable"
    return answered


def _user(request: Request | None, parameters: dict[str, str]) -> str:
    """Find whom a refused request is about, as far as it says so."""
    try:
        fields = sent.read(request) if request else {}
    except Refusal:
        fields = {}
    user = parameters.get("user_id") or fields.get("user")
    return user[:MAX_USER] if isinstance(user, str) else ""
