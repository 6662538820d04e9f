"""An AWS on this machine, to which tests deploy by AWS's own command line and by Chalice."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import urllib.error
import urllib.request
import uuid
from pathlib import Path
from typing import Any, NamedTuple

import boto3
from botocore.exceptions import ClientError

from tests.python.support import ROOT
from tools import ministack

# The account's root, which the emulator lets do everything.
ROOT_KEYS = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test"}
BUCKET = "artifacts"

# What `chalice package` ships, and what it is checked against.
PROJECT = (
    ".chalice",
    "app.py",
    "chalicelib",
    "requirements.txt",
    "vendor",
    "tools",
    "Cargo.toml",
    "Cargo.lock",
    "pyproject.toml",
    "src",
    "macros",
    "python",
)


class Told(NamedTuple):
    """A reply over HTTP."""

    status: int
    headers: Any
    text: str

    @property
    def json(self) -> Any:
        return json.loads(self.text)


class App:
    """A deployed app, as a caller with a token sees it."""

    def __init__(self, url: str, token: str = "") -> None:
        self.url = url.rstrip("/")
        self.token = token

    def with_token(self, token: str) -> App:
        return App(self.url, token)

    def call(self, method: str, path: str, fields: Any = None, **headers: str) -> Told:
        headers = {name.replace("_", "-"): value for name, value in headers.items()}
        if self.token:
            headers["Authorization"] = f"Bearer {self.token}"
        body = None
        if fields is not None:
            body, headers["Content-Type"] = json.dumps(fields).encode(), "application/json"
        request = urllib.request.Request(
            f"{self.url}{path}", data=body, headers=headers, method=method
        )
        try:
            with urllib.request.urlopen(request, timeout=60) as reply:
                return Told(reply.status, reply.headers, reply.read().decode())
        except urllib.error.HTTPError as error:
            with error:
                return Told(error.code, error.headers, error.read().decode())

    def post(self, path: str, **fields: Any) -> Told:
        return self.call("POST", path, fields)


class Cloud:
    """The emulator, and what an operator has on their machine."""

    def __init__(self, url: str, scratch: Path) -> None:
        self.url = url
        self.scratch = scratch
        self.client("s3").create_bucket(
            Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": ministack.REGION}
        )

    def client(self, service: str, url: str = "") -> Any:
        return boto3.client(
            service,
            endpoint_url=url or self.url,
            region_name=ministack.REGION,
            aws_access_key_id="test",
            aws_secret_access_key="test",
        )

    def environment(self, **more: str) -> dict[str, str]:
        return {**ROOT_KEYS, "AWS_ENDPOINT_URL": self.url, "HOME": str(self.scratch), **more}

    def run(self, *command: str | Path, cwd: Path = ROOT, **more: str) -> str:
        """Run a program of ours, or of the emulator's environment."""
        mine = str(Path(sys.executable).parent)
        variables = ministack.environment(**self.environment(**more))
        variables["PATH"] = f"{mine}:{variables['PATH']}"
        done = subprocess.run(
            command, cwd=cwd, env=variables, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
        return done.stdout

    def lambdatotp(self, *arguments: str, **more: str) -> str:
        return self.run(sys.executable, "-m", "lambdatotp", *arguments, **more)

    def package(self, project: Path, stage: str = "dev", template: str = "") -> Path:
        """Do what `make package` does, but for the wheel: the folder of template and zip."""
        out = project / "out" / stage
        merge = ["--merge-template", template] if template else []
        self.run("chalice", "package", "--stage", stage, *merge, out, cwd=project)
        # As the template that was merged is written.
        return out / f"sam{Path(template).suffix or '.json'}"

    def deploy(self, template: Path, stack: str, **parameters: str) -> dict[str, str]:
        """Do what docs/deploy.md says, and return the stack's outputs.

        The change set is our own: `aws cloudformation deploy` looks every 30 seconds only.
        """
        ready = template.with_name("ready.yaml")
        source = ("--template-file", template, "--output-template-file", ready)
        self.run("aws", "cloudformation", "package", "--s3-bucket", BUCKET, *source)
        formation = self.client("cloudformation")
        new = not self.stacks(stack)
        change = formation.create_change_set(
            StackName=stack,
            ChangeSetName=f"change-{uuid.uuid4().hex}",
            ChangeSetType="CREATE" if new else "UPDATE",
            TemplateBody=ready.read_text(),
            Capabilities=["CAPABILITY_IAM"],
            Parameters=[
                {"ParameterKey": name, "ParameterValue": value}
                for name, value in parameters.items()
            ],
        )["Id"]
        quickly = {"Delay": 1, "MaxAttempts": 120}
        made = formation.get_waiter("change_set_create_complete")
        made.wait(ChangeSetName=change, WaiterConfig=quickly)
        formation.execute_change_set(ChangeSetName=change)
        done = formation.get_waiter(f"stack_{'create' if new else 'update'}_complete")
        done.wait(StackName=stack, WaiterConfig=quickly)
        (found,) = self.stacks(stack)
        return {output["OutputKey"]: output["OutputValue"] for output in found["Outputs"]}

    def stacks(self, name: str) -> list[Any]:
        """Look for a stack: one, or none."""
        try:
            return list(self.client("cloudformation").describe_stacks(StackName=name)["Stacks"])
        except ClientError:
            return []

    def app(self, api: str, stage: str = "", token: str = "") -> App:
        """Find a deployed API where the emulator has it: AWS's own host names are not ours."""
        return App(f"{self.url}/_aws/execute-api/{api}/{stage}", token)

    def log(self, function: str) -> list[str]:
        """Read what a function has written, line by line."""
        logs = self.client("logs")
        group = f"/aws/lambda/{function}"
        events = logs.filter_log_events(logGroupName=group)["events"]
        return [line for event in events for line in event["message"].splitlines()]


def copy_of_the_project(folder: Path) -> Path:
    """Copy what is deployed, for tests that configure it."""
    folder.mkdir()
    ignore = shutil.ignore_patterns("__pycache__", "deployed", "deployments")
    for name in PROJECT:
        if (ROOT / name).is_dir():
            # The bytecode in vendor/ is shipped.
            whole = name == "vendor"
            shutil.copytree(ROOT / name, folder / name, ignore=None if whole else ignore)
        else:
            shutil.copy(ROOT / name, folder)
    # Lambda reads them as another user, whatever the umask was when they were checked out.
    for file in folder.rglob("*"):
        file.chmod(file.stat().st_mode | (0o555 if file.is_dir() else 0o444))
    return folder


def configure(project: Path, stage: str, **variables: str) -> None:
    """Write variables into a stage's configuration."""
    file = project / ".chalice" / "config.json"
    config = json.loads(file.read_text())
    entry = config["stages"].setdefault(stage, {})
    entry.setdefault("environment_variables", {}).update(variables)
    file.write_text(json.dumps(config))
