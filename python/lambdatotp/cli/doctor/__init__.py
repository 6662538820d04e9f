"""`lambdatotp doctor`."""

from __future__ import annotations

import json
import os
import re
import warnings
from pathlib import Path
from typing import TYPE_CHECKING

import click

from lambdatotp import ConfigurationError, LambdaTotpError, LambdaTotpWarning, _tokens
from lambdatotp._lambdatotp import SwitchState, backups, describe_table, expiry
from lambdatotp._lambdatotp import region as region_of
from lambdatotp._permissions import exposures
from lambdatotp.cli.options import as_json, verifier, where

from .app import examine_app
from .findings import FAILURE, MARKS, OK, WARNING, Finding, code_of, skew, test_user

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from lambdatotp import Verifier
    from lambdatotp._lambdatotp import Switch, Table


@click.command()
@where
@click.option("--url", help="Check the deployed app at this URL, too.")
@click.option("--token", help="The app's API token, with --url.  [env: LAMBDATOTP_API_TOKEN]")
@as_json
def doctor(url: str | None, token: str | None, *, as_json: bool, **where: str | None) -> None:
    """Check that everything a login needs is in place and works.

    Checks the settings and access tokens in the environment, whether secrets are
    sealed, the region, the credentials, the table and its settings, and this machine's
    clock. Then it makes a round trip: it registers a user of its own, logs in once and
    removes the user.

    With --url, it makes the round trip over HTTP against the deployed app, and checks
    that the app has each key in LAMBDATOTP_KEYS. It follows no redirects. The
    permissions it tries are yours; with --url, the app's.

    Prints one line per finding. Exits with 1 if one of them is a failure.

    \b
    Examples:
      lambdatotp doctor
      lambdatotp doctor --url https://ID.execute-api.REGION.amazonaws.com/api
    """
    findings = []
    for finding in _examine(url, token, **where):
        findings.append(finding)
        if not as_json:
            mark = click.style(f"{finding.state:8}", fg=MARKS[finding.state])
            click.echo(f"{mark} {finding.subject:22} {finding.text}")
    if as_json:
        click.echo(json.dumps([vars(finding) for finding in findings], indent=2))
    if any(finding.state == FAILURE for finding in findings):
        raise SystemExit(1)


def _examine(url: str | None, token: str | None, **where: str | None) -> Iterator[Finding]:
    yield from _access_tokens()
    if unreadable := list(_unreadable()):
        yield from unreadable
        return
    try:
        with warnings.catch_warnings():
            # They are among the findings.
            warnings.simplefilter("ignore", LambdaTotpWarning)
            made = verifier(**where)
    except LambdaTotpError as error:
        yield Finding(FAILURE, "settings", str(error))
        return
    yield Finding(OK, "settings", f"table {made.table_name}, issuer {made.issuer}")
    if made.sealing_key:
        yield Finding(OK, "secrets", f"new ones are sealed by key {made.sealing_key}")
    else:
        text = "new ones are stored in plaintext: LAMBDATOTP_KEYS seals them"
        yield Finding(WARNING, "secrets", text)
    usable = False
    if os.environ.get("LAMBDATOTP_EMBEDDED") and not where["endpoint_url"]:
        at = os.environ["LAMBDATOTP_EMBEDDED"]
        yield Finding(OK, "engine", f"embedded, {at}")
        for text in exposures(at):
            yield Finding(WARNING, "files", text)
        usable = True
    else:
        for finding in _examine_table(made):
            yield finding
            usable = finding.state != FAILURE
    if usable:
        yield from _round_trip(made)
    if url:
        sealing = (verifier(**where, keys=key) for key in _keys())
        yield from examine_app(url.rstrip("/"), token, made, sealing)


def _keys() -> list[str]:
    """Tell the keys that are set, which could be read, apart."""
    text = os.environ.get("LAMBDATOTP_KEYS", "")
    if text.startswith("file:"):
        text = Path(text.removeprefix("file:")).read_text("utf-8")
    return [key for key in re.split(r"[,\n]", text) if key.strip()]


def _unreadable() -> Iterator[Finding]:
    """Name variables that nobody can read; they do not count as absent."""
    for name, value in os.environ.items():
        if name.startswith("LAMBDATOTP_"):
            try:
                os.fsencode(value).decode()
            except UnicodeDecodeError:
                yield Finding(FAILURE, "settings", f"{name} is not valid UTF-8")


def _access_tokens() -> Iterator[Finding]:
    """Look at the tokens that the app would read, and show none of them."""
    for name, subject in _tokens.SUBJECTS.items():
        if name not in os.environ:
            continue
        try:
            tokens = _tokens.parse(name, os.environ[name])
        except ConfigurationError as error:
            yield Finding(FAILURE, subject, str(error))
        else:
            hashed = sum(map(_tokens.is_hashed, tokens))
            text = f"{name} holds {len(tokens)}, of which {hashed} hashed"
            yield Finding(OK, subject, text)


