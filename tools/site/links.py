"""The links of a page, pointed elsewhere: into the site, or to the repository for PyPI."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

REPOSITORY = "https://github.com/Marcelo-Theodoro/lambdatotp"

FENCE = re.compile(r"^ *(```+|~~~+)", re.MULTILINE)
LINK = re.compile(r"(?P<before>\]\(|\b(?:src|srcset|href)=\")(?P<to>[^)\s\"#]+)(?=[)\s\"#])")


def rewritten(markdown: str, point: Callable[[str], str]) -> str:
    """Give each link to a file to `point`, and put what it returns in its place.

    Links to other sites, to a place in the same page and in blocks of code stay.
    """

    def replace(found: re.Match[str]) -> str:
        to = found["to"]
        return found[0] if re.match(r"[a-z]+:", to) else found["before"] + point(to)

    return "".join(LINK.sub(replace, text) if prose else text for prose, text in _pieces(markdown))


def _pieces(markdown: str) -> Iterator[tuple[bool, str]]:
    """Divide a text into prose and code blocks: (True, prose), (False, code), ..."""
    at, fence = 0, ""
    for found in FENCE.finditer(markdown):
        if not fence:
            yield True, markdown[at : found.start()]
            at, fence = found.start(), found[1]
        elif found[1].startswith(fence):
            yield False, markdown[at : found.end()]
            at, fence = found.end(), ""
    yield not fence, markdown[at:]
