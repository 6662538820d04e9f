"""What an access token of the HTTP app looks like: for the app, and for `lambdatotp doctor`."""

from __future__ import annotations

from .exceptions import ConfigurationError

# Where the app looks for them.
API_TOKEN = "LAMBDATOTP_API_TOKEN"  # noqa: S105 - a variable's name
VERIFY_TOKEN = "LAMBDATOTP_VERIFY_TOKEN"  # noqa: S105
ENROLL_TOKEN = "LAMBDATOTP_ENROLL_TOKEN"  # noqa: S105
SUPPORT_TOKEN = "LAMBDATOTP_SUPPORT_TOKEN"  # noqa: S105

# What each token allows; None means everything.
SCOPES: dict[str, frozenset[str] | None] = {
    API_TOKEN: None,
    VERIFY_TOKEN: frozenset({"verify"}),
    ENROLL_TOKEN: frozenset({"register", "rotate", "confirm", "verify"}),
    SUPPORT_TOKEN: frozenset({"status", "unlock", "recovery_codes"}),
}

# What people call them.
SUBJECTS = {
    API_TOKEN: "API token",
    VERIFY_TOKEN: "verify token",
    ENROLL_TOKEN: "enroll token",
    SUPPORT_TOKEN: "support token",
}

# Characters that files, shells and editors leave around a token.
BLANKS = " \t\r\n"
HASHED = "sha256:"
HEX_DIGITS = frozenset("0123456789abcdef")
MIN_CHARACTERS = 16
# How a reference to Secrets Manager or SSM begins, which a deployment was to resolve. Anyone
# who may read the configuration knows it: it is never a token.
REFERENCE = "{{resolve:"
# What `printf %s "$TOKEN" | sha256sum` prints while TOKEN is not set.
OF_NOTHING = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
ADVICE = (
    f"use {MIN_CHARACTERS} or more visible ASCII characters, or {HASHED} and 64 hex digits, "
    "several separated by commas"
)


def visible(text: str) -> bool:
    """Tell whether a text is one or more visible ASCII characters: no blank, no control."""
    return bool(text) and all("!" <= character <= "~" for character in text)


def problem(token: str) -> str | None:
    """Say what is wrong with a token, without any of it."""
    if REFERENCE in token:
        return "is a reference that no deployment resolved"
    return _problem_of_text(token)


def _problem_of_text(token: str) -> str | None:
    if any("\ud800" <= character <= "\udfff" for character in token):
        return "is not valid UTF-8"
    if not token.isascii():
        return "has a character that is not ASCII"
    if any(character in BLANKS for character in token):
        return "has white space inside"
    if not visible(token):
        return "has a control character" if token else "is empty"
    if is_hashed(token):
        return _problem_of_hash(token[len(HASHED) :].lower())
    return f"is under {MIN_CHARACTERS} characters" if len(token) < MIN_CHARACTERS else None


def _problem_of_hash(digits: str) -> str | None:
    if len(digits) != len(OF_NOTHING) or not HEX_DIGITS.issuperset(digits):
        return f"is not {HASHED} and 64 hex digits"
    return "is the hash of an empty text" if digits == OF_NOTHING else None


def is_hashed(token: str) -> bool:
    """Tell whether a token is given as its SHA-256."""
    return token[: len(HASHED)].lower() == HASHED


def parse(name: str, text: str) -> tuple[str, ...]:
    """Read the tokens that a variable holds, separated by commas.

    Blanks and line ends around a token do not belong to it; inside one they are refused.

    Args:
        name: The variable, for the message.
        text: What it holds.

    Returns:
        The tokens, one or more, plain or hashed as they were given.

    Raises:
        ConfigurationError: There is no token, or one that nobody should rely on. The
            message names the variable, and shows no token.
    """
    tokens = [token for part in text.split(",") if (token := part.strip(BLANKS))]
    if not tokens:
        raise ConfigurationError(f"{name} is set, but it holds no token: {ADVICE}, or unset it")
    for number, token in enumerate(tokens, 1):
        if wrong := problem(token):
            which = "the token" if len(tokens) == 1 else f"token {number} of {len(tokens)}"
            raise ConfigurationError(f"{name}: {which} {wrong}: {ADVICE}")
    return tuple(tokens)
