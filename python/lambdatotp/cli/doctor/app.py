"""The doctor's look at a deployed app, over HTTP.

The token goes to the app at the given URL and to nobody else: no redirect is followed, and
no proxy reads it. What the app says is never repeated, since the token may be in it.
"""

from __future__ import annotations

import email.utils
import http.client
import json
import os
import time
import urllib.error
import urllib.request
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlsplit

from lambdatotp import ConfigurationError, LambdaTotpError, _tokens

from .findings import FAILURE, OK, WARNING, Finding, code_of, skew, test_user

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from lambdatotp import Verifier

# Longer than API Gateway waits for its function.
TIMEOUT_SECONDS = 35
# The app's replies with a QR code have a few thousand bytes.
MAX_REPLY_BYTES = 1_000_000

LOOPBACK = {"127.0.0.1", "localhost", "::1"}

# What to do about a registration that was refused.
ADVICE = {
    401: "give its --token",
    403: "the token may not register users, or the app requires a signature",
    503: "the table or the app's configuration: its log says what",
}


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_: object) -> None:
        """Follow none: the token would go along."""


class _App:
    """The deployed app."""

    def __init__(self, url: str, token: str | None) -> None:
        self.url = url
        self.token = token
        self.ahead_ms: float | None = None
        # A proxy forwards https as it is, and reads http.
        proxies = {k: v for k, v in urllib.request.getproxies().items() if k == "https"}
        self._opener = urllib.request.build_opener(
            _NoRedirect, urllib.request.ProxyHandler(proxies)
        )

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
            with self._opener.open(request, timeout=TIMEOUT_SECONDS) as reply:
                status, text, date = (
                    reply.status,
                    reply.read(MAX_REPLY_BYTES),
                    reply.headers["Date"],
                )
        except urllib.error.HTTPError as error:
            with error:
                status, text, date = error.code, error.read(MAX_REPLY_BYTES), error.headers["Date"]
        told = email.utils.parsedate_tz(date or "")
        if told:
            # To the second, so on average half a second more.
            self.ahead_ms = (time.time() - email.utils.mktime_tz(told) - 0.5) * 1000
        try:
            read = json.loads(text)
        except (ValueError, RecursionError):
            read = None
        return status, read if isinstance(read, dict) else {}


def examine_app(
    url: str, given: str | None, verifier: Verifier, sealing: Iterable[Verifier]
) -> Iterator[Finding]:
    """Check a deployed app: who may call it, that a login works, and which keys it has.

    `sealing` are verifiers of the same table, each with one of the keys.
    """
    problem = _problem_of_url(url)
    if problem:
        yield Finding(FAILURE, "app", problem)
        return
    token, found = _token(given)
    if found:
        yield found
    if found and found.state == FAILURE:
        return
    parts = urlsplit(url)
    if token and parts.scheme == "http" and parts.hostname not in LOOPBACK:
        yield Finding(WARNING, "token", "goes over plain http, where anyone on the way can read it")
    try:
        began = time.perf_counter()
        status, _ = _App(url, None).call("GET", "/verify")
        took = f"{(time.perf_counter() - began) * 1000:.0f} ms"
        if 300 <= status < 400:  # noqa: PLR2004
            text = f"answers {status}, a redirect, which is not followed: give the app's own URL"
            yield Finding(FAILURE, "app", text)
            return
        if status not in {400, 401, 403}:
            yield Finding(FAILURE, "app", f"answers {status}: is this the URL chalice printed?")
            return
        yield Finding(OK, "app", f"answers; the first reply took {took}")
        if status == 400:  # noqa: PLR2004
            text = f"anyone who knows the URL may call it: set {_tokens.API_TOKEN}"
            yield Finding(WARNING, "access", text)
        else:
            yield Finding(OK, "access", "requires a token or a signature")
        yield from _app_round_trip(_App(url, token), verifier)
        yield from _keys(_App(url, token), sealing)
    except http.client.HTTPException:
        yield Finding(FAILURE, "app", "does not answer in HTTP: is this the URL chalice printed?")
    except (OSError, ValueError) as error:
        reason = getattr(error, "reason", error)
        yield Finding(FAILURE, "app", f"cannot be reached: {reason}")


