"""PyOTP's source of randomness, `random`: made when somebody asks for it."""

from __future__ import annotations

from ._lazy import names

TYPE_CHECKING = False
if TYPE_CHECKING:
    from random import SystemRandom as SystemRandom
    from typing import Any

    random: SystemRandom

_find = names(__name__, "random.SystemRandom")


def __getattr__(name: str) -> Any:
    """Make `random` on first use: the module it comes from loads OpenSSL."""
    if name != "random":
        return _find(name)
    # Kept: a caller who asks twice expects one object.
    made = globals()["random"] = globals().get("SystemRandom", _find("SystemRandom"))()
    return made
