"""What the page's content security policy lets in, and what a name may hold."""

from __future__ import annotations

import http.client
import re

import pytest
from playwright.sync_api import (
    expect,
)

from tests.python.support.page import (
    PHONE,
    Server,
    enroll,
    fits,
    submit,
)

pytestmark = pytest.mark.browser

AWKWARD = [
    "<script>document.title = 'owned'</script>",
    "\"'><img src=x onerror=\"document.title = 'owned'\">",
    "{{nonce}} &amp; ${user}",
    "日本語 🎉 zoë",
    "\u202eana\u202c",
    " a  b+c%20d/e?f#g ",
    "a" * 256,
]


@pytest.mark.parametrize("user", AWKWARD)
def test_user_ids_are_text(server, visit, user):
    page = visit(server, viewport=PHONE)
    title, before = page.title(), page.locator("body *").count()
    totp = enroll(page, user)
    assert totp.name == user
    assert page.locator("#account").text_content() == user
    submit(page, totp.now())
    expect(page.locator("#who")).to_have_text(user, use_inner_text=False)
    assert page.locator("#who").text_content() == user
    # The parts that are done with are gone, and nothing came instead.
    assert page.locator("body *").count() < before
    assert page.locator("img, main script").count() == 0
    assert page.title() == title
    fits(page)


def get(server: Server) -> tuple[http.client.HTTPResponse, str]:
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=30)
    connection.request("GET", "/enroll")
    response = connection.getresponse()
    body = response.read().decode()
    connection.close()
    return response, body


def test_the_nonce_is_new_each_time_and_on_every_tag(server):
    nonces = set()
    for _ in range(2):
        response, html = get(server)
        policy = dict(
            part.strip().split(" ", 1)
            for part in response.headers["Content-Security-Policy"].split(";")
        )
        nonce = re.fullmatch(r"'nonce-([0-9a-f]{32})'", policy["script-src"])[1]
        assert policy == {
            "default-src": "'none'",
            "script-src": f"'nonce-{nonce}'",
            "style-src": f"'nonce-{nonce}'",
            "img-src": "data:",
            "connect-src": "'self'",
            "form-action": "'none'",
            "base-uri": "'none'",
            "frame-ancestors": "'none'",
        }
        assert re.findall(r"<(script|style)\b([^>]*)>", html) == [
            ("style", f' nonce="{nonce}"'),
            ("script", f' nonce="{nonce}"'),
        ]
        assert "{{" not in html
        assert not re.search(r"<[^>]*\s(style|on\w+)=", html)
        nonces.add(nonce)
    assert len(nonces) == 2


@pytest.mark.parametrize(
    ("breach", "directive"),
    [
        ("make('script').textContent = 'window.owned = 1'", "script-src-elem inline"),
        (
            "const p = make('p'); p.setAttribute('onclick', 'window.owned = 1'); p.click()",
            "script-src-attr inline",
        ),
        ("make('p').setAttribute('style', 'color: red')", "style-src-attr inline"),
        ("make('style').textContent = 'p { color: red }'", "style-src-elem inline"),
        ("make('img').src = 'https://elsewhere.invalid/x.png'", "img-src https://elsewhere"),
        ("make('iframe').src = 'https://elsewhere.invalid/'", "frame-src https://elsewhere"),
        ("make('base').href = 'https://elsewhere.invalid/'", "base-uri https://elsewhere"),
        ("fetch('https://elsewhere.invalid/').catch(() => {})", "connect-src https://elsewhere"),
        ("HTMLFormElement.prototype.submit.call(make('form'))", "form-action http"),
    ],
)
def test_the_policy_blocks_what_is_slipped_in(server, browser, breach, directive):
    page = browser.new_page()
    page.goto(f"{server.origin}/enroll")
    refused = page.evaluate(
        f"""() => new Promise((done) => {{
            addEventListener("securitypolicyviolation", (event) =>
                done(`${{event.effectiveDirective}} ${{event.blockedURI}} ${{window.owned}}`));
            const make = (name) => document.body.appendChild(document.createElement(name));
            {breach};
        }})"""
    )
    assert refused.startswith(directive)
    assert refused.endswith("undefined")
    page.context.close()
