"""What `lambdatotp doctor` does with access tokens: it names what is wrong, and shows none."""

from __future__ import annotations

import hashlib
import json
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from lambdatotp import _tokens

from tests.python.support.cli import findings, run, shell

TOKEN = "correct-horse-battery-staple"
SECOND = "second-token-of-the-app"
HASHED = f"sha256:{hashlib.sha256(TOKEN.encode()).hexdigest()}"
LOCAL = {"LAMBDATOTP_EMBEDDED": ":memory:", "LAMBDATOTP_TABLE_NAME": "doctor"}


@contextmanager
def server(answer):
    """Serve what `answer(method, path, authorization)` returns; yields the URL and the requests."""
    requests = []

    class Handler(BaseHTTPRequestHandler):
        def do(self):
            self.rfile.read(int(self.headers.get("Content-Length", 0)))
            shown = self.headers.get("Authorization")
            requests.append((self.command, self.path, shown))
            replied = answer(self.command, self.path, shown)
            if isinstance(replied, bytes):
                self.wfile.write(replied)
                return
            status, headers, body = replied
            raw = body if isinstance(body, bytes) else json.dumps(body).encode()
            self.send_response(status, shown or "none")
            for name, value in {**headers, "Content-Length": str(len(raw))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(raw)

        do_GET = do_POST = do_DELETE = do_CONNECT = do  # noqa: N815 - http.server's names

        def log_message(self, *_):
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as serving:
        thread = threading.Thread(target=serving.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield f"http://127.0.0.1:{serving.server_port}", requests
        finally:
            serving.shutdown()
            thread.join()


def closed(_method, _path, shown):
    """An app that asks for a token, and then is of no use."""
    return (500 if shown else 401), {}, {"Code": "Error", "Message": "..."}


def doctor(*arguments, **variables):
    """Run it both ways, for people and for programs: neither shows the token."""
    code, text = run("doctor", *arguments, **LOCAL, **variables)
    again, as_json = run("doctor", *arguments, "--json", **LOCAL, **variables)
    assert code == again
    for shown in (TOKEN, SECOND, HASHED[7:]):
        assert shown not in text + as_json
    return code, findings(as_json)


class TestToWhomItGoes:
    @pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
    @pytest.mark.parametrize("at_once", [True, False])
    def test_no_redirect_is_followed(self, status, at_once):
        with server(closed) as (elsewhere, stolen):

            def moved(_method, path, shown):
                if shown or at_once:
                    return status, {"Location": f"{elsewhere}{path}"}, b""
                return 401, {}, {}

            with server(moved) as (url, requests):
                code, found = doctor("--url", url, "--token", TOKEN)
        assert stolen == []
        assert code == 1
        if at_once:
            assert f"answers {status}, a redirect" in found["app"][1]
            assert {shown for _, _, shown in requests} == {None}
        else:
            assert found["round trip over HTTP"] == (
                "failure",
                f"register: {status}, its log says why",
            )

    def test_no_proxy_reads_it(self, monkeypatch):
        monkeypatch.delenv("no_proxy", raising=False)
        monkeypatch.delenv("NO_PROXY", raising=False)
        with server(closed) as (proxy, seen), server(closed) as (url, requests):
            proxies = {"http_proxy": proxy, "all_proxy": proxy}
            doctor("--url", url, "--token", TOKEN, **proxies)
            assert seen == []
            assert ("POST", "/", f"Bearer {TOKEN}") in requests

    def test_plain_http_to_another_machine_is_a_warning(self):
        with server(closed) as (url, _):
            _, found = doctor("--url", url, "--token", TOKEN)
            assert "token" not in found
        url = "http://app.invalid"
        _, found = doctor("--url", url, "--token", TOKEN)
        assert found["token"][0] == "warning"
        assert "plain http" in found["token"][1]

    @pytest.mark.parametrize(
        "url",
        [
            f"https://user:{TOKEN}@app.invalid",
            f"https://app.invalid/?token={TOKEN}",
            f"https://app.invalid/#{TOKEN}",
            f"https://{TOKEN} .invalid",
            f"https://app.invalid:{TOKEN}",
            f"https:///{TOKEN}",
            f"{TOKEN}",
        ],
    )
    def test_a_url_with_a_secret_in_it(self, url):
        code, found = doctor("--url", url)
        assert code == 1
        assert found["app"][0] == "failure"


class TestWhatTheAppSays:
    """A proxy or a debug page may repeat the request's headers."""

    def test_it_is_not_repeated(self):
        def echo(_method, _path, shown):
            if not shown:
                return 401, {}, {}
            return 400, {"X-Debug": shown}, {"Code": shown, "Message": f"You sent {shown}"}

        with server(echo) as (url, _):
            code, found = doctor("--url", url, "--token", TOKEN)
        assert code == 1
        assert found["round trip over HTTP"] == ("failure", "register: 400, its log says why")

    def test_nor_is_an_answer_of_another_kind(self):
        uri = "otpauth://totp/a:b?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ&issuer=a"

        def echo(method, path, shown):
            if not shown:
                return 401, {}, {}
            if (method, path) == ("POST", "/"):
                return 201, {}, {"qr_code": uri}
            return (204 if method == "DELETE" else 200), {}, {"code_is_valid": shown}

        with server(echo) as (url, _):
            code, found = doctor("--url", url, "--token", TOKEN)
        assert code == 1
        assert "twice gave [200, 200]" in found["round trip over HTTP"][1]

    @pytest.mark.parametrize(
        "body",
        [b"", b"[]", b"null", b'"text"', b"{}", b"\xff", b'{"qr_code": 5}', b"[" * 100_000,
         b'{"qr_code": "otpauth://hotp/x"}', b"x" * 3_000_000],
    )  # fmt: skip
    def test_a_reply_that_is_not_the_apps(self, body):
        def answer(method, _path, shown):
            if method == "DELETE":
                return 204, {}, b""
            return (201 if shown else 401), {"Date": "?"}, body

        with server(answer) as (url, _):
            code, found = doctor("--url", url, "--token", TOKEN)
        assert code == 1
        assert "no key URI" in found["round trip over HTTP"][1]

    @pytest.mark.parametrize(
        "raw",
        [b"", b"SSH-2.0-OpenSSH_9.6\r\n", b"HTTP/1.1 20", b"HTTP/1.1 200 \xff\r\n" + b"x" * 99999],
    )
    def test_no_http(self, raw):
        with server(lambda *_: raw) as (url, _):
            code, found = doctor("--url", url, "--token", TOKEN)
        assert code == 1
        assert found["app"][0] == "failure"


class TestATokenThatCannotBe:
    @pytest.mark.parametrize(
        ("token", "says"),
        [
            ("", "is empty"),
            (" ", "is empty"),
            ("short", "is under 16 characters"),
            ("correct horse battery staple", "has white space inside"),
            (f"{TOKEN[:9]}\r\nX-Evil: {TOKEN[9:]}", "has white space inside"),
            (f"{TOKEN}\x7f", "has a control character"),
            (f"{TOKEN}\u00a0", "is not ASCII"),
            (f"{TOKEN}\udcff", "is not valid UTF-8"),
            (HASHED, "is a hash"),
        ],
    )
    def test_it_is_named_and_not_sent(self, token, says):
        with server(closed) as (url, requests):
            code, found = doctor("--url", url, "--token", token)
        assert requests == []
        assert code == 1
        assert found["token"][0] == "failure"
        assert says in found["token"][1]

    def test_nor_is_it_in_a_traceback(self):
        """As http.client would have it: it repeats a header that it does not take."""
        with server(closed) as (url, requests):
            token = f"{TOKEN}\r\nX-Evil: {SECOND}"
            done = shell("doctor", "--url", url, "--token", token, **LOCAL)
        assert requests == []
        for hidden in (TOKEN, SECOND):
            assert hidden not in done.stdout + done.stderr

    @pytest.mark.parametrize("name", list(_tokens.SCOPES))
    @pytest.mark.parametrize("bad", ["", ",", "two words", f"{TOKEN}\f", f"{SECOND},{TOKEN}\u0085"])
    def test_one_in_the_environment(self, name, bad):
        with server(closed) as (url, requests):
            code, found = doctor("--url", url, **{name: bad})
        subject = _tokens.SUBJECTS[name]
        assert code == 1
        assert found[subject][0] == "failure"
        assert found[subject][1].startswith(name)
        assert {shown for _, _, shown in requests} == {None}


class TestWhichTokenIsSent:
    @pytest.mark.parametrize(
        "configured", [TOKEN, f" {TOKEN}\r\n", f"{TOKEN},{SECOND}", f"{HASHED},{TOKEN}"]
    )
    def test_the_first_that_is_plain(self, configured):
        with server(closed) as (url, requests):
            _, found = doctor("--url", url, LAMBDATOTP_API_TOKEN=configured)
        assert {shown for _, _, shown in requests} == {None, f"Bearer {TOKEN}"}
        assert found["API token"][0] == "ok"

    def test_the_one_given(self):
        with server(closed) as (url, requests):
            doctor("--url", url, "--token", f" {SECOND}\n", LAMBDATOTP_API_TOKEN=TOKEN)
        assert {shown for _, _, shown in requests} == {None, f"Bearer {SECOND}"}

    def test_none_where_there_are_only_hashes(self):
        with server(closed) as (url, requests):
            _, found = doctor("--url", url, LAMBDATOTP_API_TOKEN=HASHED)
        assert {shown for _, _, shown in requests} == {None}
        assert found["token"] == (
            "warning",
            "LAMBDATOTP_API_TOKEN holds only hashes: give a token by --token",
        )
        assert found["API token"] == ("ok", "LAMBDATOTP_API_TOKEN holds 1, of which 1 hashed")


class TestSealing:
    def test_the_key_is_named(self):
        _, found = doctor(LAMBDATOTP_KEYS=f"new:{'A' * 43},old:{'B' * 42}A")
        assert found["secrets"] == ("ok", "new ones are sealed by key new")

    def test_plaintext_is_a_warning(self):
        code, found = doctor()
        assert code == 0
        assert found["secrets"][0] == "warning"
        assert "plaintext" in found["secrets"][1]

    @pytest.mark.parametrize("name", ["LAMBDATOTP_AUDIT", "LAMBDATOTP_REGION", "LAMBDATOTP_KEYS"])
    def test_a_variable_that_cannot_be_read(self, name):
        code, text = run("doctor", **LOCAL, **{name: "\udcff\udcfe"})
        assert code == 1
        assert f"{name} is not valid UTF-8" in text
