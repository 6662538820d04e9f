"""`chalice deploy` of what `lambdatotp new` makes, as docs/deploy.md says, to MiniStack.

By somebody who has pip and no more; what pip finds is a debug build here. What the proxy in front
of the emulator adds, and what is not proven by it, `api_import` says. The tests share one project,
and the last one deletes it.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
import sys

import pyotp
import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from botocore.exceptions import ClientError
from lambdatotp.deploy.stage import policy

from tests.python.support.api_import import importing
from tests.python.support.cloud import App
from tests.python.support.keys import K1
from tools import ministack

pytestmark = pytest.mark.local

TABLE = "chalice_users"
TOKEN = "a-token-that-only-the-cloud-knows"
LINK = re.compile(r"Rest API URL: https://(\w+)\.execute-api\.eu-west-1\.amazonaws\.com/api/\n")


class Project:
    """A project of `lambdatotp new`, and the emulator to which it is deployed."""

    def __init__(self, cloud, folder, installed, **variables):
        self.cloud, self.folder, self.installed = cloud, folder, installed
        self.variables = variables

    def run(self, *command):
        command = (self.installed.python, *command)
        return self.cloud.run(*command, cwd=self.folder, **self.variables)

    def lambdatotp(self, *arguments):
        return self.run("-m", "lambdatotp", *arguments)

    def chalice(self, *arguments):
        return self.run(self.installed.chalice, *arguments)

    def configure(self, variables, **settings):
        """Give stage dev these variables and settings, and no others but its table."""
        file = self.folder / ".chalice" / "config.json"
        config = json.loads(file.read_text())
        variables = {"LAMBDATOTP_TABLE_NAME": TABLE, **variables}
        stage = {"api_gateway_stage": "api", "environment_variables": variables, **settings}
        config["stages"]["dev"] = stage
        file.write_text(json.dumps(config))
        return file

    def app(self, told):
        """The app whose link Chalice prints."""
        return self.cloud.app(LINK.search(told)[1], "api")

    def function(self):
        client = self.cloud.client("lambda")
        return client.get_function_configuration(FunctionName="second-factor-dev")


@pytest.fixture(scope="module")
def project(cloud, installed, wheelhouse, tmp_path_factory):
    folder = tmp_path_factory.mktemp("chalice") / "second-factor"
    pip = {"PIP_FIND_LINKS": str(wheelhouse), "PIP_NO_INDEX": "1"}
    with importing(cloud.url, cloud.client) as url:
        made = Project(cloud, folder.parent, installed, AWS_ENDPOINT_URL=url, **pip)
        made.lambdatotp("new", "second-factor", "--table", TABLE, "--issuer", "ACME")
        made.lambdatotp("create-table", "--table-name", TABLE)
        made.folder = folder
        yield made


@pytest.fixture(scope="module")
def app(project):
    return project.app(project.chalice("deploy"))


def enrolled(app, user):
    """Register a user; return their authenticator."""
    shown = app.post("/", user=user)
    assert shown.status == 201, shown.text
    return pyotp.parse_uri(shown.json["qr_code"])


def test_from_pip_install_to_a_login(project, app):
    phone = enrolled(app, "ana")
    assert phone.issuer == "ACME"
    assert app.post("/", user="ana").status == 409
    code = phone.now()
    told = [app.post("/verify", user="ana", code=code) for _ in range(2)]
    assert [answer.json["code_is_valid"] for answer in told] == [True, False]
    assert app.call("GET", "/verify?user=ana&code=000000").json["code_is_valid"] is False
    # A path with a parameter, which API Gateway decodes.
    assert app.call("DELETE", "/nobody%40example.com").status == 403
    assert app.call("PUT", "/verify").status == 403
    doctor = project.lambdatotp("doctor", "--json", "--table-name", TABLE, "--url", app.url)
    assert [finding for finding in json.loads(doctor) if finding["state"] == "failure"] == []


def test_it_deployed_this_zip_with_these_permissions(project, app):
    del app
    function = project.function()
    (archive,) = (project.folder / ".chalice" / "deployments").glob("*.zip")
    digest = base64.b64encode(hashlib.sha256(archive.read_bytes()).digest()).decode()
    assert function["CodeSha256"] == digest
    settings = [function[name] for name in ("Handler", "MemorySize", "Timeout", "Runtime")]
    assert settings == ["app.app", 256, 15, f"python3.{sys.version_info.minor}"]
    iam, role = project.cloud.client("iam"), function["Role"].rsplit("/", 1)[-1]
    (name,) = iam.list_role_policies(RoleName=role)["PolicyNames"]
    granted = iam.get_role_policy(RoleName=role, PolicyName=name)["PolicyDocument"]
    assert granted == policy(TABLE)
    assert iam.list_attached_role_policies(RoleName=role)["AttachedPolicies"] == []


def test_an_update_brings_the_secrets(project, app):
    """`lambdatotp deploy`: the same link, the users stay, and no file holds a secret."""
    phone = enrolled(app, "bob")
    manager, store = (project.cloud.client(service) for service in ("secretsmanager", "ssm"))
    made = manager.create_secret(Name="plain", SecretString=TOKEN)
    manager.create_secret(Name="second-factor/dev", SecretString=json.dumps({"token": TOKEN}))
    store.put_parameter(Name="/second-factor/issuer", Value="Renamed", Type="String")
    store.put_parameter(Name="/second-factor/keys", Value=K1, Type="SecureString")
    one = "{{resolve:secretsmanager:second-factor/dev:SecretString:token}}"
    config = project.configure(
        {
            "LAMBDATOTP_API_TOKEN": f"{{{{resolve:secretsmanager:{made['ARN']}}}}}",
            "LAMBDATOTP_VERIFY_TOKEN": f"{one},another-token-here",
            "LAMBDATOTP_ISSUER": "{{resolve:ssm:/second-factor/issuer}}",
            "LAMBDATOTP_KEYS": "{{resolve:ssm-secure:/second-factor/keys:1}}",
        }
    )
    before = config.read_text()
    told = project.lambdatotp("deploy")
    assert project.app(told).url == app.url
    assert project.function()["Environment"]["Variables"] == {
        "LAMBDATOTP_TABLE_NAME": TABLE,
        "LAMBDATOTP_API_TOKEN": TOKEN,
        "LAMBDATOTP_VERIFY_TOKEN": f"{TOKEN},another-token-here",
        "LAMBDATOTP_ISSUER": "Renamed",
        "LAMBDATOTP_KEYS": K1,
    }
    assert config.read_text() == before
    files = [file.read_bytes() for file in project.folder.rglob("*") if file.is_file()]
    assert not any(
        secret.encode() in text for secret in (TOKEN, K1) for text in (*files, told.encode())
    )

    code = phone.now()
    assert app.post("/verify", user="bob", code=code).status == 401
    caller = app.with_token(TOKEN)
    assert caller.post("/verify", user="bob", code=code).json["code_is_valid"] is True
    assert enrolled(caller, "eve").issuer == "Renamed"
    assert caller.call("DELETE", "/eve").status == 204


def test_only_signed_requests_with_iam_authorization(project, app):
    config = project.folder / "chalicelib" / "config.py"
    config.write_text(
        config.read_text().replace("IAM_AUTHORIZATION = False", "IAM_AUTHORIZATION = True")
    )
    project.configure({}, xray=True, reserved_concurrency=50)
    assert project.app(project.chalice("deploy")).url == app.url
    phone = enrolled(Signing(app.url, user(project.cloud, "backend", "execute-api:Invoke")), "kim")
    stranger = Signing(app.url, user(project.cloud, "stranger", "s3:ListAllMyBuckets"))
    for caller in (app, stranger):
        assert caller.post("/verify", user="kim", code=phone.now()).status == 403
    # And what else Chalice was told.
    assert project.function()["TracingConfig"] == {"Mode": "Active"}
    concurrency = project.cloud.client("lambda").get_function_concurrency
    assert concurrency(FunctionName="second-factor-dev")["ReservedConcurrentExecutions"] == 50


def test_what_chalice_leaves_to_the_command_line(project, app):
    """The commands of docs/deploy.md."""
    api = app.url.split("/")[-2]
    project.cloud.run(
        *("aws", "apigateway", "update-stage", "--rest-api-id", api, "--stage-name", "api"),
        *("--patch-operations", "op=replace,path=/*/*/throttling/rateLimit,value=100"),
        "op=replace,path=/*/*/throttling/burstLimit,value=200",
    )
    log = ("--log-group-name", "/aws/lambda/second-factor-dev")
    app.post("/verify", user="nobody", code="000000")  # the first line makes the log
    project.cloud.run("aws", "logs", "put-retention-policy", *log, "--retention-in-days", "90")
    gateway = project.cloud.client("apigateway")
    assert gateway.get_rest_api(restApiId=api)["endpointConfiguration"] == {"types": ["REGIONAL"]}
    limits = gateway.get_stage(restApiId=api, stageName="api")["methodSettings"]["*/*"]
    assert (limits["throttlingRateLimit"], limits["throttlingBurstLimit"]) == (100, 200)
    groups = project.cloud.client("logs").describe_log_groups(logGroupNamePrefix=log[1])
    assert [group["retentionInDays"] for group in groups["logGroups"]] == [90]


class Signing(App):
    """A caller who signs each request with the access key of an IAM user."""

    def __init__(self, url, key):
        super().__init__(url)
        self.key = Credentials(key["AccessKeyId"], key["SecretAccessKey"])

    def call(self, method, path, fields=None, **headers):
        headers["Content-Type"] = "application/json"
        request = AWSRequest(method, f"{self.url}{path}", headers, json.dumps(fields))
        SigV4Auth(self.key, "execute-api", ministack.REGION).add_auth(request)
        return super().call(method, path, fields, **dict(request.headers))


def user(cloud, name, action):
    """Make an IAM user who may do one thing; return an access key."""
    iam = cloud.client("iam")
    iam.create_user(UserName=name)
    allowed = {"Effect": "Allow", "Action": action, "Resource": "*"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [allowed]})
    iam.put_user_policy(UserName=name, PolicyName="may", PolicyDocument=document)
    return iam.create_access_key(UserName=name)["AccessKey"]


def test_the_proxy_leaves_nothing_out(cloud):
    document = {"info": {"title": "api"}, "paths": {}, "x-amazon-apigateway-policy": {}}
    document["x-amazon-apigateway-binary-media-types"] = []
    with importing(cloud.url, cloud.client) as url:
        gateway = cloud.client("apigateway", url)
        with pytest.raises(ClientError, match="apigateway-policy'] would be left out"):
            gateway.import_rest_api(
                body=json.dumps(document), parameters={"endpointConfigurationTypes": "REGIONAL"}
            )


def test_what_is_deleted_is_not_the_table(project, app):
    """The last of them."""
    project.chalice("delete")
    assert app.post("/verify", user="ana", code="000000").status in {403, 404}
    with pytest.raises(ClientError, match="ResourceNotFound"):
        project.function()
    with pytest.raises(ClientError, match="NoSuchEntity"):
        project.cloud.client("iam").get_role(RoleName="second-factor-dev-api_handler")
    table = project.cloud.client("dynamodb").describe_table(TableName=TABLE)["Table"]
    assert table["TableStatus"] == "ACTIVE"
