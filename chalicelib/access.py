"""Who may call, and what they may do: access tokens, or signatures that API Gateway has checked."""

from __future__ import annotations

import logging
import os
from typing import TYPE_CHECKING

import lambdatotp
from lambdatotp import _tokens

from chalicelib import config, stop
from chalicelib.replies import Refusal

if TYPE_CHECKING:
    from collections.abc import Mapping

    from chalice.app import Request

EVERYTHING = frozenset(
    {
        "register",
        "rotate",
        "confirm",
        "verify",
        "status",
        "unlock",
        "recovery_codes",
        "delete",
    }
)
# What nobody may do until callers have to prove who they are.
GUARDED = EVERYTHING - {"register", "verify"}

# What a token of each variable may do.
RIGHTS = {name: EVERYTHING if rights is None else rights for name, rights in _tokens.SCOPES.items()}


def _configured() -> dict[str, tuple[str, ...]]:
    """Read the tokens of each variable that is set, or stop the app: it must not be open then."""
    try:
        return {
            name: _tokens.parse(name, os.environ[name]) for name in RIGHTS if name in os.environ
        }
    except lambdatotp.ConfigurationError as error:
        stop(error)


TOKENS = _configured()


def warn_if_open() -> None:
    """Say once, at the start, that anyone who has the URL may call."""
    if not (TOKENS or config.IAM_AUTHORIZATION):
        # The log of the app itself, which is Chalice's, drops warnings.
        logging.getLogger(__name__).warning(
            "Anyone who knows the URL may register users and check codes: set %s", _tokens.API_TOKEN
        )


def authorize(request: Request, right: str) -> None:
    """Refuse a request whose caller may not do this."""
    if TOKENS:
        rights = _rights(request.headers)
        if not rights:
            raise Refusal(
                401,
                "UnauthorizedError",
                "Send the API token: Authorization: Bearer ...",
                outcome="unauthorized",
                **{"WWW-Authenticate": "Bearer"},
            )
        if right not in rights:
            raise Refusal(403, "ForbiddenError", "This token may not do that.", outcome="forbidden")
    elif right in GUARDED and not _signed(request):
        message = f"Set {_tokens.API_TOKEN} to allow this."
        raise Refusal(403, "ForbiddenError", message, outcome="forbidden")


def _rights(headers: Mapping[str, str]) -> frozenset[str]:
    """Return what the token that a request shows may do: nothing, if it is none of ours.

    Tokens are compared as SHA-256, each with every one that is configured, so the time
    that it takes tells nothing.
    """
    # They load OpenSSL, which costs a cold start milliseconds.
    import hashlib  # noqa: PLC0415
    import hmac  # noqa: PLC0415

    scheme, _, given = headers.get("authorization", "").partition(" ")
    given = given.strip(_tokens.BLANKS)
    # Nothing else is ever a token: not the empty text, and not what has to be guessed at.
    if scheme.lower() != "bearer" or not _tokens.visible(given):
        return frozenset()
    shown = hashlib.sha256(given.encode()).hexdigest()
    found: frozenset[str] = frozenset()
    for name, tokens in TOKENS.items():
        for token in tokens:
            if _tokens.is_hashed(token):
                expected = token[len(_tokens.HASHED) :].lower()
            else:
                expected = hashlib.sha256(token.encode()).hexdigest()
            if hmac.compare_digest(shown, expected):
                found |= RIGHTS[name]
    return found


def _signed(request: Request) -> bool:
    """Tell whether API Gateway has checked the request's signature (IAM)."""
    identity = request.context.get("identity") or {}
    return config.IAM_AUTHORIZATION and bool(identity.get("userArn"))
