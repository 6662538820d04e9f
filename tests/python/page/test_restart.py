"""A user who closed the page before the first code: starting again, on their own word only."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pyotp
import pytest
from playwright.sync_api import Page, expect

from tests.python.support.chalice_local import call
from tests.python.support.page import Server, enroll, enrolled, following, scan, submit

if TYPE_CHECKING:
    from collections.abc import Callable

pytestmark = pytest.mark.browser


@pytest.fixture
def sent() -> list[dict[str, Any]]:
    """What was posted to register a user."""
    return []


@pytest.fixture
def taken(
    server: Server, visit: Callable[..., Page], sent: list[dict[str, Any]]
) -> Callable[[str], Page]:
    """Try to enroll a user who exists."""

    def taken(user: str) -> Page:
        page = visit(server)
        page.on("request", lambda it: sent.append(it.post_data_json) if it.post_data else None)
        page.get_by_label("User").fill(user)
        page.keyboard.press("Enter")
        expect(page.locator("#start-message")).to_contain_text("registered already")
        return page

    return taken


def told_again(page: Page, words: str) -> None:
    """See that the page says it anew."""
    expect(page.locator("#start:not([aria-busy=true])")).to_have_count(1)
    expect(page.locator("#start-message")).to_contain_text(words)


def test_a_user_who_exists(server, taken):
    call(server.port, "POST", "/", {"user": "taken"})
    page = taken("taken")
    expect(page.locator("#user")).to_be_focused()
    expect(page.get_by_label("User")).to_have_attribute("aria-invalid", "true")
    expect(page.get_by_label("User")).to_have_value("taken")
    again = page.get_by_role("button", name="Start again")
    expect(again).to_be_visible()
    # What is offered is about that user.
    page.get_by_label("User").fill("not-taken")
    expect(again).to_be_hidden()
    expect(page.locator("#start-message")).to_be_empty()
    enroll(page, "not-taken")


def test_starting_again_by_the_button(server, taken, sent):
    _, first = call(server.port, "POST", "/", {"user": "closed"})
    page = taken("closed")
    page.get_by_role("button", name="Start again").click()
    totp = scan(page)
    assert totp.secret != pyotp.parse_uri(first["qr_code"]).secret
    assert [body.get("replace_unconfirmed") for body in sent] == [None, True]
    submit(page, totp.now())
    expect(page.locator("#done")).to_be_visible()


def test_who_is_enrolled_stays_so(server, taken, sent):
    totp, _ = enrolled(server, "stays")
    page = taken("stays")
    again = page.get_by_role("button", name="Start again")
    again.click()
    told_again(page, "enrolled already")
    expect(page.locator("#start-message")).to_contain_text("Nothing was changed")
    expect(again).to_be_hidden()
    # It counted for that one click.
    page.keyboard.press("Enter")
    told_again(page, "registered already")
    assert [body.get("replace_unconfirmed") for body in sent] == [None, True, None]
    body = {"user": "stays", "code": following(totp)}
    assert call(server.port, "POST", "/verify", body)[1]["code_is_valid"] is True


@pytest.mark.parametrize("field", ["user", "account-name", "recovery"])
def test_enter_never_starts_again(server, taken, sent, field):
    call(server.port, "POST", "/", {"user": f"enter {field}"})
    page = taken(f"enter {field}")
    expect(page.get_by_role("button", name="Start again")).to_be_visible()
    with page.expect_response("**/") as response:
        page.locator(f"#{field}").press("Enter")
    assert response.value.status == 409
    told_again(page, "registered already")
    assert len(sent) == 2
    assert not [body for body in sent if "replace_unconfirmed" in body]


def test_a_click_while_another_try_is_under_way_is_not_kept(server, taken, sent):
    call(server.port, "POST", "/", {"user": "hasty restart"})
    page = taken("hasty restart")
    with page.expect_response("**/"):
        page.locator("#start").evaluate(
            "(form) => { form.requestSubmit(); document.getElementById('restart').click(); }"
        )
    told_again(page, "registered already")
    with page.expect_response("**/"):
        page.keyboard.press("Enter")
    assert [body.get("replace_unconfirmed") for body in sent] == [None, None, None]
