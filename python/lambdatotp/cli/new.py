"""`lambdatotp new`: a Chalice project with the HTTP service, ready to deploy."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import tempfile
from pathlib import Path

import click

import lambdatotp
from lambdatotp.deploy.stage import ISSUER, STAGE_NAME, TABLE_NAME, as_text, policy

# What a project is made of: the app of the repository itself, and what only projects have.
SCAFFOLD = Path(lambdatotp.__file__).parent / "scaffold"
# Their names in the project, where those differ.
NAMES = {"gitignore": ".gitignore"}

NEXT = """Made {folder}. Next:

  cd {folder}
  pip install -r requirements-dev.txt
  pytest
  lambdatotp serve                  # on this machine, users in a file
  lambdatotp create-table{table}
  chalice deploy{stage}

{folder}/README.md says more."""


def _target(directory: str) -> Path:
    target = Path(directory).absolute()
    if target.resolve() == Path.cwd():
        raise click.UsageError(
            "DIR is the folder that you are in: name one to be made, such as second-factor"
        )
    if not target.parent.is_dir():
        raise click.UsageError(f"there is no folder {target.parent}: make it first")
    if target.is_dir() and not target.is_symlink() and not any(target.iterdir()):
        return target
    if os.path.lexists(target):
        raise click.UsageError(
            f"{directory} already exists, and is not an empty folder: choose another name"
        )
    return target


def _check_names(table: str | None, issuer: str | None, stage: str) -> None:
    if not STAGE_NAME.fullmatch(stage):
        raise click.UsageError(
            f"{stage!r} cannot name a stage: use letters, digits, '-' and '_', up to 64"
        )
    if table is not None and not re.fullmatch(r"[A-Za-z0-9_.-]{3,255}", table):
        raise click.UsageError(
            f"{table!r} cannot name a table: use letters, digits, '_', '.' and '-', 3 to 255"
        )
    # It checks the issuer.
    lambdatotp.Verifier(embedded=":memory:", table_name=table, issuer=issuer)


def _set_up(files: dict[str, str], name: str, stage: str, variables: dict[str, str]) -> None:
    """Give .chalice/ its names, and this one stage."""
    config = json.loads(files[".chalice/config.json"])
    # Functions and roles are named after it, and two projects must not share any.
    config["app_name"] = re.sub(r"[^A-Za-z0-9]+", "-", name).strip("-") or "lambdatotp"
    (entry,) = config["stages"].values()
    config["stages"] = {stage: {**entry, "environment_variables": variables}}
    files[".chalice/config.json"] = as_text(config)
    if table := variables.get(TABLE_NAME):
        for file in (".chalice/table.json", ".chalice/operations.yaml"):
            files[file] = re.sub(r"(\"?)totp_users\1", f'"{table}"', files[file])
    files[f".chalice/policy-{stage}.json"] = as_text(policy(table or "totp_users"))


def _files() -> dict[str, str]:
    """Read the files of a project, by their names in it."""
    files = {}
    for file in sorted(SCAFFOLD.rglob("*")) + sorted((SCAFFOLD / "chalicelib").iterdir()):
        if file.is_file() and file.suffix != ".pyc":
            name = file.relative_to(SCAFFOLD).as_posix()
            text = file.read_text(encoding="utf-8")
            if name.startswith("requirements"):
                text = text.replace("{version}", lambdatotp.__version__)
            files[NAMES.get(name, name)] = text
    return files


@click.command()
@click.argument("directory", metavar="DIR")
@click.option("--table", help="The DynamoDB table of the stage.  [default: totp_users]")
@click.option("--issuer", help="What authenticator apps show.  [default: MyApp]")
@click.option("--stage", default="dev", show_default=True, help="The first stage of the project.")
def new(directory: str, table: str | None, issuer: str | None, stage: str) -> None:
    """Make a Chalice project in the folder DIR.

    The project is the HTTP service as your own app. `chalice local`, `chalice deploy` and
    `chalice package` work in it, and pip installs the module. DIR must be new or empty.

    \b
    Examples:
      lambdatotp new second-factor
      lambdatotp new second-factor --table prod_users --issuer ACME --stage prod
    """
    target = _target(directory)
    _check_names(table, issuer, stage)
    given = {TABLE_NAME: table, ISSUER: issuer}
    files = _files()
    _set_up(files, target.name, stage, {name: value for name, value in given.items() if value})
    _write(target, files)
    click.echo(
        NEXT.format(
            folder=shlex.quote(os.path.relpath(target)),
            table=f" --table-name {table}" if table else "",
            stage=f" --stage {stage}" if stage != "dev" else "",
        )
    )


def _write(target: Path, files: dict[str, str]) -> None:
    """Write the files beside the target, and give them its name when they are whole."""
    # Lambda reads them as another user, whatever the umask is.
    scratch = Path(tempfile.mkdtemp(prefix=f".{target.name}-", dir=target.parent))
    try:
        for name, text in files.items():
            file = scratch / name
            file.parent.mkdir(exist_ok=True)
            file.parent.chmod(0o755)
            file.write_text(text, encoding="utf-8")
            file.chmod(0o644)
        scratch.chmod(0o755)
        # Takes the place of an empty folder, and of nothing else.
        scratch.rename(target)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
