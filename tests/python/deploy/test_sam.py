"""The plain handler, deployed by examples/sam/template.yaml to an AWS on this machine."""

from __future__ import annotations

import shutil
import sys
import zipfile

import pytest

from tests.python.support import ROOT
from tests.python.support.codes import code_of
from tests.python.support.phone import Answer, Phone
from tools import ministack

pytestmark = pytest.mark.shipped

PASSWORD = "correct-Horse-battery-9"


@pytest.fixture(scope="module")
def pool(cloud):
    """Who checks the password: a user pool of Cognito with one user, and its app client."""
    cognito = cloud.client("cognito-idp")
    pool = cognito.create_user_pool(PoolName="users")["UserPool"]["Id"]
    client = cognito.create_user_pool_client(
        UserPoolId=pool, ClientName="web", ExplicitAuthFlows=["ALLOW_ADMIN_USER_PASSWORD_AUTH"]
    )["UserPoolClient"]["ClientId"]
    cognito.admin_create_user(UserPoolId=pool, Username="ana", MessageAction="SUPPRESS")
    cognito.admin_set_user_password(
        UserPoolId=pool, Username="ana", Password=PASSWORD, Permanent=True
    )
    return pool, client


@pytest.fixture(scope="module")
def outputs(cloud, pool, tmp_path_factory):
    """The stack: its zip holds what vendor/ does, and the handler."""
    folder = tmp_path_factory.mktemp("sam") / "clone"
    (folder / "examples" / "sam").mkdir(parents=True)
    (folder / "out").mkdir()
    template = folder / "examples" / "sam" / "template.yaml"
    shutil.copy(ROOT / "examples" / "sam" / "template.yaml", template)
    with zipfile.ZipFile(folder / "out" / "function.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.write(ROOT / "examples" / "lambda_handler.py", "lambda_handler.py")
        for file in (ROOT / "vendor").rglob("*"):
            archive.write(file, file.relative_to(ROOT / "vendor"))
    name, client = pool
    return cloud.deploy(
        template,
        "second-factor",
        TableName="plain_users",
        Runtime=f"python{sys.version_info.major}.{sys.version_info.minor}",
        SessionKey="a long and random text of this stack",
        JwtIssuer=f"https://cognito-idp.{ministack.REGION}.amazonaws.com/{name}",
        JwtAudience=client,
    )


@pytest.fixture
def token(cloud, pool):
    """What Cognito gives ana for her password."""
    name, client = pool
    signed_in = cloud.client("cognito-idp").admin_initiate_auth(
        UserPoolId=name,
        ClientId=client,
        AuthFlow="ADMIN_USER_PASSWORD_AUTH",
        AuthParameters={"USERNAME": "ana", "PASSWORD": PASSWORD},
    )
    return signed_in["AuthenticationResult"]["IdToken"]


def test_behind_the_http_api(cloud, outputs, token):
    """The JWT authorizer lets in who has the password; its claims name the user."""
    api = outputs["ApiUrl"].split("//")[1].split(".")[0]
    anybody = cloud.app(api)
    assert anybody.post("/second-factor").status == 401
    assert anybody.with_token("no.such.token").post("/second-factor").status == 401
    ana = anybody.with_token(token)
    shown = ana.post("/second-factor")
    assert shown.status == 201, shown.text
    phone = Phone(Answer(*shown))
    code = code_of(phone)
    passed = ana.post("/second-factor/code", code=code)
    assert passed.status == 200
    assert passed.headers["Set-Cookie"].startswith("__Host-second-factor=")
    assert ana.post("/second-factor/code", code=code).status == 401
    # Of a request, the emulator hands no `cookies` on: what they are good for is tested elsewhere.
    assert ana.call("GET", "/").json["passed"] is False


def test_its_alarms_its_log_and_its_table(cloud, outputs):
    name = outputs["FunctionName"]
    found = cloud.client("cloudwatch").describe_alarms(AlarmNamePrefix="second-factor-")
    metrics = {alarm["MetricName"] for alarm in found["MetricAlarms"]}
    assert metrics == {"NoVerdict", "Errors", "Throttles"}
    logs = cloud.client("logs")
    (group,) = logs.describe_log_groups(logGroupNamePrefix=f"/aws/lambda/{name}")["logGroups"]
    assert group["retentionInDays"] == 90
    (filter_,) = logs.describe_metric_filters(logGroupName=group["logGroupName"])["metricFilters"]
    assert filter_["metricTransformations"][0]["metricName"] == "NoVerdict"
    assert outputs["UsersTableName"] == "plain_users"
