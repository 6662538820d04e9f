"""Who may call: API tokens, or signatures that API Gateway has checked."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING

from chalicelib import config

if TYPE_CHECKING:
    from collections.abc import Mapping

    from chalice.app import Request

TOKENS = "LAMBDATOTP_API_TOKEN"


def _tokens() -> list[str]:
    return re.split(r"[\s,]+", os.environ.get(TOKENS, "").strip(" \t\n,"))


def tokens_configured() -> bool:
    """Tell whether callers must show a token."""
    return _tokens() != [""]


def shows_a_token(headers: Mapping[str, str]) -> bool:
    """Tell whether a request shows one of the tokens.

    Tokens are compared as SHA-256, each with every one that is configured, so the time
    that it takes tells nothing.
    """
    # They load OpenSSL, which costs a cold start milliseconds.
    import hashlib  # noqa: PLC0415
    import hmac  # noqa: PLC0415

    scheme, _, given = headers.get("authorization", "").partition(" ")
    hashed = hashlib.sha256(given.strip().encode("utf-8", "replace")).hexdigest()
    found = False
    for token in _tokens():
        if token.startswith("sha256:"):
            expected = token.removeprefix("sha256:").lower()
        else:
            expected = hashlib.sha256(token.encode("utf-8", "replace")).hexdigest()
        found |= hmac.compare_digest(hashed.encode(), expected.encode("utf-8", "replace"))
    return found and scheme.lower() == "bearer"


def signed(request: Request) -> bool:
    """Tell whether API Gateway has checked the request's signature (IAM)."""
    identity = request.context.get("identity") or {}
    return config.IAM_AUTHORIZATION and bool(identity.get("userArn"))
