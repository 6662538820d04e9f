"""Section 1: what a single call costs, without any table."""

from __future__ import annotations

import io
import subprocess
import time
from functools import partial
from typing import TYPE_CHECKING, Any

import lambdatotp
import lambdatotp.pyotp
import pyotp
import qrcode
import segno
from qrcode.image.svg import SvgPathImage

from benches.measure import Figure, Options, Plot, Section, Table, cell, in_turns, ratio, target
from benches.servers import SECRET, built

if TYPE_CHECKING:
    from collections.abc import Callable

Cases = dict[str, "Callable[[], object]"]

TITLE = "Per call"
URI = f"otpauth://totp/ACME%20Co:ana%40example.com?secret={SECRET}&issuer=ACME%20Co"
AT = 1_700_000_000
SCALE = 8
NEW, NOW, AT_TIME = "TOTP(s).now()", ".now()", ".at(t)"
NEW_VERIFY, VERIFY = "TOTP(s).verify(wrong), window 1", ".verify(wrong), window 1"
SECRETS, WRITE, PARSE = "a new secret", "key URI, written", "key URI, parsed"
PNG, SVG = "QR code to PNG", "QR code to SVG"
OTP = (NEW, NOW, AT_TIME, NEW_VERIFY, VERIFY, SECRETS, WRITE, PARSE)
# What Rust needs for the same, called from Rust.
FLOORS = {
    NEW: "new_code",
    NOW: "code",
    AT_TIME: "code",
    VERIFY: "verify",
    SECRETS: "secret",
    WRITE: "uri_write",
    PARSE: "uri_parse",
}


def like_pyotp(module: Any) -> Cases:
    """Make the calls with PyOTP, or with what stands in for it."""
    totp = module.TOTP(SECRET, name="ana@example.com", issuer="ACME Co")
    return {
        NEW: lambda: module.TOTP(SECRET).now(),
        NOW: totp.now,
        AT_TIME: partial(totp.at, AT),
        NEW_VERIFY: lambda: module.TOTP(SECRET).verify("000000", for_time=AT, valid_window=1),
        VERIFY: lambda: totp.verify("000000", for_time=AT, valid_window=1),
        SECRETS: module.random_base32,
        WRITE: totp.provisioning_uri,
        PARSE: partial(module.parse_uri, URI),
    }


def native() -> Cases:
    """Make the calls with lambdatotp's own classes."""
    totp = lambdatotp.Totp(SECRET)
    uri = lambdatotp.KeyUri(SECRET, "ana@example.com", issuer="ACME Co")
    return {
        NEW: lambda: lambdatotp.Totp(SECRET).now(),
        NOW: totp.now,
        AT_TIME: partial(totp.at, AT),
        NEW_VERIFY: lambda: lambdatotp.Totp(SECRET).verify("000000", at=AT),
        VERIFY: lambda: totp.verify("000000", at=AT),
        SECRETS: lambda: lambdatotp.Secret.generate().base32,
        WRITE: lambda: uri.uri,
        PARSE: partial(lambdatotp.KeyUri.parse, URI),
        PNG: lambda: lambdatotp.qr_png(URI, scale=SCALE),
        SVG: partial(lambdatotp.qr_svg, URI),
        "a native call": partial(totp.step_at, AT),
        "a built-in call": partial(divmod, AT, 30),
    }


