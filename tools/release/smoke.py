"""Use the lambdatotp that is installed: register, verify, import, by Python and by command.

    python tools/release/smoke.py

It needs nothing but `lambdatotp[cli]`, so it runs on every platform that a wheel is for. Not as
`-m`: the clone's own package would be in front of the installed one.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import lambdatotp
from lambdatotp import pyotp


def expect(what: str, got: object, wanted: object) -> None:
    """Stop at the first thing that is otherwise."""
    if got != wanted:
        sys.exit(f"smoke: {what}: {got!r}, not {wanted!r}")


def command(at: Path, *arguments: str, given: str = "", code: int = 0) -> str:
    """Run a command of the command line, and return what it prints."""
    done = subprocess.run(
        [sys.executable, "-m", "lambdatotp", *arguments],
        env={**os.environ, "LAMBDATOTP_EMBEDDED": str(at), "PYTHONUTF8": "1"},
        input=given,
        capture_output=True,
        text=True,
        encoding="utf-8",
        check=False,
    )
    expect(f"{arguments}: {done.stderr}", done.returncode, code)
    return done.stdout


def use(folder: Path) -> None:
    """Use all of it once."""
    expect("RFC 6238", pyotp.TOTP("GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ").at(59), "287082")
    at = folder / "users.db"
    verifier = lambdatotp.Verifier(embedded=str(at))
    enrollment = verifier.register("ana@example.com", recovery_codes=1)
    expect("a picture", enrollment.qr_png()[1:4], b"PNG")
    code = lambdatotp.Totp(enrollment.secret).now()
    expect("the code", verifier.verify("ana@example.com", code), True)
    expect("the code again", verifier.verify("ana@example.com", code), False)
    expect(
        "a recovery code", verifier.verify("ana@example.com", enrollment.recovery_codes[0]), True
    )

    moved = folder / "moved.db"
    rows = "user_id,secret\nbob@example.com,GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ\n"
    command(moved, "import", "--format", "csv", "-", given=rows)
    code = pyotp.TOTP("GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ").now()
    command(moved, "verify", "bob@example.com", code)
    command(moved, "verify", "bob@example.com", code, code=1)
    expect("the list", "bob@example.com" in command(moved, "list"), True)


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as scratch:
        use(Path(scratch))
    print(f"lambdatotp {lambdatotp.__version__} works: {lambdatotp.__file__}, {sys.version}")
