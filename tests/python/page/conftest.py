"""The fixtures of the enrollment page: its servers and the browser."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from playwright.sync_api import (
    Browser,
    BrowserContext,
    Page,
    sync_playwright,
)

from tests.python.support.page import (
    ARGUMENTS,
    DESKTOP,
    ISSUER,
    LINK,
    TOKEN,
    Seen,
    Server,
    serving,
)
from tools import chromium

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


@pytest.fixture(scope="package")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Serve with the usual settings, to anyone who asks."""
    with serving(tmp_path_factory.mktemp("open") / "users.db") as server:
        yield server


@pytest.fixture(scope="package")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Serve as to users: with tokens, without the demonstration; and with all that is unusual."""
    with serving(
        tmp_path_factory.mktemp("guarded") / "users.db",
        LAMBDATOTP_API_TOKEN="another-operators-token",
        LAMBDATOTP_ENROLL_TOKEN=TOKEN,
        LAMBDATOTP_VERIFY_TOKEN="token-to-verify-only",
        LAMBDATOTP_ENROLL_PAGE="on",
        LAMBDATOTP_ENROLL_LINK=LINK,
        LAMBDATOTP_ISSUER=ISSUER,
        LAMBDATOTP_DIGITS="8",
        LAMBDATOTP_PERIOD="60",
        LAMBDATOTP_ALGORITHM="SHA256",
    ) as server:
        yield server


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(executable_path=chromium.fetch(), args=ARGUMENTS)
        yield launched
        launched.close()


@pytest.fixture
def seen() -> Seen:
    return Seen()


@pytest.fixture
def visit(browser: Browser, seen: Seen) -> Iterator[Callable[..., Page]]:
    """Open the page; a request to elsewhere, an error or a breach of the policy fails the test."""
    contexts: list[BrowserContext] = []
    origins = set()

    def visit(server: Server, path: str = "/enroll", **options: Any) -> Page:
        context = browser.new_context(**{"viewport": DESKTOP, **options})
        contexts.append(context)
        origins.add(server.origin)
        context.on("request", lambda request: seen.requests.append(request.url))
        # A built-in method cannot be exposed.
        context.expose_function("violated", lambda what: seen.violations.append(what))  # noqa: PLW0108
        context.add_init_script(
            "addEventListener('securitypolicyviolation',"
            " (event) => violated(`${event.effectiveDirective} ${event.blockedURI}`))"
        )
        page = context.new_page()
        page.on("pageerror", lambda error: seen.errors.append(str(error)))
        page.on("dialog", lambda dialog: seen.errors.append(dialog.message))
        page.goto(server.origin + path)
        return page

    yield visit
    for context in contexts:
        context.close()
    assert not seen.violations
    assert not seen.errors
    assert seen.requests
    for url in seen.requests:
        assert url.startswith(
            (
                "data:image/",
                *(f"{scheme}{origin}/" for origin in origins for scheme in ("", "blob:")),
            )
        ), url
