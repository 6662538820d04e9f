"""Set a stage up for `chalice deploy`: its entry in the configuration, and its permissions.

    python -m tools.deploy.stage dev

The table is LAMBDATOTP_TABLE_NAME, if that is exported; it is written to the stage then,
as LAMBDATOTP_ISSUER is. Otherwise it is what the stage has, or TABLE_NAME in
chalicelib/config.py.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import sys
from pathlib import Path
from typing import Any

from tools.deploy import shipping

ROOT = Path(__file__).parents[2]

VARIABLES = ("LAMBDATOTP_TABLE_NAME", "LAMBDATOTP_ISSUER")

# What the verbs of src/store send. Logins read nothing: a write returns what it saw.
ACTIONS = ["dynamodb:PutItem", "dynamodb:UpdateItem", "dynamodb:GetItem"]
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


def _write(file: Path, content: dict[str, Any]) -> bool:
    text = json.dumps(content, indent=2) + "\n"
    if file.is_file() and file.read_text(encoding="utf-8") == text:
        return False
    file.write_text(text, encoding="utf-8")
    return True


def prepare(name: str, root: Path = ROOT) -> list[str]:
    """Write what the stage lacks; returns what was changed."""
    if not re.fullmatch(r"[A-Za-z0-9_-]{1,64}", name):
        raise ValueError(f"{name!r} is no name for a stage: use letters, digits, '-' and '_'")
    stage = shipping.Stage(name, root)
    entry = stage.config.setdefault("stages", {}).setdefault(name, {})
    entry.setdefault("api_gateway_stage", "api")
    entry.setdefault("iam_policy_file", f"policy-{name}.json")
    for variable in VARIABLES:
        value = os.environ.get(variable)
        if value and value != stage.variable(variable):
            entry.setdefault("environment_variables", {})[variable] = value
    changed = []
    if _write(stage.folder / "config.json", stage.config):
        changed.append(".chalice/config.json")
    stage = shipping.Stage(name, root)
    table = stage.variable(VARIABLES[0]) or shipping.table_in_the_file(root)
    if not stage.policy.is_file() or stage.tables() != {table}:
        _write(stage.policy, policy(table))
        changed.append(f".chalice/{stage.policy.name}")
    return changed


def main() -> int:
    """Prepare a stage, and say what was written."""
    parser = argparse.ArgumentParser(description="Set a stage up for `chalice deploy`.")
    parser.add_argument("stage", nargs="?", default="dev")
    name = parser.parse_args().stage
    try:
        changed = prepare(name)
    except ValueError as error:
        print(f"lambdatotp: {error}", file=sys.stderr)
        return 1
    if changed:
        print(f"lambdatotp: stage {name}: wrote {' and '.join(changed)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