def mintotp_calls() -> Cases:
    """Make the calls with mintotp, where it has them: it keeps no object and has no verify."""
    import mintotp  # noqa: PLC0415

    at = partial(mintotp.hotp, SECRET, AT // 30)
    return {NEW: lambda: mintotp.totp(SECRET), AT_TIME: at}


def totp_rs_calls() -> Cases:
    """Make the calls with totp-rs, a stateless binding: a call decodes the secret anew."""
    try:
        from totp_rs import totp_generate, totp_verify  # noqa: PLC0415 - needs Python 3.11
    except ImportError:
        return {}
    return {
        NEW: lambda: totp_generate(SECRET),
        AT_TIME: lambda: totp_generate(SECRET, time=AT),
        NEW_VERIFY: lambda: totp_verify(SECRET, "000000", time=AT, window=1),
    }


def qrcode_calls() -> Cases:
    """Draw with qrcode, as its documentation does."""

    def draw(**options: Any) -> bytes:
        picture = io.BytesIO()
        qrcode.make(URI, box_size=SCALE, **options).save(picture)
        return picture.getvalue()

    return {PNG: draw, SVG: partial(draw, image_factory=SvgPathImage)}


def segno_calls() -> Cases:
    """Draw with segno, as its documentation does, at the same error correction."""

    def draw(kind: str) -> bytes:
        picture = io.BytesIO()
        segno.make(URI, error="m", boost_error=False, micro=False).save(
            picture, kind=kind, scale=SCALE
        )
        return picture.getvalue()

    return {PNG: partial(draw, "png"), SVG: partial(draw, "svg")}


def timer(call: Callable[[], object], seconds: float) -> Callable[[], float]:
    """Return what times a call: microseconds each, over as many as fit the time.

    CPU time: what else runs on the machine meanwhile is not to be counted.
    """
    call()
    began = time.process_time()
    for _ in range(3):
        call()
    count = max(3, int(seconds * 3 / (time.process_time() - began + 1e-7)))

    def timed() -> float:
        calls = range(count)
        began = time.process_time()
        for _ in calls:
            call()
        return (time.process_time() - began) / count * 1e6

    return timed


def floor(operation: str, count: int, *, quick: bool = False) -> Callable[[], float]:
    """Return what times an operation in Rust: microseconds each."""
    program = built("hot", quick=quick)
    count = 10 if quick else count

    def timed() -> float:
        done = subprocess.run([program, operation, str(count)], capture_output=True, check=True)
        return float(done.stdout) / 1000

    return timed


def measure(options: Options) -> Section:
    """Take turns: every column of a row once a round."""
    seconds = 0.002 if options.quick else 0.01
    rounds = options.rounds(25)
    columns: dict[str, Cases] = {
        "PyOTP": like_pyotp(pyotp),
        "mintotp": mintotp_calls(),
        "totp-rs": totp_rs_calls(),
        "lambdatotp.pyotp": like_pyotp(lambdatotp.pyotp),
        "lambdatotp": native(),
    }
    table = Table("Codes, secrets and key URIs", ["microseconds a call", *columns, "in Rust"])
    compared, targets = {}, {}
    for name in OTP:
        cases = {by: timer(calls[name], seconds) for by, calls in columns.items() if name in calls}
        if name in FLOORS:
            cases["in Rust"] = floor(FLOORS[name], 20_000, quick=options.quick)
        taken = in_turns(cases, rounds)
        peer = taken["PyOTP"]
        row: list[Any] = [name, cell(peer)]
        row += [cell(taken[by], peer) if by in taken else None for by in [*columns][1:]]
        row.append(cell(taken["in Rust"]) if "in Rust" in taken else None)
        table.rows.append(row)
        compared[name] = {by: ratio(peer, taken[by]).middle for by in [*columns][1:] if by in taken}
        if name in {NEW, NEW_VERIFY}:
            targets["now" if name == NEW else "verify"] = target(peer, taken["lambdatotp"])
        if name in {NOW, VERIFY}:
            key = "now, object reused" if name == NOW else "verify, object reused"
            targets[key] = target(peer, taken["lambdatotp"])

    drawers = {"qrcode": qrcode_calls(), "segno": segno_calls(), "lambdatotp": native()}
    pictures = Table("QR codes of a key URI", ["microseconds a call", *drawers, "drawn in Rust"])
    pictures.notes.append(
        "Level M, 8 pixels per module, in memory. In Rust the matrix alone takes "
        f"{Figure.of([floor('qr_matrix', 100, quick=options.quick)()]).middle:.0f} us."
    )
    for name, operation in ((PNG, "qr_png"), (SVG, "qr_svg")):
        cases = {by: timer(calls[name], seconds) for by, calls in drawers.items()}
        cases["in Rust"] = floor(operation, 100, quick=options.quick)
        taken = in_turns(cases, rounds)
        peer = taken["qrcode"]
        row = [name, cell(peer), cell(taken["segno"], peer), cell(taken["lambdatotp"], peer)]
        pictures.rows.append([*row, cell(taken["in Rust"])])
        targets[name] = target(peer, taken["lambdatotp"])
        compared[name] = {by: ratio(peer, taken[by]).middle for by in ("segno", "lambdatotp")}

    floors = Table("What no call goes below", ["", "microseconds"])
    calls = native()
    cases = {name: timer(calls[name], seconds) for name in ("a built-in call", "a native call")}
    cases["one SHA-1 compression"] = floor("sha1", 100_000, quick=options.quick)
    taken = in_turns(cases, rounds)
    floors.rows += [[name, cell(values)] for name, values in taken.items()]
    floors.notes.append(
        "A code takes 2 compressions with a prepared key and 4 without; a window of 1 takes "
        "three codes. The native call takes a time and returns a step; the built-in call is "
        "`divmod`."
    )
    plot = Plot(
        "calls.svg",
        "Times faster than PyOTP, or qrcode",
        "bars",
        {name: row["lambdatotp"] for name, row in compared.items()},
        unit="times",
        logarithmic=True,
    )
    return Section(
        "calls",
        TITLE,
        "One process; a turn is 10 ms of CPU time. Ratios are to the first column. `In Rust` is "
        "the same work called from Rust, by the best of its shares.",
        [table, pictures, floors],
        [plot],
        targets,
    )
