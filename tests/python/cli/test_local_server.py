"""`lambdatotp serve` over real sockets: whom it answers, what it reads, how many it serves."""

from __future__ import annotations

import asyncio
import json
import socket

import pytest

from tests.python.support import ROOT
from tests.python.support.serve import serving

CLIENTS, ROUNDS = 200, 5


class Client:
    """Talks to a running `lambdatotp serve`."""

    def __init__(self, served):
        self.served, self.port = served, served.port

    def send(self, request):
        """Send bytes, and return the status and the body of the reply."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=60) as connection:
            connection.sendall(request)
            return read(connection.makefile("rb"))

    def call(self, method, path, body=b"", *, host=None, **headers):
        lines = [f"{method} {path} HTTP/1.1", f"Host: {host or f'127.0.0.1:{self.port}'}"]
        if body:
            headers = {"Content-Type": "application/json", **headers}
            lines.append(f"Content-Length: {len(body)}")
        lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
        return self.send("\r\n".join([*lines, "", ""]).encode() + body)


def read(reply):
    status = int(reply.readline().split()[1])
    headers = {}
    for line in iter(reply.readline, b"\r\n"):
        name, _, value = line.decode().partition(":")
        headers[name.lower()] = value.strip()
    return status, reply.read(int(headers.get("content-length", 0)))


@pytest.fixture(scope="module")
def server():
    with serving("--embedded", ":memory:", "--app", str(ROOT)) as served:
        client = Client(served)
        assert client.call("POST", "/", b'{"user": "ana"}')[0] == 201
        yield client
        assert served.end() == 0, served.said


class TestWhomItAnswers:
    @pytest.mark.parametrize(
        "host", ["127.0.0.1", "localhost", "LOCALHOST:9", "[::1]", "127.0.0.1:65535"]
    )
    def test_names_of_this_machine(self, server, host):
        assert server.call("GET", "/enroll", host=host)[0] == 200

    @pytest.mark.parametrize(
        "host",
        [
            "evil.example",
            "evil.example:8000",
            "127.0.0.1.evil.example",
            "localhost.evil.example",
            "evil.example/127.0.0.1",
            "127.0.0.1@evil.example",
            "127.0.0.1:8000:evil",
            "127.0.0.1\r\nHost: evil.example",
            "10.0.0.1",
            "192.168.0.1",
            " ",
        ],
    )
    @pytest.mark.parametrize("path", ["/", "/verify", "/enroll", "/ana"])
    def test_a_name_that_leads_here_from_elsewhere(self, server, host, path):
        """DNS rebinding: the browser takes this for the page's own server."""
        for method, body in (("GET", b""), ("POST", b'{"user": "eve"}'), ("DELETE", b"")):
            status, said = server.call(method, path, body, host=host)
            assert (status, json.loads(said)["Code"]) == (403, "ForbiddenError")

    def test_a_request_without_a_name(self, server):
        assert server.send(b"GET /enroll HTTP/1.1\r\n\r\n")[0] == 403
        assert server.send(b"GET /enroll HTTP/1.0\r\n\r\n")[0] == 403

    @pytest.mark.parametrize(
        "headers",
        [
            {"Origin": "http://evil.example"},
            {"Origin": "https://127.0.0.1:{port}"},
            {"Origin": "http://localhost:{port}"},
            {"Origin": "http://127.0.0.1:{port}.evil.example"},
            {"Origin": "http://127.0.0.1:1"},
            {"Origin": "null"},
            {"Origin": ""},
            {"Sec_Fetch_Site": "cross-site"},
        ],
    )
    def test_a_form_on_a_page_of_another_site(self, server, headers):
        form = {"Content_Type": "application/x-www-form-urlencoded"}
        headers = {name: value.format(port=server.port) for name, value in headers.items()}
        for path in ("/", "/verify"):
            status, said = server.call("POST", path, b"user=eve&code=1", **form, **headers)
            assert (status, json.loads(said)["Code"]) == (403, "ForbiddenError")
        assert server.call("GET", "/verify?user=ana&code=123456", **headers)[0] == 403
        assert server.call("OPTIONS", "/verify", **headers)[0] == 403
        # Nobody was registered.
        assert server.call("GET", "/verify?user=eve&code=123456")[0] == 404

    def test_its_own_page(self, server):
        own = {"Origin": f"http://127.0.0.1:{server.port}", "Sec_Fetch_Site": "same-origin"}
        body = b'{"user": "ana", "code": "123456"}'
        assert server.call("POST", "/verify", body, **own)[0] == 200
        # Followed from a page about it, or typed.
        for site in ("cross-site", "none"):
            assert server.call("GET", "/enroll", Sec_Fetch_Site=site)[0] == 200


