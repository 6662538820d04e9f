"""Reading a whole table, page by page."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Protocol, TypeVar

from lambdatotp import LambdaTotpError
from lambdatotp._lambdatotp import describe_table

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from lambdatotp import Verifier


class Page(Protocol):
    """A part of the table."""

    @property
    def next(self) -> str | None:
        """Where the next page begins; None at the end."""


AnyPage = TypeVar("AnyPage", bound=Page)


def pages(read: Callable[[str | None], AnyPage], after: str | None = None) -> Iterator[AnyPage]:
    """Read page after page, from the beginning of the table or from after a user."""
    while True:
        page = read(after)
        yield page
        after = page.next
        if after is None:
            return


def counted(verifier: Verifier) -> int | None:
    """Tell how many users DynamoDB counted some hours ago: good enough for a bar."""
    with suppress(LambdaTotpError):
        table = describe_table(verifier)
        return table.items if table else None
    return None
