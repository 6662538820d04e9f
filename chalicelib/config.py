"""Your table, your application's name: edit them here, or set them in the environment."""

from __future__ import annotations

import os
from contextlib import suppress
from functools import cache
from urllib.parse import urlsplit

import lambdatotp
from lambdatotp import _tokens

from chalicelib import audit, stop

# The AWS region of the table. None: the region the function runs in (AWS_REGION).
REGION: str | None = None

# The DynamoDB table: its hash key is the string user_id.
TABLE_NAME = "totp_users"

# Shown by the authenticator app, above the code.
APP_NAME = "MyApp"

# Let only callers in whose requests are signed with AWS credentials (SigV4) that are allowed
# execute-api:Invoke on them. API Gateway checks that; `chalice local` does not. It takes
# effect with the next deployment.
IAM_AUTHORIZATION = False


def variable(name: str) -> str | None:
    """Read a variable. An empty one counts as absent; one that is not UTF-8 stops the app."""
    try:
        return os.fsencode(os.environ.get(name, "")).decode() or None
    except UnicodeDecodeError:
        stop(f"{name} is not valid UTF-8")


def refuse_references() -> None:
    """Stop the app at a reference to a secret that no deployment resolved."""
    for name, text in os.environ.items():
        if name.startswith("LAMBDATOTP_") and _tokens.REFERENCE in text:
            stop(
                f"{name} holds a reference that nothing resolved: deploy with `lambdatotp deploy`, "
                "or what `chalice package` writes with CloudFormation; here, export the value"
            )


refuse_references()

# The environment overrides the names.
REGION = variable("LAMBDATOTP_REGION") or REGION
TABLE_NAME = variable("LAMBDATOTP_TABLE_NAME") or TABLE_NAME
APP_NAME = variable("LAMBDATOTP_ISSUER") or APP_NAME

# Where a link may lead in plaintext: to this machine.
LOCAL = {"localhost", "127.0.0.1", "::1"}


def choice(name: str, *choices: str) -> str:
    """Read a variable that holds one of some words, in any case; by default the first one."""
    value = (variable(name) or choices[0]).lower()
    if value not in choices:
        stop(f"{name} is neither {', '.join(choices[:-1])} nor {choices[-1]}")
    return value


def link(name: str) -> str | None:
    """Read a variable that holds a link: an https URL, or a path on the app's own host."""
    value = variable(name)
    if value is not None and not _can_be_followed(value):
        stop(
            f"{name} cannot be used: give an https:// URL, or a path such as /account, in visible "
            "ASCII characters"
        )
    return value


def _can_be_followed(value: str) -> bool:
    # Browsers take a backslash for a slash, and drop blanks: //elsewhere is another host.
    if "\\" in value or not _tokens.visible(value):
        return False
    if value.startswith("/"):
        return not value.startswith("//")
    try:
        parts = urlsplit(value)
        _ = parts.port
    except ValueError:
        return False
    if not parts.hostname or "@" in parts.netloc:
        return False
    return parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in LOCAL)


# Serve the page on which users enroll, at /enroll: LAMBDATOTP_ENROLL_PAGE=on. A browser
# signs no requests, so with IAM_AUTHORIZATION there is none. `lambdatotp serve` sets "demo":
# then the page also invites to type a code again, to see that it is refused.
ENROLL_PAGE = choice("LAMBDATOTP_ENROLL_PAGE", "off", "on", "demo")

# Where the page leads when it is done. By default nowhere.
ENROLL_LINK = link("LAMBDATOTP_ENROLL_LINK")

# Whether to write the audit trail. By default on Lambda only.
ON_LAMBDA = ("on", "off") if "AWS_LAMBDA_FUNCTION_NAME" in os.environ else ("off", "on")
AUDIT = choice("LAMBDATOTP_AUDIT", *ON_LAMBDA) == "on"

# How Lambda says that it is starting this process for requests to come. (Starting it for
# a snapshot, it says so too: no connection would outlive that.)
STARTING = {"on-demand", "provisioned-concurrency"}


@cache
def verifier() -> lambdatotp.Verifier:
    """Make the one verifier, on first use: Chalice imports the app to package it, too."""
    return lambdatotp.Verifier(
        region=REGION,
        table_name=TABLE_NAME,
        issuer=APP_NAME,
        audit=audit.told if AUDIT else None,
    )


def connect() -> None:
    """Connect while Lambda starts: it lends the start a whole CPU, and nobody waits yet."""
    if os.environ.get("AWS_LAMBDA_INITIALIZATION_TYPE") in STARTING:
        # Whatever is wrong is wrong for the first request, too, which will say so.
        with suppress(lambdatotp.LambdaTotpError):
            verifier().connect()
