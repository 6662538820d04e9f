"""Credentials, region and endpoint by AWS's usual rules."""

from __future__ import annotations

import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import lambdatotp
import pytest


@pytest.fixture
def engine(local_engine):
    return local_engine


@pytest.fixture
def works(engine):
    """Whether a verifier with no more than a table name reaches the engine."""

    def check() -> bool:
        lambdatotp.Verifier(table_name=engine.table_name).register("ana")
        return engine.get("ana") is not None

    return check


@pytest.mark.parametrize("variable", ["AWS_ENDPOINT_URL_DYNAMODB", "AWS_ENDPOINT_URL"])
@pytest.mark.parametrize("region", ["AWS_REGION", "AWS_DEFAULT_REGION"])
def test_everything_in_the_environment(engine, works, monkeypatch, variable, region):
    monkeypatch.delenv("AWS_REGION")
    monkeypatch.setenv(region, "eu-west-1")
    monkeypatch.setenv(variable, engine.settings["endpoint_url"])
    assert works()


def test_the_services_own_endpoint_wins(engine, works, monkeypatch):
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("AWS_ENDPOINT_URL_DYNAMODB", engine.settings["endpoint_url"])
    assert works()


def test_a_profile(engine, works, monkeypatch, tmp_path):
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_REGION"):
        monkeypatch.delenv(name)
    (tmp_path / "credentials").write_text(
        "[work]\naws_access_key_id = key\naws_secret_access_key = secret\n"
    )
    (tmp_path / "config").write_text("[profile work]\nregion = eu-west-1\n")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("AWS_PROFILE", "work")
    monkeypatch.setenv("AWS_ENDPOINT_URL_DYNAMODB", engine.settings["endpoint_url"])
    assert works()


def test_the_config_file_in_the_home_folder(engine, works, monkeypatch, tmp_path):
    """Credentials are in the environment, and the endpoint is in the file all the same."""
    monkeypatch.delenv("AWS_REGION")
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / ".aws").mkdir()
    (tmp_path / ".aws" / "config").write_text(
        f"[default]\nregion = eu-west-1\nendpoint_url = {engine.settings['endpoint_url']}\n"
    )
    assert works()


def test_a_ca_bundle_that_cannot_be(monkeypatch, tmp_path):
    bundle = tmp_path / "bundle.pem"
    monkeypatch.setenv("AWS_CA_BUNDLE", str(bundle))
    with pytest.raises(lambdatotp.ConfigurationError, match="AWS_CA_BUNDLE"):
        lambdatotp.Verifier().register("ana")


class TestInstanceMetadata:
    """Asking it takes a second where there is none: only who has no credentials does."""

    @pytest.fixture
    def asked(self, monkeypatch):
        """A service that is asked, and has nothing to say."""
        paths = []

        class Handler(BaseHTTPRequestHandler):
            def do_PUT(self):
                paths.append(self.path)
                self.send_error(404)

            do_GET = do_PUT  # noqa: N815 - as http.server spells it

            def log_message(self, *_):
                pass

        with HTTPServer(("127.0.0.1", 0), Handler) as server:
            thread = threading.Thread(target=server.serve_forever, daemon=True)
            thread.start()
            url = f"http://127.0.0.1:{server.server_port}"
            monkeypatch.delenv("AWS_EC2_METADATA_DISABLED")
            monkeypatch.setenv("AWS_EC2_METADATA_SERVICE_ENDPOINT", url)
            yield paths
            server.shutdown()
            thread.join()

    def test_not_with_credentials_in_the_environment(self, engine, works, asked, monkeypatch):
        monkeypatch.setenv("AWS_ENDPOINT_URL_DYNAMODB", engine.settings["endpoint_url"])
        assert works()
        assert asked == []

    def test_without_any(self, engine, asked, monkeypatch):
        monkeypatch.delenv("AWS_ACCESS_KEY_ID")
        with pytest.raises(lambdatotp.LambdaTotpError):
            engine.verifier(timeout=3).register("ana")
        assert asked
