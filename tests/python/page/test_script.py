"""The functions of the page's script, one by one."""

from __future__ import annotations

import pytest

pytestmark = pytest.mark.browser


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0 seconds"),
        (1, "1 second"),
        (99, "99 seconds"),
        (100, "2 minutes"),
        (3600, "60 minutes"),
        (5999, "100 minutes"),
        (6000, "2 hours"),
        (7201, "3 hours"),
    ],
)
def test_amounts_are_never_less_than_they_are(page, seconds, text):
    assert page.evaluate("(seconds) => amount(seconds)", seconds) == text


@pytest.mark.parametrize("path", ["./", "rotate", "verify", "confirm"])
@pytest.mark.parametrize("status", [0, 400, 401, 403, 404, 409, 415, 423, 429, 500, 502, 503, 504])
def test_every_refusal_says_what_to_do(page, status, path):
    reply = {"path": path, "status": status, "retry": 0, "body": {}}
    title, text = page.evaluate("(reply) => refusal(reply)", reply)
    for sentence in (title, text):
        assert sentence
        assert "undefined" not in sentence
        assert "NaN" not in sentence
    later = page.evaluate("(reply) => refusal(reply)", {**reply, "retry": 60})
    if status in {429, 503}:
        assert "60 seconds" in " ".join(later)


@pytest.mark.parametrize(
    ("date", "skew"),
    [("now", 0), ("now + 2000", 0), ("now + 60000", 60_000), ("now - 60000", -60_000)],
)
def test_a_clock_counts_as_off_from_three_seconds(page, date, skew):
    found = page.evaluate(
        "() => { const now = Date.now();"
        f" compareClocks(new Date({date}).toUTCString(), now); return skew; }}"
    )
    assert found == pytest.approx(skew, abs=1000)


@pytest.mark.parametrize("date", [None, "", "yesterday"])
def test_a_reply_without_a_date_says_nothing_about_clocks(page, date):
    assert page.evaluate("(date) => { compareClocks(date, Date.now()); return skew; }", date) == 0


@pytest.fixture
def page(server, visit):
    return visit(server)
