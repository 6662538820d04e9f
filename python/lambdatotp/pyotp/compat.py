"""PyOTP's source of randomness, `random`: made when somebody asks for it."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from random import SystemRandom

    random: SystemRandom


def __getattr__(name: str) -> SystemRandom:
    """Make `random` on first use: the module it comes from loads OpenSSL."""
    if name != "random":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from random import SystemRandom  # noqa: PLC0415

    # Kept, since whoever asks twice expects one object.
    made = globals()["random"] = SystemRandom()
    return made
