"""Names that PyOTP's modules import, and ours only need now and then."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any


def names(module: str, *sources: str) -> Callable[[str], Any]:
    """Make a module's `__getattr__`, which imports each source when it is asked for.

    Nothing is kept: what stands in the module itself was put there by somebody else, a test
    that replaces it for one, and is used instead.

    Args:
        module: The module's name.
        sources: "hmac" for a module, "urllib.parse.quote" for a name in one.
    """
    known = {source.rpartition(".")[2]: source for source in sources}

    def find(name: str) -> Any:
        if name not in known:
            raise AttributeError(f"module {module!r} has no attribute {name!r}")
        from importlib import import_module  # noqa: PLC0415 - seldom needed

        parent, _, last = known[name].rpartition(".")
        return getattr(import_module(parent), last) if parent else import_module(last)

    return find
