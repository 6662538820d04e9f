"""The page for everyone: assistive technology, small windows, large text."""

from __future__ import annotations

import re
import time
from typing import TYPE_CHECKING

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import (
    Page,
    expect,
)

from tests.python.support.page import (
    enroll,
    fits,
    submit,
    verdict,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.browser


def walk(page: Page, user: str) -> Iterator[str]:
    """Go through every state of the page."""
    yield "start"
    page.get_by_label("API token").fill("wrong")
    page.get_by_label("User").fill(user)
    page.get_by_role("button", name="Show the QR code").click()
    expect(page.locator("#start-message")).to_contain_text("API token")
    yield "refused"
    page.get_by_label("API token").fill("t0ken-of-an-operator")
    totp = enroll(page, user, recovery=True)
    yield "scan"
    submit(page, "0" * totp.digits)
    expect(verdict(page)).to_contain_text("Not right")
    yield "wrong"
    submit(page, totp.now())
    expect(page.locator("#done")).to_be_visible()
    yield "done"
    submit(page, totp.now())
    expect(verdict(page)).to_contain_text(re.compile("Already used|Accepted"))
    yield "used"
    submit(page, totp.at(time.time(), counter_offset=1))
    expect(verdict(page)).to_contain_text("Accepted")
    yield "again"


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_state_is_accessible_and_fits_a_small_phone(guarded, visit, scheme):
    page = visit(guarded, viewport={"width": 320, "height": 640}, color_scheme=scheme)
    axe, backgrounds = Axe(), set()
    # As if the device's clock were off, too.
    page.add_init_script("const real = Date.now; Date.now = () => real() + 100000")
    page.reload()
    for state in walk(page, f"walker.{scheme}@example.com"):
        results = axe.run(page)
        assert results.violations_count == 0, (state, results.generate_report())
        fits(page)
        small = page.evaluate(
            "[...document.querySelectorAll('button, a, label.tick, input:not([type=checkbox])')]"
            ".filter((target) => target.checkVisibility()"
            " && target.getBoundingClientRect().height < 44).map((target) => target.outerHTML)"
        )
        assert not small
        # Text of twice the size, on a small window and a small phone.
        for width in (640, 390):
            page.set_viewport_size({"width": width, "height": 640})
            page.evaluate("document.documentElement.style.fontSize = '200%'")
            fits(page)
        page.evaluate("document.documentElement.style.fontSize = ''")
        page.set_viewport_size({"width": 320, "height": 640})
        backgrounds.add(page.evaluate("getComputedStyle(document.documentElement).backgroundColor"))
    (background,) = backgrounds
    dark = max(map(int, re.findall(r"\d+", background))) < 100
    assert dark is (scheme == "dark")


def test_axe_sees_what_is_wrong(server, visit):
    """Or the test above would pass for nothing."""
    page = visit(server)
    page.evaluate(
        "document.querySelector('label[for=user]').remove();"
        "document.getElementById('user-hint').style.color = '#ccc'"
    )
    report = Axe().run(page).generate_report()
    assert "color-contrast" in report
    assert "label" in report
