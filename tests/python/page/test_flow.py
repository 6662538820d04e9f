"""Enrolling with the page, in a real browser, on a real `lambdatotp serve`."""

from __future__ import annotations

import io
import re
import time
from pathlib import Path

import pyotp
import pytest
from PIL import Image
from playwright.sync_api import (
    Dialog,
    Page,
    Route,
    expect,
)

from tests.python.support import ROOT
from tests.python.support.chalice_local import call
from tests.python.support.codes import wrong_code
from tests.python.support.engines import embedded_client
from tests.python.support.page import (
    DESKTOP,
    ISSUER,
    LINK,
    PHONE,
    TOKEN,
    enroll,
    focused,
    following,
    submit,
    verdict,
)
from tests.python.support.pictures import pixels_of_png, read

pytestmark = pytest.mark.browser


@pytest.mark.parametrize("device", [DESKTOP, PHONE], ids=["desktop", "phone"])
def test_scanned_typed_accepted_replayed_refused(server, visit, seen, device):
    user = f"ana{device['width']}@example.com"
    page = visit(server, viewport=device)
    totp = enroll(page, user)
    assert (totp.name, totp.issuer) == (user, "MyApp")
    assert page.locator("#account").inner_text() == user
    assert page.locator("#issuer").inner_text() == "MyApp"
    # By hand, it is the same key; and the link is what the picture says.
    groups = page.locator("#key").inner_text()
    assert re.fullmatch(r"([A-Z2-7]{4} ){7}[A-Z2-7]{4}", groups)
    assert groups.replace(" ", "") == totp.secret
    assert pyotp.parse_uri(page.locator("#open").get_attribute("href")).secret == totp.secret
    assert totp.secret in page.locator("#open").evaluate("(link) => document.body.innerHTML")

    code = totp.now()
    submit(page, f"{code[:3]} {code[3:]}")
    expect(page.get_by_role("heading", name="Done", exact=True)).to_be_focused()
    expect(page.locator("#done")).to_contain_text(f"{user} is enrolled")
    expect(page.locator("#demo")).to_contain_text("wait for the next one")
    submit(page, code)
    expect(verdict(page)).to_contain_text("Already used")
    # The next code is as good as the first.
    submit(page, following(totp))
    expect(verdict(page)).to_contain_text("Accepted")

    # Nothing of the secret is left in the page, and nothing was left elsewhere.
    html = page.content()
    for hidden in (totp.secret, groups, "otpauth:", "data:image/png"):
        assert hidden not in html
    assert page.evaluate("[localStorage.length, sessionStorage.length, document.cookie]") == [
        0,
        0,
        "",
    ]
    assert page.url == f"{server.origin}/enroll"
    assert set(seen.paths) == {"/enroll", "/", "/verify"}


def test_wrong_codes_and_what_is_no_code(server, visit, seen):
    page = visit(server)
    totp = enroll(page, "wrong")
    code = page.get_by_label("Code", exact=True)
    asked = len(seen.requests)
    for typed in ("", "12345", "abcdef", "１２３４５", "¹23456", "123.456", "1234567"):
        submit(page, typed)
        expect(verdict(page)).to_contain_text("A code has 6 digits")
        expect(code).to_have_attribute("aria-invalid", "true")
        expect(page.locator("#code")).to_be_focused()
    assert len(seen.requests) == asked
    wrong = wrong_code(totp)
    for _ in range(2):
        submit(page, wrong)
        expect(verdict(page)).to_contain_text("Not right")
        expect(code).to_have_value(wrong)
    submit(page, totp.now())
    expect(page.locator("#done")).to_be_visible()


def test_a_code_as_people_paste_it(server, visit):
    """The page drops and translates what the server does, or it would refuse right codes."""
    page = visit(server)
    totp = enroll(page, "pasted")
    code = totp.now()
    arabic = code.translate({ord("0") + value: 0x660 + value for value in range(10)})
    pasted = f"\ufeff\u202a{arabic[:3]}\u00a0\u2013\u2009{arabic[3:]}\u202c\u200b"
    page.evaluate("(text) => { window.pasted = text; }", pasted)
    page.get_by_label("Code", exact=True).focus()
    # As a paste, which `maxlength` cuts off; `fill` would go round that.
    page.evaluate("document.execCommand('insertText', false, window.pasted)")
    page.get_by_role("button", name="Check").click()
    expect(page.locator("#done")).to_be_visible()


