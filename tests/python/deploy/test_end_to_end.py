"""The app deployed to an AWS on this machine, as docs/deploy.md says, and called over HTTP.

MiniStack runs it from the zip, as a process with the credentials of its role, and asks the
role's policy for every request to DynamoDB. Needs vendor/: `make test-lambda` fills it.
"""

from __future__ import annotations

import json
from contextlib import contextmanager
from datetime import datetime, timezone
from urllib.parse import quote

import pyotp
import pytest
from botocore.exceptions import ClientError

from tests.python.support.cloud import configure, copy_of_the_project

pytestmark = pytest.mark.shipped

TOKENS = {
    name: f"a-long-token-for-{name.lower()}" for name in ("API", "VERIFY", "ENROLL", "SUPPORT")
}
VARIABLES = {f"LAMBDATOTP_{name}_TOKEN": token for name, token in TOKENS.items()}


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    """A clone with two stages."""
    return copy_of_the_project(tmp_path_factory.mktemp("project") / "clone")


@pytest.fixture(scope="module")
def dev(cloud, project):
    """Stage dev, with a table that `lambdatotp create-table` has made, and a token of each kind."""
    table = {"LAMBDATOTP_TABLE_NAME": "dev_users"}
    made = json.loads(cloud.lambdatotp("create-table", "--json", **table))
    assert made["table dev_users"] == "created"
    configure(project, "dev", **table, **VARIABLES)
    outputs = cloud.deploy(cloud.package(project), "lambdatotp-dev")
    return cloud.app(outputs["RestAPIId"], "api", TOKENS["API"]), outputs


@pytest.fixture(scope="module")
def prod(cloud, project):
    """Stage prod, whose stack makes its table."""
    configure(project, "prod", LAMBDATOTP_ISSUER="Prod")
    template = cloud.package(project, "prod", ".chalice/table.json")
    outputs = cloud.deploy(template, "lambdatotp-prod", TableName="prod_users")
    return cloud.app(outputs["RestAPIId"], "api"), outputs


def phone(shown):
    """The authenticator that scans what a registration or a rotation shows."""
    assert shown.status == 201, shown.text
    return pyotp.parse_uri(shown.json["qr_code"])


def item(cloud, table, user):
    """What is in a table of a user."""
    key = {"user_id": {"S": user}}
    return cloud.client("dynamodb").get_item(TableName=table, Key=key).get("Item")


def test_a_login_from_the_first_scan_to_a_new_phone(dev):
    app, _ = dev
    old = phone(app.post("/", user="ana"))
    assert app.post("/", user="ana").status == 409
    code = old.now()
    told = [app.post("/verify", user="ana", code=code) for _ in range(2)]
    assert [answer.json["code_is_valid"] for answer in told] == [True, False]
    assert app.call("GET", "/verify?user=ana&code=000000").json["code_is_valid"] is False
    new = phone(app.post("/rotate", user="ana"))
    assert app.post("/confirm", user="ana", code=new.now()).json["code_is_valid"] is True
    # A code of the next step, which nobody has used.
    late = old.generate_otp(old.timecode(datetime.now(tz=timezone.utc)) + 1)
    assert app.post("/verify", user="ana", code=late).json["code_is_valid"] is False
    assert app.call("DELETE", "/ana").status == 204
    assert app.call("DELETE", "/ana").status == 404


def test_a_user_id_comes_through_the_gateway_as_it_is(dev):
    app, _ = dev
    user = "ána b+c@example.com"
    assert app.post("/", user=user).json["user_id"] == user
    assert app.call("DELETE", f"/{quote(user, safe='')}").status == 204


@pytest.mark.parametrize(
    ("kind", "may"),
    [
        ("VERIFY", {"/verify"}),
        ("ENROLL", {"/", "/verify", "/rotate", "/confirm"}),
        ("SUPPORT", {"/status", "/unlock", "/recovery_codes"}),
        ("API", {"/", "/verify", "/rotate", "/confirm", "/status", "/unlock", "/recovery_codes"}),
    ],
)
def test_each_token_may_do_its_own(dev, kind, may):
    app = dev[0].with_token(TOKENS[kind])
    paths = ("/", "/verify", "/rotate", "/confirm", "/status", "/unlock", "/recovery_codes")
    # Nobody of that name: what a token lets through is refused for another reason.
    asked = {path: app.post(path, user="\x00", code="000000").status for path in paths}
    assert {path for path, status in asked.items() if status not in {401, 403}} == may
    assert set(asked.values()) <= {400, 404, 403}
    assert dev[0].with_token("not-a-token-of-anybody").post("/verify", user="x").status == 401


