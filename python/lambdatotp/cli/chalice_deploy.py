"""Chalice's own deployment, of a configuration whose references are resolved on the way."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import click
from botocore.exceptions import BotoCoreError, ClientError
from chalice.cli.factory import CLIFactory
from chalice.deploy.deployer import ChaliceDeploymentError
from chalice.utils import UI

from lambdatotp.deploy import references

if TYPE_CHECKING:
    from pathlib import Path


class Resolving(CLIFactory):
    """Reads .chalice/config.json as Chalice does, and puts the secrets into this one stage."""

    def __init__(self, folder: Path, stage: str, profile: str | None) -> None:
        super().__init__(str(folder), profile=profile, environ=os.environ)
        self._stage = stage

    def load_project_config(self) -> dict[str, Any]:
        """Read it, with what is referred to: in memory only."""
        config: dict[str, Any] = super().load_project_config()
        clients = self.create_botocore_session().create_client
        for settings in (config, config.get("stages", {}).get(self._stage, {})):
            variables = settings.get("environment_variables", {})
            settings["environment_variables"] = references.resolve(variables, clients)
        return config


def deploy(folder: Path, stage: str, profile: str | None) -> None:
    """Deploy a stage of the app in a folder.

    Raises:
        click.ClickException: It was not deployed, or not all of it.
    """
    factory = Resolving(folder, stage, profile)
    ui = UI()
    try:
        config = factory.create_config_obj(chalice_stage_name=stage)
        session = factory.create_botocore_session()
        deployer = factory.create_default_deployer(session=session, config=config, ui=ui)
        deployed = deployer.deploy(config, chalice_stage_name=stage)
    except (
        references.UnresolvedError,
        BotoCoreError,
        ClientError,
        ChaliceDeploymentError,
    ) as error:
        raise click.ClickException(" ".join(str(error).split())) from None
    factory.create_deployment_reporter(ui=ui).display_report(deployed)
