"""Access tokens fail closed: an unusable one stops the app, and nothing opens it by mistake."""

from __future__ import annotations

import hashlib
import importlib
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import ClassVar

import lambdatotp
import pytest
from chalice.test import Client
from lambdatotp import _tokens

ROOT = Path(__file__).parents[3]
TOKEN = "correct-horse-battery-staple"
VERIFY = "verify-and-nothing-else"
NAMES = list(_tokens.SCOPES)

# What `str.split`, `str.strip`, `\s` and people take for a blank, and what shells, editors
# and secret stores leave behind.
CONTROLS = [chr(code) for code in (*range(1, 32), *range(127, 160))]
SPACES = [" ", *"\u00a0\u1680\u2000\u2002\u2003\u2007\u2009\u200a\u2028\u2029\u202f\u205f\u3000"]
INVISIBLE = [*"\u00ad\u180e\u200b\u200c\u200d\u200e\u202e\u2060\u2066\ufe0f\ufeff"]
FOREIGN = [*"é١１🎉\udcff"]
ODD = [*CONTROLS, *SPACES, *INVISIBLE, *FOREIGN]


@pytest.fixture
def start(monkeypatch):
    """Import the app anew, on an engine of its own, and return its test client."""

    def start(**variables):
        settings = {"LAMBDATOTP_EMBEDDED": ":memory:", "LAMBDATOTP_TABLE_NAME": "tokens"}
        for name, value in {**settings, **variables}.items():
            monkeypatch.setenv(name, value)
        for name in [name for name in sys.modules if name.split(".")[0] in {"app", "chalicelib"}]:
            del sys.modules[name]
        return Client(importlib.import_module("app").app).http

    return start


def status(client, method, path, token=None, body=None, **headers):
    if token is not None:
        headers["Authorization"] = f"Bearer {token}"
    if body is not None:
        headers["Content-Type"] = "application/json"
    return client.request(
        method, path, headers=headers, body=json.dumps(body).encode() if body else b""
    ).status_code


def opens(client, credential):
    """Tell whether `Authorization` with this text gets past the door of any route."""
    headers = {"Authorization": credential}
    return {
        status(client, "GET", "/verify", **headers),
        status(client, "POST", "/", **headers),
        status(client, "POST", "/unlock", **headers),
        status(client, "DELETE", "/nobody", **headers),
    } != {401}


@pytest.mark.parametrize("character", ODD, ids=lambda character: f"U+{ord(character):04X}")
def test_a_character_that_is_in_no_token(character):
    """Blanks and line ends around a token are not part of it; all else is refused."""
    around = character in {" ", "\t", "\r", "\n"}
    for text in (f"{TOKEN}{character}", f"{character}{TOKEN}", f"{VERIFY},{TOKEN}{character}"):
        if around:
            assert _tokens.parse("NAME", text)[-1] == TOKEN
            continue
        with pytest.raises(lambdatotp.ConfigurationError, match=r"\ANAME: ") as refused:
            _tokens.parse("NAME", text)
        assert TOKEN not in str(refused.value)
    for text in (f"{TOKEN[:9]}{character}{TOKEN[9:]}", f"{TOKEN}{character}{TOKEN}"):
        with pytest.raises(lambdatotp.ConfigurationError, match=r"\ANAME: the token ") as refused:
            _tokens.parse("NAME", text)
        for part in (TOKEN, TOKEN[:9], TOKEN[9:]):
            assert part not in str(refused.value)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "is set, but it holds no token"),
        (" ", "is set, but it holds no token"),
        (",", "is set, but it holds no token"),
        (" \r\n,\t, ", "is set, but it holds no token"),
        ("short", "the token is under 16 characters"),
        ("123456789012345", "the token is under 16 characters"),
        (f"{TOKEN},short", "token 2 of 2 is under 16 characters"),
        ("correct horse battery staple", "has white space inside"),
        ("first-of-two-tokens\nsecond-of-two-tokens", "has white space inside"),
        (f"{TOKEN}\f", "has a control character"),
        (f"{TOKEN}\u0085", "is not ASCII"),
        (f"{TOKEN}\udc80", "is not valid UTF-8"),
        ("sha256:", "is not sha256: and 64 hex digits"),
        (f"sha256:{'0' * 63}", "is not sha256: and 64 hex digits"),
        (f"sha256:{'0' * 63}g", "is not sha256: and 64 hex digits"),
        (f"SHA256:{TOKEN}", "is not sha256: and 64 hex digits"),
        (f"sha256:{hashlib.sha256(b'').hexdigest()}", "is the hash of an empty text"),
    ],
)
@pytest.mark.parametrize("name", NAMES)
def test_it_stops_the_app_in_one_line(start, name, text, says):
    with pytest.raises(SystemExit) as stopped:
        start(**{name: text})
    line = str(stopped.value.code)
    assert line.startswith(f"lambdatotp: {name}")
    assert says in line
    assert "\n" not in line
    for token in text.replace(",", " ").split():
        if token != "sha256:":
            assert token not in line


