"""How much faster lambdatotp computes than PyOTP, in one process, in turns.

    make bench

Prints microseconds a call (the best of the rounds) and the ratio. Needs a release build
of lambdatotp, and PyOTP.
"""

from __future__ import annotations

import platform
import sys
import timeit
from functools import partial
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

import lambdatotp
import lambdatotp.pyotp as ours
import pyotp as theirs

if TYPE_CHECKING:
    from collections.abc import Callable

SECRET = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"  # noqa: S105 - RFC 4226's
URI = f"otpauth://totp/ACME%20Co:ana%40example.com?secret={SECRET}&issuer=ACME%20Co&digits=8"
AT = 1_700_000_000
CALLS = 20_000


def cases(module: Any) -> dict[str, Callable[[], object]]:
    """Make the calls with one module or the other."""
    totp = module.TOTP(SECRET, name="ana@example.com", issuer="ACME Co")
    return {
        "TOTP(s).now()": lambda: module.TOTP(SECRET).now(),
        ".now()": totp.now,
        ".at(t)": partial(totp.at, AT),
        ".verify(wrong)": partial(totp.verify, "000000", for_time=AT),
        ".verify(wrong, valid_window=1)": partial(
            totp.verify, "000000", for_time=AT, valid_window=1
        ),
        "random_base32()": module.random_base32,
        "random_hex()": module.random_hex,
        ".provisioning_uri()": totp.provisioning_uri,
        "parse_uri(uri)": partial(module.parse_uri, URI),
    }


def bound() -> dict[str, Callable[[], object]]:
    """Make them with totp-rs, a stateless binding from PyPI, where it has them."""
    try:
        from totp_rs import totp_generate, totp_verify  # noqa: PLC0415 - needs Python 3.11
    except ImportError:
        return {}
    return {
        "TOTP(s).now()": partial(totp_generate, SECRET),
        ".at(t)": partial(totp_generate, SECRET, time=AT),
        ".verify(wrong)": partial(totp_verify, SECRET, "000000", time=AT, window=0),
        ".verify(wrong, valid_window=1)": partial(totp_verify, SECRET, "000000", time=AT, window=1),
    }


def native() -> dict[str, Callable[[], object]]:
    """Make the same calls with the native classes, where they have them."""
    totp = lambdatotp.Totp(SECRET)
    return {
        "TOTP(s).now()": lambda: lambdatotp.Totp(SECRET).now(),
        ".now()": totp.now,
        ".at(t)": partial(totp.at, AT),
        ".verify(wrong)": partial(totp.verify, "000000", at=AT, window=0),
        ".verify(wrong, valid_window=1)": partial(totp.verify, "000000", at=AT, window=1),
        "random_base32()": lambda: lambdatotp.Secret.generate().base32,
        "parse_uri(uri)": partial(lambdatotp.KeyUri.parse, URI),
    }


def microseconds(call: Callable[[], object]) -> float:
    """Time one call."""
    return timeit.timeit(call, number=CALLS) / CALLS * 1e6


def main() -> None:
    """Take turns, so that a slow moment of the machine hits both."""
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 7
    columns = [cases(theirs), cases(ours), native(), bound()]
    print(
        f"Python {platform.python_version()}, PyOTP {version('pyotp')}, "
        f"lambdatotp {version('lambdatotp')}, {platform.machine()}; "
        f"microseconds a call, best of {rounds} rounds of {CALLS}"
    )
    print(f"{'':32}{'PyOTP':>9}{'lambdatotp.pyotp':>26}{'native classes':>26}{'totp-rs':>26}")
    for name in columns[0]:
        best = [float("inf")] * len(columns)
        for _ in range(rounds):
            for index, column in enumerate(columns):
                if name in column:
                    best[index] = min(best[index], microseconds(column[name]))
        line = f"{name:32}{best[0]:9.2f}"
        for time in best[1:]:
            cell = f"{time:.3f}  {best[0] / time:6.1f} times" if time < float("inf") else ""
            line += f"{cell:>26}"
        print(line, flush=True)


if __name__ == "__main__":
    main()