def test_a_user_who_cannot_be(server, visit):
    page = visit(server)
    button = page.get_by_role("button", name="Show the QR code")
    button.click()
    expect(page.locator("#start-message")).to_contain_text("Type the name")
    page.get_by_label("User").fill("a\x7fb")
    button.click()
    expect(page.locator("#start-message")).to_contain_text("That cannot be used")
    expect(page.locator("#start-message")).to_contain_text("The user contains control characters")
    page.get_by_label("User").fill("ana")
    page.get_by_label("Name shown on the phone").fill("a\x7fb")
    button.click()
    expect(page.locator("#start-message")).to_contain_text("The name contains control characters")
    expect(page.locator("#account-name")).to_be_focused()
    expect(page.locator("[aria-invalid]")).to_have_attribute("id", "account-name")


@pytest.mark.parametrize("name", ["ana@example.com", "<i>\u65e5\u672c \U0001f389</i>: a"])
def test_the_phone_shows_a_name_and_the_service_keeps_the_id(server, visit, name):
    page = visit(server)
    user = f"4711 {name}"
    totp = enroll(page, user, name=name)
    assert totp.name == name
    assert page.locator("#account").text_content() == name
    submit(page, totp.now())
    expect(page.locator("#who")).to_have_text(user, use_inner_text=False)


def test_a_spent_budget_a_lock_and_a_user_who_is_gone(server, visit):
    page = visit(server)
    totp = enroll(page, "spent")
    # The whole burst and 59 minutes more are owed.
    server.set("spent", "throttle_at", int(time.time() * 1000) + (9 * 60 + 59) * 60_000)
    submit(page, totp.now())
    expect(verdict(page)).to_contain_text("Too many tries")
    expect(verdict(page)).to_contain_text("Try again in 59 minutes")
    server.set("spent", "misses", 100)
    submit(page, totp.now())
    expect(verdict(page)).to_contain_text("Locked")
    table = embedded_client(server.at, "totp_users")
    table.delete_item(TableName="totp_users", Key={"user_id": {"S": "spent"}})
    submit(page, totp.now())
    expect(verdict(page)).to_contain_text("not registered any more")


def test_the_token(guarded, visit):
    """It is asked for, said to be wrong, asked for again when it changes, and kept nowhere."""
    page = visit(guarded)
    token = page.get_by_label("Access token")
    expect(token).to_be_focused()
    assert token.get_attribute("type") == "password"
    for wrong in ("", "wrong", "tökén", "слово"):
        token.fill(wrong)
        page.get_by_label("User").fill("ana")
        page.get_by_role("button", name="Show the QR code").click()
        expect(page.locator("#start-message")).to_contain_text("access token is not right")
        expect(token).to_be_focused()
        expect(page.get_by_label("User")).to_have_value("ana")
    token.fill(TOKEN)
    totp = enroll(page, "ana", recovery=True)
    expect(token).to_be_hidden()
    assert (totp.issuer, totp.digits, totp.interval) == (ISSUER, 8, 60)
    assert page.locator("#issuer").inner_text() == ISSUER
    expect(page.locator("#kind")).to_have_text("Time-based, 8 digits, every 60 seconds, SHA256")
    submit(page, totp.now()[:6])
    expect(verdict(page)).to_contain_text("A code has 8 digits")
    # As if the operator had just changed it.
    page.evaluate("document.getElementById('token').value = 'old'")
    submit(page, totp.now())
    expect(verdict(page)).to_contain_text("access token is not right")
    expect(token).to_be_focused()
    token.fill("another-operators-token")
    page.keyboard.press("Enter")
    expect(page.locator("#save")).to_be_visible()
    expect(token).to_be_hidden()
    page.get_by_role("button", name="I have saved them").click()
    # Who is done is done: no token stays, no code is asked for, and the link leads back.
    expect(page.get_by_role("heading", name="Done", exact=True)).to_be_focused()
    assert page.locator("input").count() == 0
    back = page.get_by_role("link", name=f"Back to {ISSUER}")
    assert back.get_attribute("href") == LINK
    assert TOKEN not in page.content()
    assert TOKEN not in page.url
    page.reload()
    expect(token).to_have_value("")