def test_the_doctor_finds_nothing_to_complain_of(cloud, dev):
    app, _ = dev
    table = {"LAMBDATOTP_TABLE_NAME": "dev_users"}
    told = json.loads(
        cloud.lambdatotp("doctor", "--json", "--url", app.url, "--token", app.token, **table)
    )
    assert [finding for finding in told if finding["state"] == "failure"] == []


def test_the_role_may_do_what_is_needed_and_nothing_can_be_left_out(cloud, dev):
    """Without any one action of the policy, some route has no verdict, and the log says why."""
    app, outputs = dev
    code = phone(app.post("/", user="eve")).now()
    needs = {
        "dynamodb:PutItem": lambda: app.post("/", user="other"),
        "dynamodb:UpdateItem": lambda: app.post("/verify", user="eve", code=code),
        "dynamodb:GetItem": lambda: app.call("DELETE", "/eve"),
    }
    with policy_of(cloud, outputs) as (document, put):
        _, table = document["Statement"]
        assert set(table["Action"]) == set(needs)
        assert table["Resource"].endswith(":table/dev_users")
        for action, ask in needs.items():
            put({**table, "Action": [other for other in table["Action"] if other != action]})
            told = ask()
            assert (told.status, told.headers["Retry-After"]) == (503, "2"), action
            refused = f"is not authorized to perform: {action}"
            assert refused in "\n".join(cloud.log(outputs["APIHandlerName"]))
        put({**table, "Resource": table["Resource"].replace("dev_users", "prod_users")})
        assert needs["dynamodb:PutItem"]().status == 503
    assert needs["dynamodb:UpdateItem"]().json["code_is_valid"] is True
    assert needs["dynamodb:GetItem"]().status == 204


@contextmanager
def policy_of(cloud, outputs):
    """What the function's role may do, and a way to change it for a while."""
    function = cloud.client("lambda").get_function_configuration(
        FunctionName=outputs["APIHandlerName"]
    )
    iam, role = cloud.client("iam"), function["Role"].rsplit("/", 1)[1]
    (name,) = iam.list_role_policies(RoleName=role)["PolicyNames"]
    document = iam.get_role_policy(RoleName=role, PolicyName=name)["PolicyDocument"]
    logs, _ = document["Statement"]

    def put(table):
        changed = {**document, "Statement": [logs, table]}
        iam.put_role_policy(RoleName=role, PolicyName=name, PolicyDocument=json.dumps(changed))

    try:
        yield document, put
    finally:
        put(document["Statement"][1])


def test_two_stages_share_nothing(cloud, dev, prod):
    (here, _), (there, outputs) = dev, prod
    assert outputs["UsersTableName"] == "prod_users"
    assert phone(here.post("/", user="two")).issuer == "MyApp"
    assert there.post("/verify", user="two", code="000000").status == 404
    assert phone(there.post("/", user="two")).issuer == "Prod"
    for table in ("dev_users", "prod_users"):
        assert item(cloud, table, "two")


def test_an_update_keeps_the_users(cloud, project, prod):
    app, before = prod
    before_it = phone(app.post("/", user="stays"))
    configure(project, "prod", LAMBDATOTP_ISSUER="Renamed", LAMBDATOTP_API_TOKEN=TOKENS["API"])
    outputs = operated(cloud, project)
    assert outputs["RestAPIId"] == before["RestAPIId"]
    assert app.post("/verify", user="stays", code=before_it.now()).status == 401
    renamed = app.with_token(TOKENS["API"])
    told = renamed.post("/verify", user="stays", code=before_it.now())
    assert told.json["code_is_valid"] is True
    assert phone(renamed.post("/", user="new")).issuer == "Renamed"


