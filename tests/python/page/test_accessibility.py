"""The page for everyone: assistive technology, small windows, large text."""

from __future__ import annotations

import base64
import re
from typing import TYPE_CHECKING

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import (
    Page,
    expect,
)

from tests.python.support.chalice_local import call
from tests.python.support.fonts import font
from tests.python.support.page import (
    TOKEN,
    Server,
    change,
    enroll,
    enrolled,
    following,
    scan,
    submit,
    verdict,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.browser


def enrolling(page: Page, server: Server, user: str) -> Iterator[str]:
    """Go through every state of enrolling."""
    yield "start"
    page.get_by_label("Access token").fill("wrong")
    page.get_by_label("User").fill(user)
    page.get_by_role("button", name="Show the QR code").click()
    expect(page.locator("#start-message")).to_contain_text("access token")
    yield "refused"
    call(server.port, "POST", "/", {"user": user}, Authorization=f"Bearer {TOKEN}")
    page.get_by_label("Access token").fill(TOKEN)
    page.get_by_label("Name shown on the phone").fill(user)
    page.get_by_label("Also make recovery codes").check()
    page.get_by_role("button", name="Show the QR code").click()
    expect(page.locator("#start-message")).to_contain_text("registered already")
    yield "taken"
    page.get_by_role("button", name="Start again").click()
    totp = scan(page)
    yield "scan"
    submit(page, "0" * totp.digits)
    expect(verdict(page)).to_contain_text("Not right")
    yield "wrong"
    submit(page, totp.now())
    expect(page.locator("#save")).to_be_visible()
    page.get_by_role("button", name="Copy").click()
    expect(page.locator("#codes-copied")).not_to_be_empty()
    yield "save"
    page.get_by_role("button", name="I have saved them").click()
    expect(page.locator("#done")).to_be_visible()
    yield "done"


def changing(page: Page, server: Server, user: str) -> Iterator[str]:
    """Go through every state of a change of phone."""
    old, _ = enrolled(server, user)
    page.get_by_role("button", name="Change to a new phone").click()
    yield "old phone"
    page.get_by_label("Access token").fill(TOKEN)
    change(page, user, "0" * old.digits, name=user)
    expect(page.locator("#start-message")).to_contain_text("Not right")
    yield "wrong code of the old phone"
    page.route("**/rotate", lambda route: route.abort())
    page.get_by_label("Code of the old phone").fill(following(old))
    page.get_by_role("button", name="Check this code").click()
    expect(page.locator("#start-message")).to_contain_text("No answer came")
    yield "no new QR code"
    page.unroute("**/rotate")
    page.get_by_role("button", name="Check this code").click()
    totp = scan(page)
    yield "new phone"
    page.route("**/confirm", lambda route: route.fulfill(status=409, json={}))
    submit(page, totp.now())
    expect(verdict(page)).to_contain_text("This change of phone has ended")
    yield "ended"
    page.unroute("**/confirm")
    submit(page, totp.now())
    expect(page.locator("#done")).to_be_visible()
    yield "changed"


def demonstrating(page: Page, _server: Server, user: str) -> Iterator[str]:
    """Go through what `lambdatotp serve` shows, besides."""
    totp = enroll(page, user)
    submit(page, totp.now())
    expect(page.locator("#done")).to_be_visible()
    yield "done"
    submit(page, totp.now())
    expect(verdict(page)).to_contain_text(re.compile("Already used|Accepted"))
    yield "used"
    submit(page, following(totp))
    expect(verdict(page)).to_contain_text("Accepted")
    yield "again"


# Narrower than any, as most are, and wider than any (Verdana's bold letters are 0.7 em wide).
WIDTHS = [0.4, 0.6, 0.9]
SIZES = ["100%", "200%", "400%"]
# WCAG 1.4.12.
SPACING = ["letter-spacing: .12em", "word-spacing: .16em", "line-height: 1.5"]
WINDOWS = [320, 390, 640, 1280]

LOAD_FONTS = """async (fonts) => {
  for (const [name, data] of Object.entries(fonts)) {
    const bytes = Uint8Array.from(atob(data), (letter) => letter.charCodeAt(0));
    document.fonts.add(await new FontFace(name, bytes).load());
  }
  window.sheet = new CSSStyleSheet();
  document.adoptedStyleSheets.push(window.sheet);
}"""
# What is wrong with the page in each look; the policy of the page lets no other style in.
LOOK = """(looks) => {
  const inside = (inner, outer) => inner.left >= outer.left - .5 && inner.right <= outer.right + .5;
  const wrong = [];
  for (const look of looks) {
    window.sheet.replaceSync(look);
    const {scrollWidth, clientWidth} = document.documentElement;
    if (scrollWidth > clientWidth) wrong.push([look, scrollWidth, clientWidth]);
    for (const element of document.body.querySelectorAll("*")) {
      const box = element.getBoundingClientRect();
      if (element.checkVisibility() && !inside(box, {left: 0, right: clientWidth})) {
        wrong.push([look, element.outerHTML.slice(0, 60), box.left, box.right, clientWidth]);
      }
    }
    const [left, ring] = ["left", "ring"].map((id) => document.getElementById(id));
    if (left && !inside(left.getBoundingClientRect(), ring.getBoundingClientRect())) {
      wrong.push([look, "the number is wider than its ring"]);
    }
  }
  window.sheet.replaceSync("");
  return wrong;
}"""
LOOKS = [
    f"html {{ font-size: {size} }} * {{ {' '.join(f'{rule} !important;' for rule in rules)} }}"
    for size in SIZES
    for family in ([], *([f'font-family: "{width} em"'] for width in WIDTHS))
    for rules in (family, family + SPACING)
]


def load_fonts(page: Page) -> None:
    fonts = {f"{width} em": base64.b64encode(font(width)).decode() for width in WIDTHS}
    page.evaluate(LOAD_FONTS, fonts)


def fits_in_every_look(page: Page) -> None:
    """Whatever the font, the size and the spacing of the text, and the window's width."""
    before = page.viewport_size
    for width in WINDOWS:
        page.set_viewport_size({**before, "width": width})
        assert page.evaluate(LOOK, LOOKS) == [], width
    page.set_viewport_size(before)


@pytest.mark.parametrize(
    ("scheme", "user"),
    [("light", "walker@example.com"), ("dark", "m" * 250)],
    ids=["light", "dark"],
)
@pytest.mark.parametrize("walk", [enrolling, changing, demonstrating])
def test_every_state_is_accessible_and_fits(request, visit, walk, scheme, user):
    server = request.getfixturevalue("server" if walk is demonstrating else "guarded")
    user = f"{walk.__name__[0]}{user}"
    page = visit(server, viewport={"width": 320, "height": 640}, color_scheme=scheme)
    axe, backgrounds = Axe(), set()
    # As if the device's clock were off, too.
    page.add_init_script("const real = Date.now; Date.now = () => real() + 100000")
    page.reload()
    load_fonts(page)
    for state in walk(page, server, user):
        results = axe.run(page)
        assert results.violations_count == 0, (state, results.generate_report())
        small = page.evaluate(
            "[...document.querySelectorAll('button, a, label.tick, input:not([type=checkbox])')]"
            ".filter((target) => target.checkVisibility()"
            " && target.getBoundingClientRect().height < 44).map((target) => target.outerHTML)"
        )
        assert not small
        fits_in_every_look(page)
        backgrounds.add(page.evaluate("getComputedStyle(document.documentElement).backgroundColor"))
    (background,) = backgrounds
    dark = max(map(int, re.findall(r"\d+", background))) < 100
    assert dark is (scheme == "dark")


def test_what_is_said_is_announced(guarded, visit):
    """Screen readers say what changes in a live region that was there before."""
    page = visit(guarded)
    for place in ("start-message", "check-message", "clock", "key-copied", "codes-copied"):
        expect(page.locator(f"#{place}")).to_have_role("status")
    # What starting again means is said with its button.
    expect(page.locator("#restart")).to_have_attribute("aria-describedby", "start-message")


def test_a_look_that_does_not_fit_is_seen(server, visit):
    """Or the test above would pass for nothing."""
    page = visit(server)
    load_fonts(page)
    page.evaluate("document.body.style.overflowWrap = 'normal'")
    page.set_viewport_size({"width": 320, "height": 640})
    found = page.evaluate(LOOK, LOOKS)
    assert {look for look, *_ in found} >= {look for look in LOOKS if "400%" in look}
    assert not [look for look, *_ in found if "100%" in look and "0.4 em" in look]
    widths = []
    for width in WIDTHS:
        page.evaluate(f"window.sheet.replaceSync('h1 {{ font: 1rem \"{width} em\"; }}')")
        box = "const range = document.createRange(); range.selectNodeContents(heading);"
        widths.append(
            page.locator("h1").evaluate(
                f"(heading) => {{ heading.style.width = '90rem'; {box}"
                " return range.getBoundingClientRect().width / heading.textContent.length }"
            )
        )
    assert widths == pytest.approx([16 * width for width in WIDTHS], rel=0.1)


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