def test_a_token_that_may_not(guarded, visit):
    page = visit(guarded)
    page.get_by_label("Access token").fill("token-to-verify-only")
    page.get_by_label("User").fill("ben")
    page.get_by_role("button", name="Show the QR code").click()
    expect(page.locator("#start-message")).to_contain_text("Use an enroll token")
    expect(page.locator("#token")).to_be_focused()


def test_no_token_is_asked_for_where_there_is_none(server, visit):
    page = visit(server, "/enroll?change")
    expect(page.get_by_label("User")).to_be_focused()
    expect(page.get_by_label("Access token")).to_have_count(0)
    # Nobody may change a phone there.
    expect(page.get_by_label("Code of the old phone")).to_be_hidden()
    expect(page.get_by_role("button", name="Change to a new phone")).to_have_count(0)


def test_recovery_codes_are_shown_once_and_work(server, visit):
    page = visit(server)
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    totp = enroll(page, "careful", name="Ana", recovery=True)
    page.get_by_role("button", name="Copy the key").click()
    expect(page.locator("#key-copied")).to_have_text("Copied")
    assert page.evaluate("navigator.clipboard.readText()") == totp.secret
    submit(page, totp.now())
    expect(page.get_by_role("heading", name="save your recovery codes")).to_be_focused()
    expect(page.locator(".steps [aria-current=step]")).to_have_text("Save")
    expect(page.locator("#check, #done").locator("visible=true")).to_have_count(0)
    codes = page.locator("#codes li").all_inner_texts()
    assert len(set(codes)) == 10
    page.get_by_role("button", name="Copy").click()
    expect(page.locator("#codes-copied")).to_have_text("Copied")
    assert page.evaluate("navigator.clipboard.readText()").split() == codes
    with page.expect_download() as download:
        page.get_by_role("link", name="Download").click()
    assert download.value.suggested_filename == "recovery-codes.txt"
    text = download.value.path().read_text()
    assert text.startswith("Recovery codes of careful for MyApp\n")
    assert text.split()[-10:] == codes
    assert totp.secret not in text

    page.get_by_role("button", name="I have saved them").click()
    expect(page.get_by_role("heading", name="Done", exact=True)).to_be_focused()
    expect(page.locator(".steps [aria-current=step]")).to_have_text("Done")
    # They are not in the page any more, nor is the file.
    assert not [code for code in codes if code in page.content()]
    assert page.locator("[href^='blob:']").count() == 0
    body = {"user": "careful", "code": codes[9]}
    accepted = {"code_is_valid": True, "first": False, "attempts_left": 10}
    accepted["recovery_codes_left"] = 9
    assert call(server.port, "POST", "/verify", body) == (200, accepted)


def test_recovery_codes_are_not_lost_by_leaving_the_page(server, browser):
    page = browser.new_page()
    asked = []

    def stay(dialog: Dialog) -> None:
        asked.append(dialog.type)
        dialog.dismiss()

    page.on("dialog", stay)
    page.goto(f"{server.origin}/enroll")
    totp = enroll(page, "closing", recovery=True)
    submit(page, totp.now())
    expect(page.locator("#save")).to_be_visible()
    with page.expect_event("dialog"):
        page.evaluate("setTimeout(() => location.reload())")
    page.get_by_role("button", name="I have saved them").click()
    expect(page.locator("#done")).to_be_visible()
    page.reload()
    expect(page.get_by_label("User")).to_be_focused()
    assert asked == ["beforeunload"]
    page.context.close()


def test_recovery_codes_alone_are_printed(server, visit):
    page = visit(server, color_scheme="dark")
    totp = enroll(page, "printer", recovery=True)
    submit(page, totp.now())
    expect(page.locator("#save")).to_be_visible()
    codes = page.locator("#codes li").all_inner_texts()
    page.evaluate("addEventListener('beforeprint', () => { window.printed = true; })")
    page.get_by_role("button", name="Print").click()
    page.wait_for_function("window.printed")
    page.emulate_media(media="print")
    shown = page.locator("body").inner_text().split("\n")
    assert [line for line in shown if line] == ["Recovery codes of printer for MyApp", *codes]
    # Black on white, whatever the screen has.
    colors = "(e) => [getComputedStyle(e).color, getComputedStyle(e).backgroundColor]"
    assert page.locator("#page").evaluate(colors) == ["rgb(0, 0, 0)", "rgb(255, 255, 255)"]


