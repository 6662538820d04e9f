"""References to Secrets Manager and SSM in a stage's variables, in CloudFormation's words.

    {{resolve:secretsmanager:NAME_OR_ARN:SecretString:KEY:STAGE:VERSION}}
    {{resolve:ssm:NAME:VERSION}}
    {{resolve:ssm-secure:NAME:VERSION}}

What follows the name may be left out. CloudFormation resolves the first two, where
`chalice package` is deployed; `lambdatotp deploy` resolves all three.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

from lambdatotp._tokens import REFERENCE

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

WHOLE = re.compile(r"\{\{resolve:(secretsmanager|ssm|ssm-secure):([^{}]+)\}\}")
# An ARN has colons of its own.
SECRET = re.compile(r"(arn:[^:]*:secretsmanager:[^:]*:[^:]*:secret:[^:]+|[^:]+)(?::(.*))?")


class UnresolvedError(Exception):
    """A reference that cannot be resolved. The message holds no secret."""


def holds(text: str) -> bool:
    """Tell whether a text holds a reference, well-formed or not."""
    return REFERENCE in text


def unfit_for_cloudformation(text: str) -> bool:
    """Tell whether CloudFormation would not resolve it in a function's environment."""
    return f"{REFERENCE}ssm-secure:" in text


def resolve(variables: Mapping[str, str], client: Callable[[str], Any]) -> dict[str, str]:
    """Put what the references stand for into a stage's variables.

    Args:
        variables: The variables, by their names.
        client: Makes a client of the service that it is given the name of.

    Raises:
        UnresolvedError: One of them cannot be resolved; the message names the variable.
    """
    return {name: _resolved(name, text, client) for name, text in variables.items()}


def _resolved(name: str, text: str, client: Callable[[str], Any]) -> str:
    def value(match: re.Match[str]) -> str:
        service, rest = match.groups()
        try:
            return (
                _secret(rest, client)
                if service == "secretsmanager"
                else (_parameter(service, rest, client))
            )
        except UnresolvedError as error:
            raise UnresolvedError(f"{name}: {match[0]} {error}") from None

    resolved = WHOLE.sub(value, text)
    if holds(resolved):
        raise UnresolvedError(
            f"{name} holds a reference that cannot be read: write "
            "{{resolve:secretsmanager:NAME}}, {{resolve:ssm:NAME}} or {{resolve:ssm-secure:NAME}}"
        )
    return resolved


def _secret(rest: str, client: Callable[[str], Any]) -> str:
    found = SECRET.fullmatch(rest)
    if found is None:
        raise UnresolvedError("names no secret")
    kind, key, stage, version = [*(found[2] or "").split(":"), "", "", "", ""][:4]
    if kind not in {"", "SecretString"}:
        raise UnresolvedError("asks for something other than SecretString")
    asked = {"SecretId": found[1]}
    asked |= {"VersionStage": stage} if stage else {}
    asked |= {"VersionId": version} if version else {}
    text = _ask(client, "secretsmanager", "get_secret_value", asked).get("SecretString")
    if not isinstance(text, str):
        raise UnresolvedError("is binary: keep it as text")
    if not key:
        return text
    try:
        value = json.loads(text)[key]
    except (ValueError, KeyError, TypeError):
        raise UnresolvedError(f"is not JSON with a key {key}") from None
    return str(value)


def _parameter(service: str, rest: str, client: Callable[[str], Any]) -> str:
    asked = {"Name": rest, "WithDecryption": service == "ssm-secure"}
    parameter = _ask(client, "ssm", "get_parameter", asked)["Parameter"]
    # Its value is ciphertext then.
    if parameter["Type"] == "SecureString" and service == "ssm":
        raise UnresolvedError("is a SecureString: write ssm-secure")
    return str(parameter["Value"])


def _ask(client: Callable[[str], Any], service: str, verb: str, asked: dict[str, Any]) -> Any:  # noqa: ANN401 - botocore's own
    # It comes with Chalice, and only those who deploy have that.
    from botocore.exceptions import BotoCoreError, ClientError  # noqa: PLC0415

    try:
        return getattr(client(service), verb)(**asked)
    except ClientError as error:
        problem = error.response["Error"]
        raise UnresolvedError(
            f"cannot be resolved: {problem['Code']}: {problem['Message']}"
        ) from None
    except BotoCoreError as error:
        raise UnresolvedError(f"cannot be resolved: {error}") from None