def test_what_operators_expect_is_there(cloud, project, prod):
    """After the same update: what .chalice/operations.yaml adds."""
    app, outputs = prod
    topic = cloud.client("sns").create_topic(Name="on-call")["TopicArn"]
    operated(cloud, project, AlarmTopic=topic, Tracing="Active", RequestsPerSecond="7")
    assert app.post("/verify", user="nobody", code="000000").status in {401, 404}

    api, name = outputs["RestAPIId"], outputs["APIHandlerName"]
    gateway = cloud.client("apigateway")
    stage = gateway.get_stage(restApiId=api, stageName="api")
    assert stage["tracingEnabled"] is True
    limits = stage["methodSettings"]["*/*"]
    assert (limits["throttlingRateLimit"], limits["throttlingBurstLimit"]) == (7, 200)
    function = cloud.client("lambda").get_function_configuration(FunctionName=name)
    assert function["TracingConfig"] == {"Mode": "Active"}
    (group,) = cloud.client("logs").describe_log_groups(logGroupNamePrefix=f"/aws/lambda/{name}")[
        "logGroups"
    ]
    assert group["retentionInDays"] == 90

    watch = cloud.client("cloudwatch")
    alarms = [alarm for alarm in watch.describe_alarms()["MetricAlarms"] if name in str(alarm)]
    assert len(alarms) == 15
    assert all(alarm["AlarmActions"] == [topic] for alarm in alarms)
    told = [json.loads(line) for line in cloud.log(name) if line.startswith('{"_aws"')]
    counted = [alarm for alarm in alarms if alarm["Namespace"] == "lambdatotp"]
    for alarm in counted:
        assert counts(told[-1], alarm), alarm
    outcomes = {dimension["Value"] for alarm in counted for dimension in alarm["Dimensions"]}
    assert outcomes - {name} == WATCHED
    body = watch.get_dashboard(DashboardName="lambdatotp-prod")["DashboardBody"]
    assert len(json.loads(body)["widgets"]) == 5
    assert name in body


# docs/operations.md, "What to watch".
WATCHED = {
    "unavailable",
    "unauthorized",
    "forbidden",
    "throttled",
    "locked",
    "rejected",
    "accepted",
    "replayed",
    "deleted",
    "unlocked",
    "looked_up",
    "recovery_codes",
}


def counts(line, alarm):
    """Tell whether CloudWatch would count such a line, but for its outcome, for an alarm."""
    (metrics,) = line["_aws"]["CloudWatchMetrics"]
    wanted = {dimension["Name"]: dimension["Value"] for dimension in alarm["Dimensions"]}
    return (
        metrics["Namespace"] == alarm["Namespace"]
        and alarm["MetricName"] in {metric["Name"] for metric in metrics["Metrics"]}
        and alarm["MetricName"] in line
        and set(wanted) in [set(dimensions) for dimensions in metrics["Dimensions"]]
        and {**wanted, "Outcome": line["Outcome"]}
        == {dimension: line[dimension] for dimension in wanted}
    )


def operated(cloud, project, **parameters):
    """Deploy stage prod with what operators expect."""
    template = cloud.package(project, "prod", ".chalice/operations.yaml")
    return cloud.deploy(template, "lambdatotp-prod", TableName="prod_users", **parameters)


def test_what_is_deleted_is_not_the_table(cloud, prod):
    """The last of the tests of this stack. Its table is protected, too: by hand it goes last."""
    app, outputs = prod
    formation = cloud.client("cloudformation")
    formation.delete_stack(StackName="lambdatotp-prod")
    waiter = formation.get_waiter("stack_delete_complete")
    waiter.wait(StackName="lambdatotp-prod", WaiterConfig={"Delay": 1})
    assert app.post("/verify", user="stays", code="000000").status in {403, 404}
    with pytest.raises(ClientError, match="ResourceNotFound"):
        cloud.client("lambda").get_function(FunctionName=outputs["APIHandlerName"])
    assert item(cloud, "prod_users", "stays")
    with pytest.raises(ClientError, match=r"(?i)protect"):
        cloud.client("dynamodb").delete_table(TableName="prod_users")
