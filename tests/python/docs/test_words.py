"""What `make lint` says of words that have a plainer one."""

from __future__ import annotations

import pytest

from tools import words


@pytest.mark.parametrize(
    "text",
    [
        "Whoever asks",
        "it is no error",
        "Mended: a leak",
        "the code is void",
        "stored in the open",
    ],
)
def test_it_is_found(text):
    ((number, word, instead),) = words.found(f"A fine line.\n{text}\n")
    assert number == 2
    assert word in text
    assert instead


@pytest.mark.parametrize(
    "text", ["there is no error", "It is no longer there", "recommended", "open", "avoid"]
)
def test_it_is_left_alone(text):
    assert words.found(text) == []


def test_a_line_may_ask_for_it():
    assert words.found("Whoever  # plain-words: ok") == []