def test_without_a_clipboard_what_was_to_be_copied_is_selected(server, visit):
    page = visit(server)
    page.evaluate("Object.defineProperty(navigator, 'clipboard', {value: undefined})")
    totp = enroll(page, "insecure")
    page.get_by_role("button", name="Copy the key").click()
    expect(page.locator("#key-copied")).to_contain_text("Selected")
    assert page.evaluate("getSelection().toString()").replace(" ", "") == totp.secret


def test_an_outage_loses_nothing(server, visit):
    page = visit(server)

    def unavailable(route: Route) -> None:
        route.fulfill(status=503, headers={"Retry-After": "2"}, json={"Code": "", "Message": ""})

    page.route("**/", unavailable)
    page.get_by_label("User").fill("patient")
    button = page.get_by_role("button", name="Show the QR code")
    button.click()
    expect(page.locator("#start-message")).to_contain_text("try again in 2 seconds")
    page.unroute("**/")
    page.route("**/", lambda route: route.abort())
    button.click()
    expect(page.locator("#start-message")).to_contain_text("No answer came")
    expect(page.get_by_label("User")).to_have_value("patient")
    page.unroute("**/")
    totp = enroll(page, "patient")
    page.route("**/verify", lambda route: route.fulfill(status=502, body="<h1>Bad</h1>"))
    submit(page, totp.now())
    expect(verdict(page)).to_contain_text("The service answered 502")
    page.unroute("**/verify")
    page.get_by_role("button", name="Check").click()
    expect(page.locator("#done")).to_be_visible()


def test_a_code_whose_answer_got_lost_may_be_used(server, visit):
    page = visit(server)
    totp = enroll(page, "unlucky")

    def lose(route: Route) -> None:
        assert route.fetch().json()["code_is_valid"] is True
        route.abort()

    page.route("**/verify", lose)
    submit(page, totp.now())
    expect(verdict(page)).to_contain_text("No answer came")
    page.unroute("**/verify")
    page.get_by_role("button", name="Check").click()
    expect(verdict(page)).to_contain_text("may have used this code up")


def test_what_is_sent_twice_is_sent_once(server, visit, seen):
    page = visit(server)
    page.get_by_label("User").fill("hasty")
    page.locator("#start").evaluate("(form) => { form.requestSubmit(); form.requestSubmit(); }")
    expect(page.locator("#scan")).to_be_visible()
    assert seen.requests.count(f"{server.origin}/") == 1


def test_with_the_keyboard_alone(server, visit):
    page = visit(server)
    expect(page.locator("#user")).to_be_focused()
    page.keyboard.type("keys")
    page.keyboard.press("Enter")
    expect(page.locator("#scan-title")).to_be_focused()
    stops = []
    for _ in range(3):
        page.keyboard.press("Tab")
        stops.append(focused(page))
        ring = page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
        assert ring == "solid"
    assert stops == ["open", "copy-key", "code"]
    key = page.locator("#key").inner_text().replace(" ", "")
    page.keyboard.type(pyotp.TOTP(key).now())
    page.keyboard.press("Enter")
    expect(page.locator("#done-title")).to_be_focused()
    expect(page.locator(".steps [aria-current=step]")).to_have_text("Done")


def test_below_a_stage_of_api_gateway(server, visit, seen):
    def strip(route: Route) -> None:
        route.fulfill(response=route.fetch(url=route.request.url.replace("/api/", "/")))

    page = visit(server)
    page.route("**/api/**", strip)
    page.goto(f"{server.origin}/api/enroll")
    seen.requests.clear()
    totp = enroll(page, "staged")
    submit(page, totp.now())
    expect(page.locator("#done")).to_be_visible()
    assert seen.paths == ["/api/", "/api/verify"]
    page.get_by_role("link", name="Enroll another user").click()
    expect(page.get_by_label("User")).to_be_focused()
    assert page.url == f"{server.origin}/api/enroll"


def left_of(period: int) -> float:
    return period - time.time() % period


def close(shown: int, expected: float, period: int) -> bool:
    """Compare moments of a period, whose end is its beginning."""
    return abs((shown - expected + period / 2) % period - period / 2) < 2.5


