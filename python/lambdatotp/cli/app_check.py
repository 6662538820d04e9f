"""The doctor's look at a deployed app, over HTTP."""

from __future__ import annotations

import email.utils
import json
import os
import time
import urllib.error
import urllib.request
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from lambdatotp import LambdaTotpError

from .findings import FAILURE, OK, WARNING, Finding, code_of, patient, skew

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lambdatotp import Verifier

# Longer than API Gateway waits for its function.
TIMEOUT_SECONDS = 35


class _App:
    """The deployed app."""

    def __init__(self, url: str, token: str | None) -> None:
        self.url = url
        self.token = token
        self.ahead_ms: float | None = None

    def call(
        self, method: str, path: str, fields: dict[str, str] | None = None
    ) -> tuple[int, dict[str, Any]]:
        """Return the status and the body of a reply."""
        body = json.dumps(fields).encode() if fields else None
        headers = {"Content-Type": "application/json"}
        if self.token:
            headers["Authorization"] = f"Bearer {self.token}"
        request = urllib.request.Request(  # noqa: S310 - the URL was looked at
            f"{self.url}{path}", data=body, headers=headers, method=method
        )
        try:
            with urllib.request.urlopen(request, timeout=TIMEOUT_SECONDS) as reply:  # noqa: S310
                status, text = reply.status, reply.read()
                date = reply.headers["Date"]
        except urllib.error.HTTPError as error:
            status, text, date = error.code, error.read(), error.headers["Date"]
        if date:
            told = email.utils.parsedate_to_datetime(date).timestamp() + 0.5
            self.ahead_ms = (time.time() - told) * 1000
        try:
            return status, json.loads(text) if text else {}
        except ValueError:
            return status, {}


def examine_app(url: str, token: str | None, verifier: Verifier) -> Iterator[Finding]:
    """Check a deployed app: who may call it, and that a login works."""
    if not url.startswith(("https://", "http://")):
        yield Finding(FAILURE, "app", f"{url} is no URL: it starts with https://")
        return
    token = token or os.environ.get("LAMBDATOTP_API_TOKEN")
    app, user = _App(url, token), patient()
    try:
        began = time.perf_counter()
        status, _ = _App(url, None).call("GET", "/verify")
        took = f"{(time.perf_counter() - began) * 1000:.0f} ms"
        if status not in {400, 401, 403}:
            yield Finding(FAILURE, "app", f"answers {status}: is this the URL chalice printed?")
            return
        yield Finding(OK, "app", f"answers, the first time in {took}")
        if status == 400:  # noqa: PLR2004
            text = "whoever knows the URL may call it: set LAMBDATOTP_API_TOKEN"
            yield Finding(WARNING, "access", text)
        else:
            yield Finding(OK, "access", "asks for a token or a signature")
        yield from _app_round_trip(app, user, verifier)
    except (OSError, ValueError) as error:
        reason = getattr(error, "reason", error)
        yield Finding(FAILURE, "app", f"cannot be reached: {reason}")


def _app_round_trip(app: _App, user: str, verifier: Verifier) -> Iterator[Finding]:
    status, body = app.call("POST", "/", {"user": user})
    if app.ahead_ms is not None:
        yield skew("the app", app.ahead_ms)
    if status != 201:  # noqa: PLR2004
        advice = {401: "give its --token", 403: "it wants a signature, not a token"}
        text = advice.get(status, body.get("Message") or "its log says why")
        yield Finding(FAILURE, "round trip over HTTP", f"register: {status}, {text}")
        return
    answers = []
    try:
        code = code_of(body["qr_code"])
        for _ in range(2):
            status, body = app.call("POST", "/verify", {"user": user, "code": code})
            answers.append(body.get("code_is_valid", status))
    finally:
        left = _remove(app, user, verifier)
    if answers != [True, False]:
        text = f"the same code twice gave {answers}"
        yield Finding(FAILURE, "round trip over HTTP", text)
    else:
        text = "registered, the code accepted once and then refused"
        yield Finding(OK, "round trip over HTTP", text)
    if left:
        yield Finding(WARNING, "round trip over HTTP", left)


def _remove(app: _App, user: str, verifier: Verifier) -> str:
    """Remove the doctor's user over HTTP, or by hand; say if it stays."""
    status, _ = app.call("DELETE", f"/{quote(user, safe='')}")
    if status == 204:  # noqa: PLR2004
        return ""
    try:
        verifier.delete(user)
    except LambdaTotpError:
        return f"user {user} could not be removed (DELETE gave {status}): remove it by hand"
    return ""
