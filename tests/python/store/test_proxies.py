"""HTTPS_PROXY, HTTP_PROXY and NO_PROXY, as boto3 has them, through a real proxy."""

from __future__ import annotations

import json
import os

import lambdatotp
import pytest
from botocore.utils import get_environ_proxies

from tests.python.support.answers import answers
from tests.python.support.proxy_server import proxy_server
from tools.tls_front import tls_front

HOST = "dynamodb.test:8000"  # known to the proxy alone
AWS = "dynamodb.eu-west-1.amazonaws.com"
SECRET = "hunter2-must-not-show"


@pytest.fixture
def engine(local_engine):
    return local_engine


@pytest.fixture
def proxy():
    with proxy_server() as proxy:
        yield proxy


@pytest.fixture
def works(engine):
    """Whether a registration arrives."""

    def check(**settings):
        settings = {"endpoint_url": None, "region": "eu-west-1", **settings}
        lambdatotp.Verifier(table_name=engine.table_name, **settings).register("ana")
        return engine.get("ana") is not None

    return check


@pytest.fixture
def aws(engine, proxy, tmp_path, monkeypatch):
    """AWS's own endpoint, as the proxy sees it."""
    with tls_front(engine.settings["endpoint_url"], tmp_path, AWS) as front:
        monkeypatch.setenv("AWS_CA_BUNDLE", str(front.bundle))
        proxy.routes[f"{AWS}:443"] = front.url
        yield front


@pytest.mark.parametrize("form", ["http://{}", "http://{}/", "//{}", "{}"])
@pytest.mark.parametrize("name", ["HTTP_PROXY", "http_proxy"])
def test_plain_http(engine, proxy, works, name, form, monkeypatch):
    proxy.routes[HOST] = engine.settings["endpoint_url"]
    monkeypatch.setenv(name, form.format(proxy.host))
    assert works(endpoint_url=f"http://{HOST}")
    assert proxy.asked[0] == f"POST http://{HOST}/"


@pytest.mark.parametrize("name", ["HTTPS_PROXY", "https_proxy"])
def test_https_in_a_tunnel(proxy, aws, works, name, monkeypatch):
    monkeypatch.setenv(name, proxy.url)
    assert works()
    assert proxy.asked == [f"CONNECT {AWS}:443"]
    assert aws.connections == 1


def test_a_proxy_that_speaks_tls(engine, proxy, works, tmp_path, monkeypatch):
    proxy.routes[HOST] = engine.settings["endpoint_url"]
    with tls_front(proxy.url, tmp_path) as front:
        monkeypatch.setenv("AWS_CA_BUNDLE", str(front.bundle))
        monkeypatch.setenv("HTTP_PROXY", front.url)
        assert works(endpoint_url=f"http://{HOST}")
    assert proxy.asked


class TestAPassword:
    WANTED = "Basic dXNlcjpwQHNz"  # user:p@ss

    @pytest.fixture(autouse=True)
    def wanted(self, proxy):
        proxy.wanted = self.WANTED

    @pytest.mark.usefixtures("aws")
    def test_for_https(self, proxy, works, monkeypatch):
        monkeypatch.setenv("HTTPS_PROXY", f"http://user:p%40ss@{proxy.host}")
        assert works()
        assert proxy.credentials == {self.WANTED}

    def test_for_http(self, engine, proxy, works, monkeypatch):
        proxy.routes[HOST] = engine.settings["endpoint_url"]
        monkeypatch.setenv("HTTP_PROXY", f"http://user:p%40ss@{proxy.host}")
        assert works(endpoint_url=f"http://{HOST}")
        assert proxy.credentials == {self.WANTED}

    @pytest.mark.parametrize("given", ["", f"user:{SECRET}@"])
    @pytest.mark.parametrize("endpoint_url", [None, f"http://{HOST}"])
    @pytest.mark.usefixtures("aws")
    def test_missing_or_wrong(self, proxy, works, given, endpoint_url, monkeypatch):
        for name in ("HTTP_PROXY", "HTTPS_PROXY"):
            monkeypatch.setenv(name, f"http://{given}{proxy.host}")
        with pytest.raises(lambdatotp.ConfigurationError, match="a password") as caught:
            works(endpoint_url=endpoint_url)
        assert SECRET not in str(caught.value)


# Each with {host} and {port} for those of the endpoint.
NO_PROXY = [
    "",
    "*",
    "{host}",
    "example.com, {host}",
    "example.com,,{host}",
    "{host}:{port}",
    "{host}:1",
    "example.com",
    "x{host}",
]


@pytest.mark.parametrize("exceptions", NO_PROXY)
@pytest.mark.parametrize("name", ["NO_PROXY", "no_proxy"])
@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "LOCALHOST"])
def test_exceptions_are_boto3s(engine, proxy, works, host, name, exceptions, monkeypatch):
    port = engine.settings["endpoint_url"].rsplit(":")[-1]
    url = f"http://{host}:{port}"
    monkeypatch.setenv("HTTP_PROXY", proxy.url)
    monkeypatch.setenv(name, exceptions.format(host=host, port=port))
    assert works(endpoint_url=url)
    assert bool(proxy.asked) == bool(get_environ_proxies(url))