def test_the_ring_keeps_time_with_the_period(guarded, visit):
    page = visit(guarded)
    page.get_by_label("Access token").fill(TOKEN)
    enroll(page, "ring")
    left = page.locator("#left")
    shown = int(left.inner_text())
    assert close(shown, left_of(60), 60)
    expect(left).not_to_have_text(str(shown))
    # It moves to where it will be when this second is over.
    shown, offset, moves = page.evaluate(
        "() => [Number(document.getElementById('left').textContent),"
        " Number(document.getElementById('arc').style.strokeDashoffset),"
        " getComputedStyle(document.getElementById('arc')).transitionDuration]"
    )
    assert offset == pytest.approx(1 - (shown - 1) / 60, abs=1e-4)
    assert moves == "1s"
    expect(page.locator("#clock")).to_be_empty()


def test_the_ring_does_not_move_for_who_wants_no_motion(server, visit):
    page = visit(server, reduced_motion="reduce")
    enroll(page, "still")
    shown, offset, moves = page.evaluate(
        "() => [Number(document.getElementById('left').textContent),"
        " Number(document.getElementById('arc').style.strokeDashoffset),"
        " getComputedStyle(document.getElementById('arc')).transitionDuration]"
    )
    assert offset == pytest.approx(1 - shown / 30, abs=1e-4)
    assert moves == "0s"


@pytest.mark.parametrize(("off", "word"), [(40, "fast"), (-40, "slow")])
def test_a_clock_that_is_off_is_noticed_and_corrected(server, visit, off, word):
    page = visit(server)
    page.add_init_script(f"const real = Date.now; Date.now = () => real() + {off}000")
    page.reload()
    totp = enroll(page, f"clock {word}")
    expect(page.locator("#clock")).to_contain_text(
        re.compile(rf"This device's clock is (3[7-9]|4[0-3]) seconds {word}")
    )
    # 40 seconds off, an uncorrected countdown would be 10 or 20 seconds off.
    assert close(int(page.locator("#left").inner_text()), left_of(30), 30)
    submit(page, totp.now())
    expect(page.locator("#done")).to_be_visible()


def test_without_javascript_the_page_says_so(server, visit):
    page = visit(server, java_script_enabled=False)
    expect(page.get_by_role("heading", name="This page needs JavaScript")).to_be_visible()
    expect(page.locator("#page")).to_be_hidden()
    assert page.locator("input:visible, button:visible").count() == 0


def test_the_pictures_of_the_documents(server, visit, request):
    """`make screenshots` has them written; all the same, they are taken and looked at."""
    folder = request.config.getoption("--screenshots")

    def keep(page: Page, name: str) -> bytes:
        if folder and page.locator("#left").is_visible():
            page.wait_for_function("() => /^(1[2-9]|2[0-4])$/.test(left.textContent)")
        png = page.screenshot(animations="disabled", caret="hide")
        with Image.open(io.BytesIO(png)) as image:
            small = io.BytesIO()
            image.convert("RGB").quantize(128, dither=Image.Dither.NONE).save(
                small, "PNG", optimize=True
            )
        if folder:
            Path(folder, name).write_bytes(small.getvalue())
        assert (ROOT / "docs/images" / name).stat().st_size < 80_000
        return small.getvalue()

    page = visit(server, color_scheme="light", viewport={"width": 1000, "height": 830})
    totp = enroll(page, "ana@example.com")
    page.get_by_label("Code", exact=True).focus()
    png = keep(page, "enroll-scan.png")
    assert pyotp.parse_uri(read(pixels_of_png(png))).secret == totp.secret

    page = visit(server, color_scheme="dark", viewport=PHONE, device_scale_factor=2)
    totp = enroll(page, "eve@example.com")
    code = totp.now()
    submit(page, code)
    expect(page.locator("#done")).to_be_visible()
    submit(page, code)
    expect(verdict(page)).to_contain_text("Already used")
    page.evaluate("scrollTo(0, 0)")
    keep(page, "enroll-used.png")

    page = visit(server, color_scheme="dark", viewport=PHONE, device_scale_factor=2)
    totp = enroll(page, "zoe@example.com", recovery=True)
    submit(page, totp.now())
    expect(page.locator("#save")).to_be_visible()
    keep(page, "enroll-save.png")
