"""`lambdatotp register`, `verify`, `rotate`, `confirm`, `show`, `unlock`, `recovery`, `delete`."""

from __future__ import annotations

import shutil
import sys
from typing import TYPE_CHECKING, Any

import click

from lambdatotp import MAX_RECOVERY_CODES
from lambdatotp._lambdatotp import _qr_terminal_within
from lambdatotp._verifier import STATUS

from .options import FEW_CODES, Command, as_json, engine, verifier
from .output import print_outcome, printable, tell, time_of

if TYPE_CHECKING:
    from lambdatotp import Enrollment, UserStatus, Verification

# The most that is read of a line with a code, however it was pasted.
MOST_BYTES = 4096


def label(command: Command) -> Command:
    """Add the options that say what the authenticator app shows."""
    for name, text in (
        ("--issuer", "The issuer that the authenticator shows.  [env: LAMBDATOTP_ISSUER]"),
        ("--account-name", "The account name that the authenticator shows.  [default: USER]"),
    ):
        command = click.option(name, help=text)(command)
    return command


@click.command()
@click.argument("user")
@engine
@click.option(
    "--recovery-codes",
    type=click.IntRange(0, MAX_RECOVERY_CODES),
    default=0,
    help="How many to make.",
)
@label
@click.option(
    "--replace-unconfirmed",
    is_flag=True,
    help="Start again if USER has never used a code.",
)
@as_json
def register(
    user: str,
    recovery_codes: int,
    account_name: str | None,
    issuer: str | None,
    *,
    replace_unconfirmed: bool,
    as_json: bool,
    **where: str | None,
) -> None:
    """Register USER, and draw their QR code.

    The output is their second factor: show it to nobody else.

    Use --replace-unconfirmed for a user who closed the window before the first code. It never
    replaces a user who has used a code, whose secret was given or imported, or whom the
    original lambdatotp registered.

    \b
    Examples:
      lambdatotp register ana@example.com
      lambdatotp register ana@example.com --recovery-codes 10
      lambdatotp register 4711 --account-name ana@example.com --issuer ACME
    """
    enrollment = verifier(**where).register(
        user,
        recovery_codes=recovery_codes,
        account_name=account_name,
        issuer=issuer,
        replace_unconfirmed=replace_unconfirmed,
    )
    _print_enrollment(enrollment, as_json=as_json)


def _print_enrollment(enrollment: Enrollment, *, as_json: bool) -> None:
    outcome: dict[str, Any] = {"user": enrollment.user, "uri": enrollment.uri}
    if enrollment.recovery_codes:
        outcome["recovery_codes"] = enrollment.recovery_codes
    print_outcome(outcome, as_json=as_json)
    if not as_json and sys.stdout.isatty():
        _draw(enrollment.uri)


def _draw(uri: str) -> None:
    """Draw the QR code last, so that all of it is in the window, above the prompt."""
    window = shutil.get_terminal_size()
    picture = _qr_terminal_within(uri, window.lines - 1)
    click.echo(picture, nl=False)
    lines = picture.splitlines()
    # Without the escape codes around it.
    width, height = len(click.unstyle(lines[0])), len(lines) + 1
    if width > window.columns or height > window.lines:
        needs = f"the QR code needs a window of {width} columns and {height} rows"
        tell(f"{needs}, this one has {window.columns} and {window.lines}: enlarge it")


@click.command()
@click.argument("user")
@click.argument("code", required=False)
@engine
@as_json
def verify(user: str, code: str | None, *, as_json: bool, **where: str | None) -> None:
    """Check a CODE of USER, and use it up. Exits with 1 when it is wrong.

    Without CODE, it asks on a terminal, and otherwise reads a line from standard input, so that the
    code stays out of the shell's history and the process list.

    \b
    Examples:
      lambdatotp verify ana@example.com
      lambdatotp verify ana@example.com 123456
      pass show the-code | lambdatotp verify ana@example.com
    """
    made = verifier(**where)
    verdict = made.check(user, _typed_code() if code is None else code)
    _print_verdict(verdict, as_json=as_json)


def _print_verdict(verdict: Verification, *, as_json: bool) -> None:
    """Print a verdict, and exit with 1 if the user may not log in."""
    outcome: dict[str, Any] = {"verdict": verdict.outcome}
    for name in ("attempts_left", "recovery_codes_left"):
        if (left := getattr(verdict, name)) is not None:
            outcome[name] = left
    print_outcome(outcome, as_json=as_json)
    if not verdict:
        raise SystemExit(1)


@click.command()
@click.argument("user")
@engine
@label
@as_json
def rotate(
    user: str, account_name: str | None, issuer: str | None, *, as_json: bool, **where: str | None
) -> None:
    """Start a change of phone for USER: draw a new QR code.

    The old phone works until a code of the new one is confirmed, for at most 15 minutes
    (LAMBDATOTP_ROTATION_TTL). Ask for a code of the old phone first.

    \b
    Example:
      lambdatotp verify ana@example.com && lambdatotp rotate ana@example.com
    """
    enrollment = verifier(**where).rotate(user, account_name=account_name, issuer=issuer)
    _print_enrollment(enrollment, as_json=as_json)


