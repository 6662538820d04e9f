"""What would not work, were it shipped: each problem in a few words, with what to do."""

from __future__ import annotations

import os
import re
import sys
from typing import TYPE_CHECKING

from lambdatotp import ConfigurationError, __version__, _tokens

from . import references, vendored
from .stage import ISSUER, TABLE_NAME, exported

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from .stage import Stage

READABLE_BY_ALL = 0o444


def _required(root: Path) -> str | None:
    """Return the line of requirements.txt that names lambdatotp."""
    try:
        text = (root / "requirements.txt").read_text(encoding="utf-8")
    except OSError:
        return None
    found = re.search(r"^lambdatotp\b[^#\n]*", text, re.MULTILINE)
    return found[0].strip() if found else None


def of_module(stage: Stage, command: str) -> Iterator[str]:
    """Say what is wrong with the module that would be shipped."""
    build, required = vendored.described(stage.root), _required(stage.root)
    remedy = f"run: make {command} STAGE={stage.name}"
    if build is not None:
        for fault in vendored.faults(build, stage.architecture, stage.root):
            yield f"{fault}: {remedy}"
        if required:
            yield "requirements.txt names lambdatotp, and vendor/ holds it: remove one of them"
    elif required is None:
        if not vendored.is_clone(stage.root):
            remedy = f"add lambdatotp=={__version__} to requirements.txt"
        yield f"vendor/ does not hold the compiled module: {remedy}"
    else:
        pinned = re.fullmatch(r"lambdatotp\s*==\s*([^\s;]+).*", required)
        if pinned and pinned[1] != __version__:
            yield (
                f"requirements.txt names lambdatotp {pinned[1]}, and {__version__} is installed "
                "here: run: pip install -r requirements.txt"
            )


def of_bytecode(stage: Stage) -> Iterator[str]:
    """Say what a vendor/ of another Python costs: Chalice deploys for the one that runs it."""
    build = vendored.described(stage.root)
    here = f"{sys.version_info.major}.{sys.version_info.minor}"
    if build and build.get("python", here) != here:
        yield (
            f"vendor/ holds bytecode of Python {build['python']}, and the function will run on "
            f"{here}: it compiles the app at each cold start, which takes a third longer; "
            f"make vendor PYTHON=python{here} makes it anew"
        )


def of_modes(root: Path) -> Iterator[str]:
    """Say which files Lambda, which is another user, could not read (umask 077)."""
    files = [root / "app.py", *vendored.chalice_runtime()]
    for folder in ("chalicelib", "vendor"):
        files += [file for file in sorted((root / folder).rglob("*")) if file.is_file()]
    closed = [file for file in files if file.stat().st_mode & READABLE_BY_ALL != READABLE_BY_ALL]
    if closed:
        names = " ".join(str(file) for file in closed[:3])
        more = f" and {len(closed) - 3} more" if len(closed) > 3 else ""  # noqa: PLR2004
        yield f"Lambda could not read {names}{more}: run: chmod -R a+rX app.py chalicelib vendor"


def of_exports(stage: Stage) -> Iterator[str]:
    """Say what is exported here, for another stage perhaps, and is not what this one has."""
    for name, own in ((TABLE_NAME, stage.table), (ISSUER, stage.issuer)):
        here = exported(name)
        if here and here != own:
            yield (
                f"{name} is {here} here, but stage {stage.name} would use {own}: unset it, or "
                f'set it in "environment_variables" of stage {stage.name} in .chalice/config.json'
            )


def of_permissions(stage: Stage) -> Iterator[str]:
    """Say where the function's permissions are not for its table."""
    if not stage.setting("manage_iam_role", default=True):
        return
    if stage.setting("autogen_policy", default=True):
        yield (
            "autogen_policy grants no table, since Chalice does not see what native code calls: "
            "set it to false in .chalice/config.json"
        )
    elif not stage.owns_policy() and stage.table not in stage.tables():
        allowed = ", ".join(sorted(stage.tables())) or "no table"
        yield (
            f".chalice/{stage.policy.name} allows {allowed}, but stage {stage.name} uses "
            f"{stage.table}: change it, or remove it to have it written anew"
        )


def of_references(stage: Stage, command: str) -> Iterator[str]:
    """Say which references to Secrets Manager and SSM nothing would resolve."""
    for name, text in stage.variables().items():
        if not references.holds(text):
            continue
        if name == TABLE_NAME:
            yield f"{name} cannot be a reference, since the permissions name the table"
        elif command == "package":
            if references.unfit_for_cloudformation(text):
                yield (
                    f"{name}: CloudFormation does not resolve ssm-secure for Lambda: use "
                    "secretsmanager"
                )
        # `lambdatotp deploy` has put the value in its place.
        elif references.holds(os.environ.get(name, text)):
            yield (
                f"{name} holds a reference, which chalice {command} does not resolve: "
                f"run: lambdatotp deploy --stage {stage.name}"
            )


def of_tokens(stage: Stage) -> Iterator[str]:
    """Say which access tokens would stop the app as soon as it starts."""
    for name in _tokens.SCOPES:
        text = stage.variables().get(name)
        if text is None or references.holds(text):
            continue
        try:
            _tokens.parse(name, text)
        except ConfigurationError as error:
            yield str(error)
