"""Every message that users may read, in one list."""

from __future__ import annotations

from tools import messages


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