def _examine_table(verifier: Verifier) -> Iterator[Finding]:
    try:
        yield Finding(OK, "region", region_of(verifier))
    except LambdaTotpError as error:
        subject = "region" if "AWS region" in str(error) else "credentials"
        yield Finding(FAILURE, subject, str(error))
        return
    try:
        table = describe_table(verifier)
    except ConfigurationError as error:
        if "refused access" in str(error):
            yield Finding(OK, "credentials", "accepted")
            # Not a failure: a role that uses the table need not be allowed to describe it.
            yield Finding(WARNING, "table in view", str(error))
        else:
            yield Finding(FAILURE, "credentials", str(error))
        return
    except LambdaTotpError as error:
        yield Finding(FAILURE, "DynamoDB", str(error))
        return
    yield Finding(OK, "credentials", "accepted")
    yield from _shape(verifier, table)


def _shape(verifier: Verifier, table: Table | None) -> Iterator[Finding]:
    if table is None:
        name = verifier.table_name
        text = f"there is none called {name} here: lambdatotp create-table --table-name {name}"
        yield Finding(FAILURE, "table", text)
        return
    yield skew("DynamoDB", table.ahead_ms)
    state = OK if table.usable else WARNING
    yield Finding(state, "table", f"{verifier.table_name} is {table.status}")
    if table.strong is not None:
        yield _several_regions(region_of(verifier), table)
    if table.on_demand:
        yield Finding(OK, "billing", "on demand")
    else:
        yield Finding(WARNING, "billing", "provisioned: more logins than that are refused")
    encryption = "by AWS KMS" if table.kms else "by a key that DynamoDB owns"
    yield Finding(OK, "encryption at rest", encryption)
    if table.protected:
        yield Finding(OK, "deletion protection", "on")
    else:
        change = f"--table-name {verifier.table_name} --deletion-protection-enabled"
        text = f"off, so one call deletes all users: aws dynamodb update-table {change}"
        yield Finding(WARNING, "deletion protection", text)
    yield _switch("point-in-time recovery", verifier, backups)
    if table.strong:
        text = (
            "off, as strongly consistent global tables require: check-table removes what has "
            "expired"
        )
        yield Finding(OK, "expiry by expires_at", text)
    else:
        yield _switch("expiry by expires_at", verifier, expiry)
    # Last: it decides whether it makes sense to continue.
    if table.key_fits:
        yield Finding(OK, "key", table.key)
    else:
        yield Finding(FAILURE, "key", f"{table.key}: it must be user_id (S) alone")


def _switch(subject: str, verifier: Verifier, look: Callable[[Verifier], Switch]) -> Finding:
    try:
        switch = look(verifier)
    except LambdaTotpError as error:
        return Finding(WARNING, subject, str(error))
    if switch.state == SwitchState.ON:
        return Finding(OK, subject, "on")
    off = "off: lambdatotp create-table switches it on"
    return Finding(WARNING, subject, switch.remark or off)


def _several_regions(own: str, table: Table) -> Finding:
    """Judge how the copies of a global table agree."""
    subject = "several Regions"
    copies = [
        f"witness {copy.region}" if copy.witness else copy.region
        for copy in table.replicas
        if copy.region != own
    ]
    everywhere = ", ".join([own, *copies])
    if not table.strong:
        text = (
            f"{everywhere}, eventually consistent: a code works once in each of them, and of two "
            "writes at a time the last one wins. Verify in one Region at a time, or make a "
            "strongly consistent table: lambdatotp create-table --regions"
        )
        return Finding(WARNING, subject, text)
    text = f"{everywhere}, strongly consistent: a code works once in all of them"
    late = [f"{copy.region} is {copy.status}" for copy in table.replicas if copy.status != "ACTIVE"]
    if late:
        return Finding(WARNING, subject, f"{text}; but {', '.join(late)}")
    return Finding(OK, subject, text)


def _round_trip(verifier: Verifier) -> Iterator[Finding]:
    """Do what the app does, with the permissions of the person who runs this."""
    user = test_user()
    steps = "register", "verify", "verify again", "delete"
    done = []
    try:
        enrollment = verifier.register(user)
        done.append(steps[0])
        try:
            code = code_of(enrollment.uri)
            answers = []
            for step in steps[1:3]:
                answers.append(verifier.verify(user, code))
                done.append(step)
        finally:
            verifier.delete(user)
            done.append(steps[3])
    except LambdaTotpError as error:
        failed = next(step for step in steps if step not in done)
        yield Finding(FAILURE, "round trip", f"{failed}: {error}")
        return
    if answers == [True, False]:
        text = "registered, the code accepted once and then refused, deleted"
        yield Finding(OK, "round trip", text)
    else:
        yield Finding(FAILURE, "round trip", f"the same code twice gave {answers}")
