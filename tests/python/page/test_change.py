"""Changing to a new phone with the page: the old code, the new QR code, the new code."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, Route, expect

from tests.python.support.chalice_local import call
from tests.python.support.codes import wrong_code
from tests.python.support.page import (
    DESKTOP,
    PHONE,
    TOKEN,
    Server,
    change,
    enrolled,
    focused,
    following,
    scan,
    submit,
    verdict,
)

pytestmark = pytest.mark.browser
ALLOWED = {"Authorization": f"Bearer {TOKEN}"}


@pytest.fixture
def page(guarded, visit):
    page = visit(guarded, "/enroll?change")
    page.get_by_label("Access token").fill(TOKEN)
    return page


def told(page: Page, words: str) -> None:
    expect(page.locator("#start:not([aria-busy=true])")).to_have_count(1)
    expect(page.locator("#start-message")).to_contain_text(words)


def lose(route: Route) -> None:
    """The request arrives, its reply does not."""
    assert route.fetch().ok
    route.abort()


def works(server: Server, user: str, code: str) -> bool:
    body = {"user": user, "code": code}
    return bool(call(server.port, "POST", "/verify", body, **ALLOWED)[1]["code_is_valid"])


@pytest.mark.parametrize("device", [DESKTOP, PHONE], ids=["desktop", "phone"])
def test_from_the_old_phone_to_the_new(guarded, visit, seen, device):
    user = f"moving{device['width']}"
    old, recovery = enrolled(guarded, user, recovery_codes=1)
    page = visit(guarded, viewport=device)
    page.get_by_label("Access token").fill(TOKEN)
    page.get_by_label("User").fill(user)
    page.get_by_role("button", name="Change to a new phone").click()
    expect(page.get_by_role("heading", name="Change to a new phone")).to_be_focused()
    expect(page).to_have_title("Change to a new phone")
    expect(page.get_by_label("User")).to_have_value(user)
    expect(page.locator("#old-hint")).to_contain_text("The old phone works until")
    change(page, user, following(old), name="Ana")
    new = scan(page)
    assert new.name == "Ana"
    assert new.secret != old.secret
    expect(page.get_by_role("heading", name="Scan this with the new phone")).to_be_focused()
    expect(page.locator("#keeps")).to_contain_text("The old phone still works")
    expect(page.locator(".steps [aria-current=step]")).to_have_text("New phone")
    assert focused(page) == "scan-title"
    # What the old phone shows is not a code of the new one.
    submit(page, old.now())
    expect(verdict(page)).to_contain_text("Not right")
    submit(page, new.now())
    expect(page.get_by_role("heading", name="Done", exact=True)).to_be_focused()
    expect(page.locator("#done")).to_contain_text(f"{user} has a new phone")
    assert seen.paths[1:] == ["/verify", "/rotate", "/confirm", "/confirm"]
    for hidden in (new.secret, "otpauth:", "data:image/png"):
        assert hidden not in page.content()
    assert works(guarded, user, following(new))
    assert works(guarded, user, recovery[0])


def test_without_a_code_of_the_old_phone_nothing_begins(guarded, page, seen):
    old, _ = enrolled(guarded, "guessed")
    change(page, "guessed", "")
    told(page, "Type a code of the old phone")
    expect(page.locator("#old")).to_be_focused()
    assert seen.paths[1:] == []
    change(page, "guessed", wrong_code(old))
    told(page, "Not right")
    expect(page.locator("#old")).to_be_focused()
    change(page, "nobody", following(old))
    told(page, "not registered")
    expect(page.locator("#user")).to_be_focused()
    assert seen.paths[1:] == ["/verify", "/verify"]
    change(page, "guessed", following(old))
    scan(page)


def test_with_a_recovery_code_for_a_lost_phone(guarded, page):
    _, codes = enrolled(guarded, "robbed", recovery_codes=2)
    change(page, "robbed", codes[0].lower())
    submit(page, scan(page).now())
    expect(page.locator("#done")).to_contain_text("has a new phone")


@pytest.mark.parametrize("how", ["lost", "unavailable"])
def test_a_new_qr_code_that_did_not_come_wants_no_other_code(guarded, page, seen, how):
    old, _ = enrolled(guarded, f"patient {how}")
    other, _ = enrolled(guarded, f"bystander {how}")
    unavailable = {"status": 503, "headers": {"Retry-After": "2"}, "json": {}}
    page.route("**/rotate", lose if how == "lost" else lambda route: route.fulfill(**unavailable))
    change(page, f"patient {how}", following(old))
    told(page, "try again")
    expect(page.get_by_label("Code of the old phone")).to_be_hidden()
    page.unroute("**/rotate")
    # For somebody else it is asked for.
    page.get_by_label("User").fill(f"bystander {how}")
    expect(page.get_by_label("Code of the old phone")).to_be_visible()
    page.get_by_role("button", name="Check this code").click()
    told(page, "Type a code of the old phone")
    assert seen.paths[1:] == ["/verify", "/rotate"]
    change(page, f"bystander {how}", following(other))
    scan(page)


def test_the_code_counts_for_the_next_try(guarded, page, seen):
    old, _ = enrolled(guarded, "again")
    page.route("**/rotate", lose)
    change(page, "again", following(old))
    told(page, "No answer came")
    page.unroute("**/rotate")
    page.get_by_role("button", name="Check this code").click()
    submit(page, scan(page).now())
    expect(page.locator("#done")).to_be_visible()
    assert seen.paths[1:] == ["/verify", "/rotate", "/rotate", "/confirm"]


def test_the_code_does_not_count_for_ever(guarded, page):
    old, _ = enrolled(guarded, "slow")
    page.route("**/rotate", lose)
    change(page, "slow", following(old))
    told(page, "No answer came")
    page.unroute("**/rotate")
    page.evaluate("proven.until = performance.now()")
    page.get_by_role("button", name="Check this code").click()
    told(page, "Type a code of the old phone")
    expect(page.locator("#old")).to_be_focused()


def test_a_token_that_may_verify_only(guarded, page, seen):
    old, _ = enrolled(guarded, "scoped")
    page.get_by_label("Access token").fill("token-to-verify-only")
    change(page, "scoped", following(old))
    told(page, "Use an enroll token")
    expect(page.locator("#token")).to_be_focused()
    page.get_by_label("Access token").fill(TOKEN)
    page.keyboard.press("Enter")
    scan(page)
    assert seen.paths[1:] == ["/verify", "/rotate", "/rotate"]


def test_a_change_that_ended_elsewhere(guarded, page):
    old, codes = enrolled(guarded, "twice", recovery_codes=1)
    # A code of the old phone whose answer got lost has no part in it.
    page.route("**/verify", lose)
    change(page, "twice", codes[0])
    told(page, "No answer came")
    page.unroute("**/verify")
    change(page, "twice", codes[0])
    told(page, "may have used this code up")
    change(page, "twice", following(old))
    mine = scan(page)
    _, body = call(guarded.port, "POST", "/rotate", {"user": "twice"}, **ALLOWED)
    secret = re.search(r"secret=(\w+)", body["qr_code"])[1]
    theirs = type(mine)(secret, digits=mine.digits, digest=mine.digest, interval=mine.interval)
    confirm = {"user": "twice", "code": theirs.now()}
    assert call(guarded.port, "POST", "/confirm", confirm, **ALLOWED)[1]["code_is_valid"] is True
    submit(page, mine.now())
    expect(verdict(page)).to_contain_text("This change of phone has ended")
    page.get_by_role("link", name="Begin again").click()
    expect(page.get_by_label("Code of the old phone")).to_be_visible()
    expect(page.locator("#token")).to_be_focused()


@pytest.mark.parametrize("arrived", [True, False])
def test_a_confirmation_whose_answer_got_lost(guarded, page, arrived):
    old, _ = enrolled(guarded, f"unlucky {arrived}")
    change(page, f"unlucky {arrived}", following(old))
    new = scan(page)
    page.route("**/confirm", lose if arrived else lambda route: route.abort())
    submit(page, new.now())
    expect(verdict(page)).to_contain_text("No answer came")
    page.unroute("**/confirm")
    page.get_by_role("button", name="Check").click()
    if arrived:
        # The next code tells: it is the user's, or there is no change any more.
        expect(verdict(page)).to_contain_text("The change may be complete")
        expect(page.get_by_role("link", name="Begin again")).to_be_visible()
        submit(page, following(new))
    expect(page.locator("#done")).to_contain_text("has a new phone")
    expect(page.get_by_role("link", name="Begin again")).to_have_count(0)


def test_with_the_keyboard_alone(guarded, visit):
    old, _ = enrolled(guarded, "keys")
    page = visit(guarded, "/enroll?change")
    for text in (TOKEN, "keys", "", following(old)):
        page.keyboard.type(text)
        page.keyboard.press("Tab")
    assert focused(page) == "show"
    page.keyboard.press("Enter")
    expect(page.locator("#scan-title")).to_be_focused()
    code = scan(page).now()
    for stop in ("open", "copy-key", "code"):
        page.keyboard.press("Tab")
        assert focused(page) == stop
    page.keyboard.type(code)
    page.keyboard.press("Enter")
    expect(page.locator("#done-title")).to_be_focused()


def test_back_to_enrolling(page):
    page.get_by_role("button", name="Set up a second factor instead").click()
    expect(page.get_by_role("heading", name="Set up your second factor")).to_be_focused()
    expect(page.get_by_label("Code of the old phone")).to_be_hidden()
    expect(page.get_by_label("Also make recovery codes")).to_be_visible()
