"""`lambdatotp deploy`: `chalice deploy`, with the secrets that a stage's settings refer to."""

from __future__ import annotations

import os
from importlib.util import find_spec

import click

from .serve import app_folder


@click.command()
@click.option("--stage", default="dev", show_default=True, help="The stage to deploy.")
@click.option("--profile", help="The AWS profile to use.")
@click.option("--app", default=".", show_default=True, help="The folder with app.py.")
def deploy(stage: str, profile: str | None, app: str) -> None:
    """Deploy the app and its secrets, as `chalice deploy` does.

    A variable in .chalice/config.json may refer to a secret instead of holding it. The value
    goes from Secrets Manager or SSM to the function's configuration, and into no file:

    \b
      "LAMBDATOTP_API_TOKEN": "{{resolve:secretsmanager:NAME}}"
      "LAMBDATOTP_API_TOKEN": "{{resolve:secretsmanager:NAME:SecretString:KEY}}"
      "LAMBDATOTP_KEYS": "{{resolve:ssm-secure:NAME}}"

    \b
    Examples:
      lambdatotp deploy
      lambdatotp deploy --stage prod --profile production
    """
    folder = app_folder(app).resolve()
    if not find_spec("chalice"):
        raise click.UsageError("chalice is needed to deploy: pip install 'lambdatotp[app]'")
    # Chalice is not there for every command.
    from . import chalice_deploy  # noqa: PLC0415

    # The app looks for it, to check what is about to be shipped.
    os.environ["AWS_CHALICE_CLI_MODE"] = "true"
    os.chdir(folder)
    chalice_deploy.deploy(folder, stage, profile)