class TestWhatItReads:
    BODY = b'{"user": "ana", "code": "123456"}'

    def post(self, server, headers, body):
        start = f"POST /verify HTTP/1.1\r\nHost: localhost:{server.port}\r\n"
        return server.send(
            start.encode() + b"Content-Type: application/json\r\n" + headers + b"\r\n\r\n" + body
        )

    @pytest.mark.parametrize("size", [1, 7, 1000])
    def test_a_body_in_chunks(self, server, size):
        chunks = [self.BODY[at : at + size] for at in range(0, len(self.BODY), size)]
        body = b"".join(b"%X\r\n%s\r\n" % (len(chunk), chunk) for chunk in chunks) + b"0\r\n\r\n"
        status, said = self.post(server, b"Transfer-Encoding: chunked", body)
        assert (status, json.loads(said)["code_is_valid"]) == (200, False)

    @pytest.mark.parametrize("chunk", [b"zz\r\n{}\r\n", b"-2\r\n{}\r\n", b"2\r\n{}x\r\n"])
    def test_chunks_that_are_none(self, server, chunk):
        assert self.post(server, b"Transfer-Encoding: chunked", chunk + b"0\r\n\r\n")[0] == 400

    @pytest.mark.parametrize(
        "length",
        [
            b"abc",
            b"",
            b" ",
            b"-1",
            b"+33",
            b"0x21",
            b"3_3",
            b"33.0",
            b"33, 33",
            b"1e1",
            b"\xd9\xa3",
        ],
    )
    def test_a_length_that_is_no_number(self, server, length):
        assert self.post(server, b"Content-Length: " + length, self.BODY)[0] == 400

    @pytest.mark.parametrize("second", [b"33", b"34", b"0"])
    def test_two_lengths(self, server, second):
        twice = b"Content-Length: 33\r\nContent-Length: " + second
        assert self.post(server, twice, self.BODY)[0] == 400

    @pytest.mark.parametrize("length", [b"10485760", b"9" * 20, b"9" * 5000])
    def test_a_length_that_is_too_much(self, server, length):
        """As API Gateway has it: refused at once, before any of it has come."""
        assert self.post(server, b"Content-Length: " + length, b"")[0] == 413

    def test_a_request_that_is_none(self, server):
        assert server.send(b"\x16\x03\x01 TLS\r\n\r\n")[0] == 400
        assert server.call("GET", "http://evil.example/verify")[0] in {400, 403}


def test_codes_and_controls_are_not_in_the_log(server):
    server.call("GET", "/verify?user=ana&code=271828")
    server.call("GET", "/\x1b[31mred")
    server.call("GET", "/the/last")
    server.served.wait_for("GET /the/last 403")
    assert "GET /verify 200" in server.served.said
    assert "\\x1b[31mred" in server.served.said
    assert "271828" not in server.served.said
    assert "\x1b" not in server.served.said


def test_two_hundred_clients_at_once(server):
    """Each opens a connection for each request, all of them in the same moment."""

    async def client(begin):
        await begin.wait()
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        writer.write(
            f"POST /verify HTTP/1.1\r\nHost: localhost:{server.port}\r\nConnection: close\r\n"
            "Content-Type: application/json\r\nContent-Length: 33\r\n\r\n"
            '{"user": "ana", "code": "abcdef"}'.encode()
        )
        status = int((await reader.read()).split()[1])
        writer.close()
        await writer.wait_closed()
        return status

    async def a_round():
        begin = asyncio.Event()
        clients = [asyncio.create_task(client(begin)) for _ in range(CLIENTS)]
        begin.set()
        return await asyncio.gather(*clients)

    for _ in range(ROUNDS):
        assert asyncio.run(a_round()) == [200] * CLIENTS