def _problem_of_url(url: str) -> str | None:
    """Say what is wrong with a URL, without repeating it: a secret may be in it."""
    if not url.startswith(("https://", "http://")):
        return "--url is not a URL: it starts with https://"
    try:
        parts = urlsplit(url)
        usable = bool(parts.hostname) and (parts.port is None or parts.port > 0)
    except ValueError:
        usable = False
    if not usable or not _tokens.visible(url):
        return "--url is not a URL: give it as chalice printed it"
    if parts.username is not None or parts.query or parts.fragment:
        return "--url has a user, a query or a fragment: give it as chalice printed it"
    return None


def _token(given: str | None) -> tuple[str | None, Finding | None]:
    """Choose the token to send: the one given, or the first of the app's own that is plain."""
    if given is not None:
        given = given.strip(_tokens.BLANKS)
        problem = _tokens.problem(given)
        if _tokens.is_hashed(given):
            problem = "is a hash: give the token itself"
        if problem:
            return None, Finding(FAILURE, "token", f"--token {problem}; nothing was sent")
        return given, None
    try:
        tokens = _tokens.parse(_tokens.API_TOKEN, os.environ[_tokens.API_TOKEN])
    except (KeyError, ConfigurationError):
        # There is none, or what is wrong with it was said already.
        return None, None
    for token in tokens:
        if not _tokens.is_hashed(token):
            return token, None
    text = f"{_tokens.API_TOKEN} holds only hashes: give a token by --token"
    return None, Finding(WARNING, "token", text)


def _app_round_trip(app: _App, verifier: Verifier) -> Iterator[Finding]:
    user, subject = test_user(), "round trip over HTTP"
    status, body = app.call("POST", "/", {"user": user})
    if app.ahead_ms is not None:
        yield skew("the app", app.ahead_ms)
    if status != 201:  # noqa: PLR2004
        text = f"register: {status}, {ADVICE.get(status, 'its log says why')}"
        yield Finding(FAILURE, subject, text)
        return
    try:
        code = code_of(str(body.get("qr_code")))
    except (LambdaTotpError, ValueError):
        yield Finding(FAILURE, subject, "register: the reply has no key URI: is this the app?")
    else:
        yield _accepted_once(app, user, code, subject)
    finally:
        left = _remove(app, user, verifier)
    if left:
        yield Finding(WARNING, subject, left)


def _accepted_once(app: _App, user: str, code: str, subject: str) -> Finding:
    answers: list[bool | int] = []
    for _ in range(2):
        status, body = app.call("POST", "/verify", {"user": user, "code": code})
        answer = body.get("code_is_valid")
        answers.append(answer if isinstance(answer, bool) else status)
    if answers == [True, False]:
        return Finding(OK, subject, "registered, the code accepted once and then refused")
    return Finding(FAILURE, subject, f"the same code twice gave {answers}")


def _keys(app: _App, sealing: Iterable[Verifier]) -> Iterator[Finding]:
    """Check that the app can read what is sealed under each key that is set here.

    A key change depends on it: a key may become the first, which seals, once it is known
    wherever codes are verified.
    """
    for verifier in sealing:
        user, subject = test_user(), f"key {verifier.sealing_key}"
        try:
            code = code_of(verifier.register(user).uri)
            try:
                status, body = app.call("POST", "/verify", {"user": user, "code": code})
            finally:
                verifier.delete(user)
        except LambdaTotpError as error:
            yield Finding(WARNING, subject, f"could not be tried: {error}")
            continue
        if body.get("code_is_valid") is True:
            yield Finding(OK, subject, "the app has it")
        else:
            text = f"the app does not have it ({status}): add it there, last, before it seals here"
            yield Finding(FAILURE, subject, text)


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
