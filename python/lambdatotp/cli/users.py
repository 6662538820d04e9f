"""`lambdatotp register`, `verify`, `show`, `unlock`, `recovery` and `delete`."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any

import click

from .options import FIELDS, as_json, engine, time_of, verifier

if TYPE_CHECKING:
    from lambdatotp import UserStatus


def _print(outcome: dict[str, Any], *, as_json: bool) -> None:
    """Print a line a value, or JSON."""
    if as_json:
        click.echo(json.dumps(outcome, indent=2))
        return
    for name, value in outcome.items():
        if isinstance(value, list):
            click.echo(f"{name}:")
            for item in value:
                click.echo(f"  {item}")
        else:
            click.echo(f"{name}: {value}")


@click.command()
@click.argument("user")
@engine
@click.option("--recovery-codes", type=click.IntRange(0, 20), default=0, help="How many to make.")
@as_json
def register(user: str, recovery_codes: int, *, as_json: bool, **where: str | None) -> None:
    """Register USER, and draw their QR code.

    What is printed is their second factor: show it to them, and to nobody else.

    \b
    Examples:
      lambdatotp register ana@example.com
      lambdatotp register ana@example.com --recovery-codes 10
    """
    enrollment = verifier(**where).register(user, recovery_codes=recovery_codes)
    outcome: dict[str, Any] = {"user": user, "uri": enrollment.uri}
    if enrollment.recovery_codes:
        outcome["recovery_codes"] = enrollment.recovery_codes
    if not as_json and sys.stdout.isatty():
        click.echo(enrollment.qr_terminal())
    _print(outcome, as_json=as_json)


@click.command()
@click.argument("user")
@click.argument("code", required=False)
@engine
@as_json
def verify(user: str, code: str | None, *, as_json: bool, **where: str | None) -> None:
    """Check a CODE of USER, and use it up. Exits with 1 when it is wrong.

    Without CODE, asks for it, so that it stays out of the shell's history.

    \b
    Examples:
      lambdatotp verify ana@example.com
      lambdatotp verify ana@example.com 123456
    """
    verdict = verifier(**where).check(user, code or click.prompt("Code", hide_input=True, err=True))
    outcome: dict[str, Any] = {"verdict": verdict.outcome}
    if verdict.recovery_codes_left is not None:
        outcome["recovery_codes_left"] = verdict.recovery_codes_left
    _print(outcome, as_json=as_json)
    if not verdict:
        raise SystemExit(1)


def _described(status: UserStatus) -> dict[str, Any]:
    return {
        "registered": time_of(status.registered_at) or "by the original application",
        "confirmed": time_of(status.confirmed_at) or "no code was accepted yet",
        **({"lapses": time_of(status.expires_at)} if status.expires_at else {}),
        "locked": "yes: lambdatotp unlock ends that" if status.locked else "no",
        "misses in a row": status.misses,
        "attempts left": status.attempts_left,
        **({"next attempt in": f"{status.retry_after} s"} if status.retry_after else {}),
        "recovery codes left": status.recovery_codes_left,
        "secret sealed by": status.sealed_by or "nothing: it is stored in the open",
    }


@click.command()
@click.argument("user")
@engine
@as_json
def show(user: str, *, as_json: bool, **where: str | None) -> None:
    """Show what can be known of USER: no secret, no code.

    Needs the permission dynamodb:GetItem.

    \b
    Example:
      lambdatotp show ana@example.com
    """
    status = verifier(**where).status(user)
    described = {name: getattr(status, name) for name in FIELDS} if as_json else _described(status)
    _print({"user": user, **described}, as_json=as_json)


@click.command()
@click.argument("user")
@engine
@as_json
def unlock(user: str, *, as_json: bool, **where: str | None) -> None:
    """Forgive USER their misses, and let them try again at once.

    \b
    Example:
      lambdatotp unlock ana@example.com
    """
    verifier(**where).unlock(user)
    _print({"unlocked": user}, as_json=as_json)


@click.command()
@click.argument("user")
@engine
@click.option(
    "--count", type=click.IntRange(1, 20), default=10, show_default=True, help="How many to make."
)
@as_json
def recovery(user: str, count: int, *, as_json: bool, **where: str | None) -> None:
    """Give USER new recovery codes. Earlier ones are void.

    \b
    Example:
      lambdatotp recovery ana@example.com --count 5
    """
    codes = verifier(**where).new_recovery_codes(user, count)
    _print({"user": user, "recovery_codes": codes}, as_json=as_json)


@click.command()
@click.argument("user")
@engine
@click.option("--yes", is_flag=True, help="Do not ask first.")
@as_json
def delete(user: str, *, yes: bool, as_json: bool, **where: str | None) -> None:
    """Remove USER and their second factor.

    Their authenticator and recovery codes are worthless from now on. Asks first on a terminal.

    \b
    Example:
      lambdatotp delete ana@example.com
    """
    ask = not yes and sys.stdin.isatty()
    if ask and not click.confirm(f"Remove the second factor of {user}?", err=True):
        raise click.ClickException("nothing was removed")
    verifier(**where).delete(user)
    _print({"deleted": user}, as_json=as_json)
