"""What `help()` shows."""

from __future__ import annotations

import inspect
import pydoc

import lambdatotp
import pytest


@pytest.mark.parametrize("name", [name for name in lambdatotp.__all__ if name != "__version__"])
def test_everything_public_is_described(name):
    thing = getattr(lambdatotp, name)
    assert inspect.getdoc(thing)
    if inspect.isclass(thing) and not issubclass(thing, Exception):
        for attribute, value in inspect.getmembers(thing):
            if not attribute.startswith("_"):
                assert inspect.getdoc(value), f"{name}.{attribute}"


def test_help_on_verify():
    text = pydoc.plain(pydoc.render_doc(lambdatotp.verify))
    assert "verify(user: str, code: str) -> bool" in text
    for piece in (
        "Args:",
        "Returns:",
        "Raises:",
        "TooManyAttemptsError",
        "True for a right code, once",
    ):
        assert piece in text


def test_settings_have_the_names_of_their_variables(monkeypatch):
    """Every argument but AWS's own two has a LAMBDATOTP_ variable, and it is heard."""
    parameters = inspect.signature(lambdatotp.Verifier).parameters
    assert len(parameters) == 20
    for name in parameters:
        assert f"{name}:" in lambdatotp.Verifier.__doc__
        # Nor is there one for what is not text.
        if name in {"region", "endpoint_url", "embedded", "audit"}:
            continue
        monkeypatch.setenv(f"LAMBDATOTP_{name.upper()}", "\n")
        with pytest.raises(lambdatotp.ConfigurationError, match=f"(?i){name}"):
            lambdatotp.Verifier()
        monkeypatch.delenv(f"LAMBDATOTP_{name.upper()}")


def test_the_version_is_the_packages():
    from importlib.metadata import version

    assert lambdatotp.__version__ == version("lambdatotp")


def test_errors_are_one_family():
    for name in lambdatotp.exceptions.__all__:
        error = getattr(lambdatotp, name)
        assert issubclass(error, lambdatotp.LambdaTotpError | Warning)
    error = lambdatotp.TooManyAttemptsError(7)
    assert (error.retry_after, str(error)) == (7, "too many attempts: try again in 7 seconds")
