"""Every message that users may read, in one list."""

from __future__ import annotations

import re

from tests.python.support import ROOT
from tools import messages

OPERATIONS = ROOT / "docs" / "operations.md"


def told(quoted: str, known: list[str]) -> bool:
    """Tell whether a quoted message is one of those, with names and values filled in."""
    shape = re.escape(re.sub(r'"[^"]*"|\.\.\.|\b[A-Z]+_[A-Z_]+\b|\([A-Z]\w+\)', "\0", quoted))
    shape = shape.replace(re.escape("\0"), ".*")
    for message in known:
        head = re.escape(message.strip().split(": ")[0]).replace(re.escape("{...}"), ".*")
        if re.search(shape, message) or (len(head) > 14 and re.fullmatch(head, quoted)):
            return True
    return False


def test_the_list_is_up_to_date():
    """After a change of a message: `make references`, and read the difference aloud."""
    assert messages.LIST.read_text() == messages.messages()


def test_the_list_holds_messages_of_each_kind():
    text = messages.messages()
    for message in (
        "the user is already registered",
        "too many attempts: try again in {...} seconds",
        "no AWS region: set AWS_REGION, or pass region",
        "This token may not do that.",
    ):
        assert f"\n  {message}\n" in text, message
    assert "attribute_not_exists" not in text


def test_the_operators_guide_quotes_messages_as_they_are():
    section = OPERATIONS.read_text().split("## AWS refuses, or cannot be reached")[1]
    quoted = re.findall(r"^\| `([^`]+)` \|", section.split("\n## ")[0], re.MULTILINE)
    assert len(quoted) > 10
    known = messages.messages().split("\n")
    assert [each for each in quoted if not told(each, known)] == []
    assert not told("the proxy wants a user name and a password", known)
