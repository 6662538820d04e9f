"""TLS for real: DynamoDB Local behind a certificate of a throw-away authority."""

import os
import shutil

import lambdatotp
import pytest

from tests.python.support.codes import code_of
from tools.tls_front import tls_front


@pytest.fixture
def engine(local_engine):
    return local_engine


@pytest.fixture
def front(engine, tmp_path):
    with tls_front(engine.settings["endpoint_url"], tmp_path) as front:
        yield front


def log_in(verifier):
    enrollment = verifier.register("ana")
    right = code_of(enrollment)
    return [verifier.verify("ana", right), verifier.verify("ana", right)]


@pytest.mark.parametrize("variable", ["AWS_CA_BUNDLE", "SSL_CERT_FILE"])
def test_an_authority_that_is_trusted(engine, front, variable, monkeypatch):
    monkeypatch.setenv(variable, str(front.bundle))
    assert log_in(engine.verifier(endpoint_url=front.url)) == [True, False]


@pytest.mark.parametrize("variable", [b"AWS_CA_BUNDLE", b"SSL_CERT_FILE"])
def test_a_bundle_whose_path_is_not_utf_8(engine, front, variable, monkeypatch, tmp_path):
    path = os.fsencode(tmp_path) + b"/\xff.pem"
    shutil.copy(front.bundle, path)
    monkeypatch.setitem(os.environb, variable, path)
    assert log_in(engine.verifier(endpoint_url=front.url)) == [True, False]


def test_an_authority_that_is_not(engine, front):
    with pytest.raises(lambdatotp.ConfigurationError, match="AWS_CA_BUNDLE"):
        engine.verifier(endpoint_url=front.url).register("ana")
    assert engine.get("ana") is None


def test_a_certificate_for_another_name(engine, tmp_path, monkeypatch):
    with tls_front(engine.settings["endpoint_url"], tmp_path, "example.com") as front:
        monkeypatch.setenv("AWS_CA_BUNDLE", str(front.bundle))
        with pytest.raises(lambdatotp.ConfigurationError, match="another name"):
            engine.verifier(endpoint_url=front.url).register("ana")
    assert engine.get("ana") is None


def test_odd_certificates_among_good_ones(engine, front, monkeypatch, tmp_path):
    """Bundles of whole systems hold some that no verifier reads."""
    odd = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"
    mixed = tmp_path / "mixed.pem"
    mixed.write_text(f"# comment\n{odd}{front.bundle.read_text()}{odd}")
    monkeypatch.setenv("AWS_CA_BUNDLE", str(mixed))
    assert log_in(engine.verifier(endpoint_url=front.url)) == [True, False]


@pytest.mark.parametrize("variable", ["AWS_CA_BUNDLE", "SSL_CERT_FILE"])
@pytest.mark.parametrize(
    "content",
    [
        pytest.param(None, id="no file"),
        pytest.param("", id="empty"),
        pytest.param("no PEM at all", id="not PEM"),
        pytest.param(
            "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", id="not a certificate"
        ),
    ],
)
def test_a_bundle_that_cannot_be(variable, content, monkeypatch, tmp_path):
    bundle = tmp_path / "bundle.pem"
    if content is not None:
        bundle.write_text(content)
    monkeypatch.setenv(variable, str(bundle))
    with pytest.raises(lambdatotp.ConfigurationError, match=variable):
        lambdatotp.Verifier().register("ana")


def test_plain_http_reads_no_certificates(engine, monkeypatch, tmp_path):
    """It costs milliseconds, at every cold start: a bundle that cannot be goes unnoticed."""
    monkeypatch.setenv("AWS_CA_BUNDLE", str(tmp_path / "missing.pem"))
    assert log_in(engine.verifier()) == [True, False]


def test_the_systems_own_certificates(engine, front):
    """They are found and read; ours is not among them, and none of them is odd enough to fail."""
    untrusted = "signed by an authority that this machine does not trust"
    with pytest.raises(lambdatotp.ConfigurationError, match=untrusted):
        engine.verifier(endpoint_url=front.url).connect()


def test_a_connection_made_beforehand_is_the_one_used(engine, front, monkeypatch):
    monkeypatch.setenv("AWS_CA_BUNDLE", str(front.bundle))
    verifier = engine.verifier(endpoint_url=front.url)
    verifier.connect()
    assert front.connections == 1
    assert log_in(verifier) == [True, False]
    assert front.connections == 1
