"""Stops `chalice deploy` and `chalice package` before they ship what cannot work.

Chalice ships app.py, chalicelib/ and vendor/ as they lie there, and asks nothing. The
module is compiled, so it goes through vendor/, which `make vendor` fills and describes
in vendor/lambdatotp/build.json. This compares the description with what is there.
"""

from __future__ import annotations

import hashlib
import inspect
import json
import os
import re
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

ROOT = Path(__file__).parents[2]

# The file in vendor/ that says what was built, and of what.
BUILD = "lambdatotp/build.json"

# What Chalice's words for a machine are in an ELF header.
MACHINES = {"x86_64": "EM_X86_64", "arm64": "EM_AARCH64"}

READABLE_BY_ALL = 0o444


def sources(root: Path = ROOT) -> str:
    """Hash everything that the module is built from."""
    files = [root / name for name in ("Cargo.toml", "Cargo.lock", "pyproject.toml")]
    files += [root / "macros" / "Cargo.toml"]
    files += [file for part in ("src", "macros") for file in sorted((root / part).rglob("*.rs"))]
    files += sorted((root / "python" / "lambdatotp").rglob("*.py"))
    total = hashlib.sha256()
    for file in files:
        total.update(f"{file.relative_to(root).as_posix()} {digest(file)}\n".encode())
    return total.hexdigest()


def digest(file: Path) -> str:
    """Hash one file."""
    return hashlib.sha256(file.read_bytes()).hexdigest()


def chalice_runtime() -> list[Path]:
    """Find the two files of Chalice itself that it ships."""
    import chalice.app  # noqa: PLC0415 - for those only who package

    return [Path(inspect.getfile(module)) for module in (chalice.app, chalice)]


class Stage:
    """One stage, as .chalice/config.json has it."""

    def __init__(self, name: str, root: Path = ROOT) -> None:
        self.name = name
        self.folder = root / ".chalice"
        self.config: dict[str, Any] = json.loads((self.folder / "config.json").read_text())
        self.own = self.config.get("stages", {}).get(name, {})

    def setting(self, name: str, *, default: str | bool) -> str | bool:
        """Read a setting: the stage's own, or the one for all stages."""
        value: str | bool = self.own.get(name, self.config.get(name, default))
        return value

    def variable(self, name: str) -> str | None:
        """Read a variable of the Lambda's environment."""
        for variables in (self.own, self.config):
            value = variables.get("environment_variables", {}).get(name)
            if value:
                return str(value)
        return None

    @property
    def policy(self) -> Path:
        """Say where the stage's permissions are."""
        return self.folder / str(
            self.setting("iam_policy_file", default=f"policy-{self.name}.json")
        )

    def tables(self) -> set[str]:
        """Read the tables that the stage may use out of its policy."""
        tables = set()
        for statement in json.loads(self.policy.read_text())["Statement"]:
            actions, resources = statement["Action"], statement["Resource"]
            if any(action.startswith("dynamodb:") for action in _listed(actions)):
                tables |= {arn.rsplit(":table/", 1)[-1] for arn in _listed(resources)}
        return tables


def _listed(value: str | list[str]) -> list[str]:
    return [value] if isinstance(value, str) else value


def table_in_the_file(root: Path = ROOT) -> str:
    """Read TABLE_NAME as chalicelib/config.py has it, whatever is in the environment."""
    text = (root / "chalicelib" / "config.py").read_text()
    found = re.search(r"""^TABLE_NAME(?:: str)? = ["'](.+)["']$""", text, re.MULTILINE)
    return found[1] if found else ""


def vendor_problems(architecture: str, root: Path = ROOT) -> Iterator[str]:
    """Say what is wrong with vendor/."""
    vendor = root / "vendor"
    try:
        build = json.loads((vendor / BUILD).read_text())
    except (OSError, ValueError):
        yield "vendor/ does not hold the compiled module"
        return
    if build["sources"] != sources(root):
        yield "vendor/ was built from other sources than these"
    for name, expected in build["files"].items():
        file = vendor / name
        if not file.is_file() or digest(file) != expected:
            yield f"vendor/{name} is not what was built"
    if build["machine"] != MACHINES.get(architecture):
        yield f"vendor/ was built for {build['machine']}, and the stage runs on {architecture}"


def table_problems(stage: Stage, root: Path = ROOT) -> Iterator[str]:
    """Say where the table's name is not the same everywhere."""
    name = "LAMBDATOTP_TABLE_NAME"
    table = stage.variable(name) or table_in_the_file(root)
    exported = os.environ.get(name)
    if exported and exported != table:
        yield f"{name} is {exported} here, but stage {stage.name} would use {table}"
        return
    if stage.setting("autogen_policy", default=True):
        yield "autogen_policy grants no table: Chalice does not see what native code calls"
    elif stage.setting("manage_iam_role", default=True):
        if not stage.policy.is_file():
            yield f"stage {stage.name} has no {stage.policy.name}"
        elif stage.tables() != {table}:
            allowed = ", ".join(sorted(stage.tables())) or "no table"
            yield f"{stage.policy.name} allows {allowed}, but stage {stage.name} uses {table}"


def token_problems(stage: Stage) -> Iterator[str]:
    """Say which access tokens would stop the app as soon as it starts."""
    # Not at the top: `make vendor` may run where the package is not installed.
    from lambdatotp import ConfigurationError, _tokens  # noqa: PLC0415

    for name in (_tokens.API_TOKEN, _tokens.VERIFY_TOKEN):
        for variables in (stage.own, stage.config):
            text = variables.get("environment_variables", {}).get(name)
            if text is not None:
                try:
                    _tokens.parse(name, text)
                except ConfigurationError as error:
                    yield str(error)
                break


def _shipped(root: Path) -> Iterator[Path]:
    yield root / "app.py"
    for folder in ("chalicelib", "vendor"):
        yield from (file for file in sorted((root / folder).rglob("*")) if file.is_file())
    yield from chalice_runtime()


def mode_problems(files: Iterable[Path]) -> Iterator[str]:
    """Say which files Lambda, which is another user, could not read (umask 077)."""
    closed = [file for file in files if file.stat().st_mode & READABLE_BY_ALL != READABLE_BY_ALL]
    if closed:
        names = " ".join(str(file) for file in closed[:3])
        more = f" and {len(closed) - 3} more" if len(closed) > 3 else ""  # noqa: PLR2004
        yield f"Lambda could not read {names}{more}: chmod a+r"


def sweep(root: Path = ROOT) -> None:
    """Remove what Python left in chalicelib/: it would be shipped, and change the hash."""
    for cache in (root / "chalicelib").rglob("__pycache__"):
        shutil.rmtree(cache, ignore_errors=True)


def check(argv: Sequence[str], root: Path = ROOT) -> None:
    """Stop a command that would ship something else than these sources."""
    if not {"deploy", "package", "plan"} & set(argv[1:]):
        return
    sys.dont_write_bytecode = True
    sweep(root)
    given = re.search(r"--stage[= ](\S+)", " ".join(argv))
    stage = Stage(given[1] if given else "dev", root)
    problems = [
        *vendor_problems(str(stage.setting("lambda_architecture", default="x86_64")), root),
        *mode_problems(_shipped(root)),
        *token_problems(stage),
    ]
    # A merged template makes the table, and says its name and its permissions.
    if "--merge-template" not in argv:
        problems += table_problems(stage, root)
    if problems:
        command = "package" if "package" in argv else "deploy"
        sys.exit(
            f"lambdatotp: nothing was shipped: {'; '.join(problems)}. "
            f"Run: make {command} STAGE={stage.name}"
        )
