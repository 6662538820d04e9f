"""One stage, as .chalice/config.json has it, and what its function may do."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path
from typing import Any

TABLE_NAME = "LAMBDATOTP_TABLE_NAME"
ISSUER = "LAMBDATOTP_ISSUER"

# What the verbs of src/store send. Logins read nothing: a write returns what it saw.
ACTIONS = ["dynamodb:PutItem", "dynamodb:UpdateItem", "dynamodb:GetItem"]
# What can name a stage.
STAGE_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")

LOGS = ["logs:CreateLogGroup", "logs:CreateLogStream", "logs:PutLogEvents"]


def policy(table: str) -> dict[str, Any]:
    """Return what a stage may do: write its logs, and these three things to one table."""
    return {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Allow",
                "Action": LOGS,
                "Resource": "arn:*:logs:*:*:log-group:/aws/lambda/*",
            },
            {
                "Effect": "Allow",
                "Action": ACTIONS,
                "Resource": f"arn:*:dynamodb:*:*:table/{table}",
            },
        ],
    }


def as_text(content: dict[str, Any]) -> str:
    """Write JSON as the files in .chalice/ have it."""
    return json.dumps(content, indent=2) + "\n"


def in_the_file(name: str, root: Path) -> str:
    """Read a name as chalicelib/config.py has it, whatever is in the environment."""
    text = (root / "chalicelib" / "config.py").read_text(encoding="utf-8")
    found = re.search(rf"""^{name}(?:: str)? = ["'](.+)["']$""", text, re.MULTILINE)
    return found[1] if found else ""


def exported(name: str) -> str | None:
    """Read a variable as the shell gave it: Chalice has put the stage's own over it by now.

    Only Linux tells. Elsewhere it is the variable as it is now.
    """
    try:
        given = Path("/proc/self/environ").read_bytes()
    except OSError:
        return os.environ.get(name)
    for variable in given.split(b"\0"):
        key, _, value = variable.partition(b"=")
        if key == name.encode():
            return os.fsdecode(value)
    return None


class Stage:
    """One stage of the app in a folder."""

    def __init__(self, name: str, root: Path) -> None:
        self.name = name
        self.root = root
        self.folder = root / ".chalice"
        text = (self.folder / "config.json").read_text(encoding="utf-8")
        self.config: dict[str, Any] = json.loads(text)
        self.own: dict[str, Any] = self.config.get("stages", {}).get(name, {})

    def setting(self, name: str, *, default: str | bool) -> str | bool:
        """Read a setting: the stage's own, or the one for all stages."""
        value: str | bool = self.own.get(name, self.config.get(name, default))
        return value

    def variables(self) -> dict[str, str]:
        """Read the variables of the function's environment."""
        shared: dict[str, str] = self.config.get("environment_variables", {})
        return {**shared, **self.own.get("environment_variables", {})}

    @property
    def architecture(self) -> str:
        """Say what the function runs on: x86_64 or arm64."""
        return str(self.setting("lambda_architecture", default="x86_64"))

    @property
    def table(self) -> str:
        """Say which table the function uses."""
        return self.variables().get(TABLE_NAME) or in_the_file("TABLE_NAME", self.root)

    @property
    def issuer(self) -> str:
        """Say which issuer the function names."""
        return self.variables().get(ISSUER) or in_the_file("APP_NAME", self.root)

    @property
    def policy(self) -> Path:
        """Say where the stage's permissions are."""
        return self.folder / str(
            self.setting("iam_policy_file", default=f"policy-{self.name}.json")
        )

    @property
    def reads_policy(self) -> bool:
        """Tell whether Chalice gives the function the permissions in that file."""
        return bool(self.setting("manage_iam_role", default=True)) and not self.setting(
            "autogen_policy", default=True
        )

    def tables(self) -> set[str]:
        """Read the tables that the function may use out of its permissions."""
        tables = set()
        for statement in json.loads(self.policy.read_text(encoding="utf-8"))["Statement"]:
            actions, resources = statement["Action"], statement["Resource"]
            if any(action.startswith("dynamodb:") for action in _listed(actions)):
                tables |= {arn.rsplit(":table/", 1)[-1] for arn in _listed(resources)}
        return tables

    def owns_policy(self) -> bool:
        """Tell whether `write_policy` may write the file: nobody has edited it."""
        if not self.policy.is_file():
            return True
        text = self.policy.read_text(encoding="utf-8")
        return any(text == as_text(policy(table)) for table in self.tables())

    def write_policy(self) -> None:
        """Write the permissions for the stage's table, unless they are somebody's own."""
        text = as_text(policy(self.table))
        if not self.reads_policy or not self.owns_policy():
            return
        if not self.policy.is_file() or self.policy.read_text(encoding="utf-8") != text:
            self.policy.write_text(text, encoding="utf-8")


def _listed(value: str | list[str]) -> list[str]:
    return [value] if isinstance(value, str) else value