REFERENCES = ["{{resolve:secretsmanager:prod/token}}", f"{TOKEN},{{{{resolve:ssm:/token}}}}"]


@pytest.mark.parametrize("reference", REFERENCES)
@pytest.mark.parametrize("name", [*NAMES, "LAMBDATOTP_KEYS", "LAMBDATOTP_ISSUER"])
def test_a_reference_that_nothing_resolved_stops_the_app(start, name, reference):
    """Anyone who may read the configuration knows its text: it opens nothing, and seals nothing."""
    with pytest.raises(SystemExit) as stopped:
        start(**{name: reference})
    line = str(stopped.value.code)
    assert line.startswith(f"lambdatotp: {name} holds a reference that nothing resolved: ")
    assert "\n" not in line
    assert TOKEN not in line


@pytest.mark.parametrize("reference", REFERENCES)
def test_a_reference_is_no_token(reference):
    """Without the app, too: for `lambdatotp doctor`."""
    with pytest.raises(lambdatotp.ConfigurationError, match="that no deployment resolved"):
        _tokens.parse(NAMES[0], reference)
    with pytest.raises(lambdatotp.ConfigurationError):
        lambdatotp.Verifier(embedded=":memory:", keys=reference)


def test_it_stops_the_process():
    """As Lambda starts it: the line is all that the log gets."""
    done = subprocess.run(
        [sys.executable, "-c", "import app"],
        cwd=ROOT,
        env={**os.environ, NAMES[0]: "two words", "LAMBDATOTP_EMBEDDED": ":memory:"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout) == (1, "")
    (line,) = done.stderr.splitlines()
    assert line.startswith(f"lambdatotp: {NAMES[0]}: the token has white space inside")
    assert "two words" not in line


@pytest.mark.parametrize("around", ["", " ", "\t", "\r", "\n", "\r\n", ",", "\r\n,"])
def test_an_empty_credential_opens_nothing(start, around):
    client = start(**{NAMES[0]: f"{TOKEN}{around}"})
    for credential in ("Bearer", "Bearer ", "Bearer \t", "Bearer ,", "bearer\t", "", " ", ","):
        assert not opens(client, credential), credential
    assert status(client, "DELETE", "/nobody", TOKEN) == 404


@pytest.mark.parametrize("configured", ["", f"sha256:{_tokens.OF_NOTHING}"])
def test_an_empty_credential_matches_nothing_whatever_is_configured(start, configured):
    client = start(**{NAMES[0]: TOKEN})
    sys.modules["chalicelib.access"].TOKENS[NAMES[0]] = (configured,)
    for credential in ("Bearer", "Bearer ", "Bearer \t"):
        assert not opens(client, credential), credential


@pytest.mark.parametrize("credential", ["?" * 16, "?" * 17, f"{TOKEN}?", "\u00ff" * 16])
def test_what_cannot_be_read_is_not_compared_as_something_else(start, credential):
    """`?` is what a lossy conversion makes of a byte."""
    hashed = hashlib.sha256(f"{TOKEN}\udcff".encode("utf-8", "replace")).hexdigest()
    client = start(**{NAMES[0]: f"{TOKEN},sha256:{hashed}"})
    assert not opens(client, f"Bearer {TOKEN}\udcff")
    assert not opens(client, f"Bearer {TOKEN}\u00ff")
    if credential != f"{TOKEN}?":
        assert not opens(client, f"Bearer {credential}")


class TestVerifyToken:
    REFUSED = (
        ("POST", "/", {"user": "ana"}),
        ("POST", "/unlock", {"user": "ana"}),
        ("POST", "/recovery_codes", {"user": "ana"}),
        ("DELETE", "/ana", None),
        ("DELETE", "/verify", None),
    )
    ALLOWED = (
        ("POST", "/verify", {"user": "nobody", "code": "123456"}),
        ("GET", "/verify?user=nobody&code=123456", None),
        ("GET", "/?user=nobody&code=123456", None),
    )

    @pytest.mark.parametrize("configured", [VERIFY, "sha256:{}"])
    def test_it_verifies_and_nothing_else(self, start, configured):
        configured = configured.format(hashlib.sha256(VERIFY.encode()).hexdigest())
        client = start(LAMBDATOTP_API_TOKEN=TOKEN, LAMBDATOTP_VERIFY_TOKEN=configured)
        for method, path, body in self.ALLOWED:
            assert status(client, method, path, VERIFY, body) == 404
            assert status(client, method, path, TOKEN, body) == 404
            assert status(client, method, path, None, body) == 401
        for method, path, body in self.REFUSED:
            assert status(client, method, path, VERIFY, body) == 403
            assert status(client, method, path, None, body) == 401
        assert status(client, "POST", "/", TOKEN, {"user": "ana"}) == 201
        assert status(client, "DELETE", "/ana", TOKEN) == 204

    def test_alone_it_closes_every_route(self, start):
        client = start(LAMBDATOTP_VERIFY_TOKEN=VERIFY)
        for method, path, body in (*self.ALLOWED, *self.REFUSED):
            assert status(client, method, path, None, body) == 401
        for method, path, body in self.REFUSED:
            assert status(client, method, path, VERIFY, body) == 403


class TestScopes:
    """Every route with every scope."""

    ROUTES = (
        ("verify", "POST", "/verify", {"user": "nobody", "code": "123456"}, 404),
        ("verify", "GET", "/verify?user=nobody&code=123456", None, 404),
        ("verify", "GET", "/?user=nobody&code=123456", None, 404),
        ("register", "POST", "/", {"user": "bob"}, 201),
        ("rotate", "POST", "/rotate", {"user": "ana"}, 201),
        ("confirm", "POST", "/confirm", {"user": "ana", "code": "no code"}, 200),
        ("status", "POST", "/status", {"user": "ana"}, 200),
        ("unlock", "POST", "/unlock", {"user": "ana"}, 204),
        ("recovery_codes", "POST", "/recovery_codes", {"user": "ana"}, 201),
        ("delete", "DELETE", "/ana", None, 204),
        ("delete", "DELETE", "/status", None, 404),
    )
    MAY: ClassVar[dict[str, set[str]]] = {
        _tokens.API_TOKEN: {right for right, *_ in ROUTES},
        _tokens.VERIFY_TOKEN: {"verify"},
        _tokens.ENROLL_TOKEN: {"register", "rotate", "confirm", "verify"},
        _tokens.SUPPORT_TOKEN: {"status", "unlock", "recovery_codes"},
    }

    def test_each_route_has_its_right(self, start):
        """No route is forgotten here."""
        start()
        app = sys.modules["app"].app
        routes = {(method, path) for path, methods in app.routes.items() for method in methods}
        named = {(method, path.split("?")[0]) for _, method, path, *_ in self.ROUTES}
        named |= {("DELETE", path) for path in app.routes if path != "/"} | {("GET", "/enroll")}
        assert routes == named - {("DELETE", "/ana")}

    @pytest.mark.parametrize("scope", NAMES)
    def test_each_scope_does_what_it_is_for(self, start, scope):
        tokens = {name: f"token-of-{name.lower()}" for name in NAMES}
        client = start(**tokens)
        all_may = tokens[_tokens.API_TOKEN]
        for user in ("ana", "bob"):
            status(client, "DELETE", f"/{user}", all_may)
        assert status(client, "POST", "/", all_may, {"user": "ana"}) == 201
        for right, method, path, body, done in self.ROUTES:
            expected = done if right in self.MAY[scope] else 403
            assert status(client, method, path, tokens[scope], body) == expected, (right, path)

    @pytest.mark.parametrize("scope", NAMES)
    def test_alone_it_closes_every_route(self, start, scope):
        client = start(**{scope: f"token-of-{scope.lower()}"})
        for _, method, path, body, _ in self.ROUTES:
            assert status(client, method, path, None, body) == 401
            assert status(client, method, path, "token-of-somebody-else", body) == 401

    def test_without_any_whatever_helps_a_thief_is_off(self, start):
        client = start()
        for right, method, path, body, _ in self.ROUTES:
            may = right in {"register", "verify"}
            assert (status(client, method, path, None, body) == 403) is not may, path


@pytest.mark.parametrize(
    "name",
    [
        "LAMBDATOTP_REGION",
        "LAMBDATOTP_TABLE_NAME",
        "LAMBDATOTP_ISSUER",
        "LAMBDATOTP_ENROLL_PAGE",
        "LAMBDATOTP_ENROLL_LINK",
        "LAMBDATOTP_AUDIT",
    ],
)
def test_a_setting_that_cannot_be_read_is_not_absent(start, name):
    with pytest.raises(SystemExit) as stopped:
        start(**{name: "on\udcff"})
    assert str(stopped.value.code) == f"lambdatotp: {name} is not valid UTF-8"