@click.command()
@click.argument("user")
@click.argument("code", required=False)
@engine
@as_json
def confirm(user: str, code: str | None, *, as_json: bool, **where: str | None) -> None:
    """Finish a change of phone for USER: check a new code.

    Once a code of it is right, the old phone stops working. Recovery codes stay. Without
    CODE, asks as `lambdatotp verify` does. Exits with 1 if the code is wrong.

    \b
    Example:
      lambdatotp confirm ana@example.com
    """
    made = verifier(**where)
    verdict = made.confirm(user, _typed_code() if code is None else code)
    _print_verdict(verdict, as_json=as_json)


def _typed_code() -> str:
    """Ask for the code on a terminal; without one, take the first line of standard input."""
    if sys.stdin.isatty():
        return click.prompt("Code", hide_input=True, err=True)
    line = sys.stdin.buffer.readline(MOST_BYTES)
    if not line.strip():
        raise click.UsageError(
            "there is no code on standard input: type it there, or pass it as an argument",
            click.get_current_context(),
        )
    # What is not UTF-8 is not a code either; that is for the verifier to say.
    return line.decode(errors="surrogateescape")


def _codes(left: int) -> str:
    return f"{left}: lambdatotp recovery makes new ones" if left <= FEW_CODES else str(left)


def _clock(ahead: int) -> str:
    return (
        f"a code {ahead} s ahead was accepted by a wrong clock: right ones are refused until "
        "you run lambdatotp unlock"
    )


def _described(status: UserStatus) -> dict[str, Any]:
    return {
        "registered": time_of(status.registered_at) or "by the original application",
        "confirmed": time_of(status.confirmed_at) or "no code was accepted yet",
        **({"expires": time_of(status.expires_at)} if status.expires_at else {}),
        "locked": "yes: lambdatotp unlock ends that" if status.locked else "no",
        "misses in a row": status.misses,
        "attempts left": status.attempts_left,
        **({"next attempt in": f"{status.retry_after} s"} if status.retry_after else {}),
        **({"clock": _clock(status.ahead)} if status.ahead else {}),
        **(
            {"change of phone": f"waits for a code until {time_of(status.rotation_expires_at)}"}
            if status.rotation_expires_at
            else {}
        ),
        "recovery codes left": _codes(status.recovery_codes_left),
        "secret sealed by": status.sealed_by or "nothing: it is stored in plaintext",
    }


@click.command()
@click.argument("user")
@engine
@as_json
def show(user: str, *, as_json: bool, **where: str | None) -> None:
    """Show the state of USER: no secret, no code.

    Needs the permission dynamodb:GetItem.

    \b
    Example:
      lambdatotp show ana@example.com
    """
    status = verifier(**where).status(user)
    described = {name: getattr(status, name) for name in STATUS} if as_json else _described(status)
    print_outcome({"user": user, **described}, as_json=as_json)


@click.command()
@click.argument("user")
@engine
@as_json
def unlock(user: str, *, as_json: bool, **where: str | None) -> None:
    """Clear USER's misses, so that they can try again at once.

    \b
    Example:
      lambdatotp unlock ana@example.com
    """
    verifier(**where).unlock(user)
    print_outcome({"unlocked": user}, as_json=as_json)


@click.command()
@click.argument("user")
@engine
@click.option(
    "--count",
    type=click.IntRange(1, MAX_RECOVERY_CODES),
    default=10,
    show_default=True,
    help="How many to make.",
)
@as_json
def recovery(user: str, count: int, *, as_json: bool, **where: str | None) -> None:
    """Give USER new recovery codes. Earlier ones are no longer valid.

    \b
    Example:
      lambdatotp recovery ana@example.com --count 5
    """
    codes = verifier(**where).new_recovery_codes(user, count)
    print_outcome({"user": user, "recovery_codes": codes}, as_json=as_json)


@click.command()
@click.argument("user")
@engine
@click.option("--yes", is_flag=True, help="Do not ask first.")
@as_json
def delete(user: str, *, yes: bool, as_json: bool, **where: str | None) -> None:
    """Remove USER and their second factor.

    Their authenticator and recovery codes are invalid from now on. Asks first on a terminal.

    \b
    Example:
      lambdatotp delete ana@example.com
    """
    ask = not yes and sys.stdin.isatty()
    if ask and not click.confirm(f"Remove the second factor of {printable(user)}?", err=True):
        raise click.ClickException("nothing was removed")
    verifier(**where).delete(user)
    print_outcome({"deleted": user}, as_json=as_json)