@pytest.mark.parametrize("exceptions", [".amazonaws.com", "amazonaws.com", AWS, "zonaws.com"])
@pytest.mark.usefixtures("aws")
def test_exceptions_by_domain(proxy, works, exceptions, monkeypatch):
    monkeypatch.setenv("HTTPS_PROXY", proxy.url)
    monkeypatch.setenv("NO_PROXY", exceptions)
    if get_environ_proxies(f"https://{AWS}/"):
        assert works()
    else:
        # There is no way to AWS here but the proxy.
        with pytest.raises(lambdatotp.LambdaTotpError):
            works(connect_timeout=0.5, timeout=1)
        assert proxy.asked == []


class TestWhichVariableCounts:
    @pytest.fixture(autouse=True)
    def route(self, engine, proxy, monkeypatch):
        proxy.routes[HOST] = engine.settings["endpoint_url"]
        monkeypatch.setenv("NO_PROXY", "example.com")

    def test_lower_case(self, proxy, works, monkeypatch):
        monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
        monkeypatch.setenv("http_proxy", proxy.url)
        assert works(endpoint_url=f"http://{HOST}")

    @pytest.mark.parametrize(
        "variables",
        [
            {},
            {"HTTP_PROXY": ""},
            {"HTTP_PROXY": "{}", "http_proxy": ""},
            {"HTTPS_PROXY": "{}"},
            {"ALL_PROXY": "{}"},
            # A CGI script: the client may have chosen the value.
            {"HTTP_PROXY": "{}", "REQUEST_METHOD": "GET"},
        ],
    )
    def test_none(self, engine, proxy, works, variables, monkeypatch):
        for name, value in variables.items():
            monkeypatch.setenv(name, value.format(proxy.url))
        url = engine.settings["endpoint_url"]
        assert "http" not in get_environ_proxies(url)
        assert works(endpoint_url=url)
        assert proxy.asked == []


@pytest.mark.parametrize("name", ["HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy"])
@pytest.mark.parametrize(
    "value",
    [
        f"socks5://user:{SECRET}@host:1080",
        f"http://user:{SECRET}@host:99999",
        f"http://user:{SECRET} @host",
        f"http://user:{SECRET}@host:x",
        f"http://user:{SECRET}\n@host",
        "http://",
        b"http://host\xff",
    ],
)
def test_one_that_cannot_be(name, value, monkeypatch):
    if isinstance(value, bytes):
        monkeypatch.setitem(os.environb, name.encode(), value)
    else:
        monkeypatch.setenv(name, value)
    endpoint_url = "http://localhost:9" if name.upper() == "HTTP_PROXY" else None
    with pytest.raises(lambdatotp.ConfigurationError, match=name.upper()) as caught:
        lambdatotp.Verifier(endpoint_url=endpoint_url).register("ana")
    assert SECRET not in str(caught.value)


def test_a_proxy_that_is_down(monkeypatch):
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:9")
    with pytest.raises(lambdatotp.StoreUnavailableError):
        lambdatotp.Verifier().register("ana")


class TestCredentials:
    """A server that gives them is reached through the proxy as well, unless it is this machine."""

    @pytest.fixture
    def server(self):
        with answers() as server:
            yield server

    @pytest.fixture(autouse=True)
    def home(self, monkeypatch, tmp_path):
        for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
            monkeypatch.delenv(name)
        monkeypatch.setenv("HOME", str(tmp_path))
        (tmp_path / ".aws").mkdir()
        return tmp_path

    def test_sts(self, engine, proxy, server, works, home, tmp_path, monkeypatch):
        (home / ".aws/config").write_text(
            "[default]\nrole_arn = arn:aws:iam::123456789012:role/dev\nsource_profile = base\n"
            "[profile base]\naws_access_key_id = AKID\naws_secret_access_key = s\n"
        )
        sts = "sts.eu-west-1.amazonaws.com"
        server.always(
            200,
            b"<AssumeRoleResponse><AssumeRoleResult><Credentials><AccessKeyId>AKID</AccessKeyId>"
            b"<SecretAccessKey>s</SecretAccessKey><SessionToken>t</SessionToken>"
            b"<Expiration>2099-01-01T00:00:00Z</Expiration></Credentials></AssumeRoleResult>"
            b"</AssumeRoleResponse>",
        )
        with tls_front(server.url, tmp_path, sts) as front:
            monkeypatch.setenv("AWS_CA_BUNDLE", str(front.bundle))
            proxy.routes[f"{sts}:443"] = front.url
            monkeypatch.setenv("HTTPS_PROXY", proxy.url)
            assert works(endpoint_url=engine.settings["endpoint_url"])
        assert proxy.asked == [f"CONNECT {sts}:443"]

    def test_a_container(self, engine, proxy, server, works, monkeypatch):
        good = {"AccessKeyId": "AKID", "SecretAccessKey": "s", "Token": "t"}
        server.always(200, json.dumps({**good, "Expiration": "2099-01-01T00:00:00Z"}).encode())
        monkeypatch.setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", f"{server.url}/x")
        proxy.routes[HOST] = engine.settings["endpoint_url"]
        monkeypatch.setenv("HTTP_PROXY", proxy.url)
        assert works(endpoint_url=f"http://{HOST}")
        assert server.asked
        assert all(HOST in asked for asked in proxy.asked)
