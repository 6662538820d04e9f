"""The recipe that tells users what happened: the app's own lines, and an AWS on this machine.

MiniStack takes the lines as CloudWatch Logs does, hands them to the deployed functions, and
keeps the mails that they send by SES.
"""

from __future__ import annotations

import base64
import gzip
import importlib
import json
import re
import shutil
import subprocess
import sys
import time
import urllib.request
import uuid
from types import SimpleNamespace

import pyotp
import pytest
from botocore.exceptions import ClientError
from cfnlint.decode import decode

from tests.python.support import ROOT
from tests.python.support.cloud import Cloud
from tests.python.support.codes import LEGACY
from tests.python.support.phone import EXAMPLES, load
from tools import ministack
from tools.lambda_runtime import proxy_event

TEMPLATE = EXAMPLES / "notify" / "template.yaml"
LOG_GROUP = "/aws/lambda/lambdatotp-dev"
SENDER = "security@example.com"
TOKEN = "t0ken-of-an-operator"
WAIT_SECONDS = 120
NEWS = {
    "registered": "ana@example.com",
    "recovered": "ana@example.com",
    "rotated": "ana@example.com",
    "confirmed": "ana@example.com",
    "recovery_codes": "ana@example.com",
    "throttled": "ana@example.com",
    "unlocked": "ana@example.com",
    "locked": "bob@example.com",
    "deleted": "ana@example.com",
}


@pytest.fixture
def recipe(monkeypatch):
    monkeypatch.setenv("AWS_DEFAULT_REGION", ministack.REGION)
    monkeypatch.delenv("USER_IDS", raising=False)
    return load("notify/notify")


@pytest.fixture
def lived(load_app, make_engine, capfd):
    """What the app writes in the life of ana, and everything that must be in no event."""
    engine = make_engine("memory")
    load_app(
        **engine.environment(),
        LAMBDATOTP_AUDIT="on",
        LAMBDATOTP_API_TOKEN=TOKEN,
        LAMBDATOTP_BURST="4",
        LAMBDATOTP_REFILL="2592000",
    )
    app = importlib.import_module("app").app
    headers = {"Content-Type": "application/json", "Authorization": f"Bearer {TOKEN}"}

    def call(method, path, user="ana@example.com", resource=None, **fields):
        body = json.dumps({"user": user, **fields})
        event = proxy_event(method, path, resource=resource, headers=headers, body=body)
        reply = app(event, SimpleNamespace(aws_request_id=str(uuid.uuid4())))
        return json.loads(reply["body"] or "null")

    shown = call("POST", "/", recovery_codes=3, account_name="Ana")
    code, recovery = pyotp.parse_uri(shown["qr_code"]).now(), shown["recovery_codes"][0]
    call("POST", "/verify", code=code)
    call("POST", "/verify", code=code)
    call("POST", "/verify", code=recovery)
    pending = call("POST", "/rotate")
    moved = pyotp.parse_uri(pending["qr_code"]).now()
    call("POST", "/confirm", code=moved)
    fresh = call("POST", "/recovery_codes")["recovery_codes"]
    for _ in range(5):
        call("POST", "/verify", code="000000")
    call("POST", "/unlock")
    call("POST", "/status")
    engine.put("bob@example.com", secret=LEGACY, misses=100)
    call("POST", "/verify", "bob@example.com", code="000000")
    call("POST", "/verify", "nobody@example.com", code="000000")
    call("DELETE", "/ana@example.com", resource="/{user_id}")
    lines = capfd.readouterr().out.splitlines()
    secrets = [pyotp.parse_uri(uri["qr_code"]).secret for uri in (shown, pending)]
    return lines, [code, moved, *shown["recovery_codes"], *fresh, *secrets, TOKEN, LEGACY]


def payload(*lines, kind="DATA_MESSAGE"):
    """What CloudWatch Logs calls a function with.

    https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/SubscriptionFilters.html
    """
    data = {
        "messageType": kind,
        "owner": "123456789012",
        "logGroup": LOG_GROUP,
        "logStream": "2026/11/26/[$LATEST]0123456789abcdef0123456789abcdef",
        "subscriptionFilters": ["Lines"],
        "logEvents": [
            {"id": f"{number:056}", "timestamp": 1_440_442_987_000, "message": line}
            for number, line in enumerate(lines)
        ],
    }
    packed = gzip.compress(json.dumps(data).encode())
    return {"awslogs": {"data": base64.b64encode(packed).decode()}}


def entries(recipe, lines):
    found = (recipe.news(line, "1") for line in lines)
    return [entry for entry in found if entry]


class TestNews:
    def test_what_concerns_a_user_is_an_event(self, recipe, lived):
        lines, hidden = lived
        made = entries(recipe, lines)
        told = {entry["DetailType"]: json.loads(entry["Detail"]) for entry in made}
        assert {name: detail["user"] for name, detail in told.items()} == NEWS
        assert set(NEWS) == recipe.NEWS
        assert told["recovered"]["recovery_codes_left"] == 2
        for detail in told.values():
            assert set(detail) == {"user", "request_id", "recovery_codes_left"}
        requests = {detail["request_id"] for detail in told.values()}
        assert requests <= {json.loads(line)["RequestId"] for line in lines}
        assert len(requests) == len(NEWS)
        assert all(abs(entry["Time"].timestamp() - time.time()) < 60 for entry in made)
        for secret in hidden:
            assert secret not in str(made)

    def test_an_event_holds_what_is_named_and_no_more(self, recipe, lived):
        """Should a line hold a code one day, it stays in the log."""
        lines, _ = lived
        line = {**json.loads(lines[0]), "Code": "123456", "Item": {"secret": "JBSW"}}
        (made,) = entries(recipe, [json.dumps(line)])
        assert "123456" not in str(made)
        assert "JBSW" not in str(made)

    @pytest.mark.parametrize(
        "message",
        [
            "CWL CONTROL MESSAGE: Checking health of destination Lambda.",
            "START RequestId: 6bc28136-xmpl-4365-b021-0ce6b2e64ab0 Version: $LATEST",
            "",
            "[]",
            "null",
            '"locked"',
            '{"Outcome": "locked"}',
            '{"Outcome": "locked", "User": "ana", "RequestId": "1"}',
        ],
    )
    def test_other_lines_are_nothing(self, recipe, message):
        assert recipe.news(message, "1") is None

    def test_nothing_of_it_is_sent(self, recipe, monkeypatch, lived):
        """Nor is AWS called at all: neither for logins nor for a check of CloudWatch's."""
        monkeypatch.setattr(recipe, "client", None)
        everyday = [line for line in lived[0] if json.loads(line)["Outcome"] not in NEWS]
        seen = {json.loads(line)["Outcome"] for line in everyday}
        assert seen == {"accepted", "replayed", "rejected", "looked_up", "not_found"}
        recipe.tell(payload(*everyday), None)
        recipe.tell(payload("CWL CONTROL MESSAGE: ...", kind="CONTROL_MESSAGE"), None)


class TestAddress:
    def test_an_id_is_a_guess(self, recipe):
        assert recipe.address("ana@example.com") is None

    @pytest.mark.parametrize(
        ("user", "to"),
        [
            ("ana@example.com", "ana@example.com"),
            ("4711", None),
            ("ana@example.com, eve@example.com", None),
            ("ana@example.com,eve@example.com", None),
            ("Ana <ana@example.com>", None),
        ],
    )
    def test_verified_ids(self, recipe, monkeypatch, user, to):
        monkeypatch.setenv("USER_IDS", "verified-addresses")
        assert recipe.address(user) == to


def test_it_shows_what_a_line_becomes():
    done = subprocess.run(
        [sys.executable, EXAMPLES / "notify" / "notify.py"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert '"DetailType": "recovered"' in done.stdout
    assert "left: 2. Make new ones now." in done.stdout


class TestTemplate:
    def test_it_holds_for_cloudformation(self):
        lint = shutil.which("cfn-lint", path=str(ROOT / ".venv" / "bin")) or "cfn-lint"
        done = subprocess.run([lint, TEMPLATE], capture_output=True, text=True, check=False)
        assert (done.returncode, done.stdout) == (0, "")

    def test_it_hands_on_what_the_functions_know(self, recipe):
        template, problems = decode(str(TEMPLATE))
        assert problems == []
        lines, news = (
            event["Properties"]
            for name in ("Tell", "Mail")
            for event in template["Resources"][name]["Properties"]["Events"].values()
        )
        assert set(re.findall(r'\(\$\.Outcome = "(\w+)"\)', lines["FilterPattern"])) == recipe.NEWS
        assert len(lines["FilterPattern"]) <= 1024  # as AWS allows
        assert set(news["Pattern"]["detail-type"]) == set(recipe.MAILS)
        assert recipe.NEWS - set(recipe.MAILS) == {"rotated"}


@pytest.fixture(scope="module")
def stack(tmp_path_factory):
    """The template, deployed for an app whose user ids are verified addresses."""
    scratch = tmp_path_factory.mktemp("cloud")
    folder = scratch / "notify"
    shutil.copytree(EXAMPLES / "notify", folder)
    template = folder / "template.yaml"
    # Functions start all at once here, on a machine that does other things.
    template.write_text(template.read_text().replace("Timeout: 20", "Timeout: 120"))
    with (scratch / "log").open("wb") as log, ministack.running(log.fileno()) as url:
        cloud = Cloud(url, scratch)
        cloud.client("logs").create_log_group(logGroupName=LOG_GROUP)
        cloud.client("logs").create_log_stream(logGroupName=LOG_GROUP, logStreamName="one")
        cloud.client("sesv2").create_email_identity(EmailIdentity=SENDER)
        given = {"LogGroup": LOG_GROUP, "MailFrom": SENDER, "UserIds": "verified-addresses"}
        made = cloud.deploy(template, "notify", **given)
        # MiniStack knows neither the resource of a mail nor the condition `ses:FromAddress`.
        functions, iam = cloud.client("lambda"), cloud.client("iam")
        config = functions.get_function(FunctionName=made["MailFunction"])["Configuration"]
        send = {"Effect": "Allow", "Action": "ses:SendEmail", "Resource": "*"}
        iam.put_role_policy(
            RoleName=config["Role"].rpartition("/")[2],
            PolicyName="MiniStack",
            PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [send]}),
        )
        yield SimpleNamespace(cloud=cloud, **made)


def mails(stack, to):
    with urllib.request.urlopen(f"{stack.cloud.url}/_ministack/ses/messages") as reply:
        sent = [mail for mails in json.load(reply)["messages"].values() for mail in mails]
    return [mail for mail in sent if mail["To"] == [to]]


def received(stack, queue, number):
    """Take as many messages out of a queue."""
    queues, found = stack.cloud.client("sqs"), []
    until = time.monotonic() + WAIT_SECONDS
    while len(found) < number and time.monotonic() < until:
        some = queues.receive_message(QueueUrl=queue, MaxNumberOfMessages=10, WaitTimeSeconds=5)
        for message in some.get("Messages", []):
            queues.delete_message(QueueUrl=queue, ReceiptHandle=message["ReceiptHandle"])
            found.append(json.loads(message["Body"]))
    assert len(found) == number
    return found


@pytest.fixture
def seen(stack):
    """Another rule on the bus, whose target is a queue: take so many events out of it."""
    queues, events = stack.cloud.client("sqs"), stack.cloud.client("events")
    queue = queues.create_queue(QueueName="seen")["QueueUrl"]
    about = queues.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])
    pattern = json.dumps({"source": ["lambdatotp"]})
    events.put_rule(Name="seen", EventBusName=stack.BusName, EventPattern=pattern)
    targets = [{"Id": "seen", "Arn": about["Attributes"]["QueueArn"]}]
    events.put_targets(Rule="seen", EventBusName=stack.BusName, Targets=targets)
    return lambda number: received(stack, queue, number)


@pytest.fixture
def deployed(stack, recipe, monkeypatch):
    """The functions, called here, with the table, the bus and the mail of the stack."""
    for name, value in stack.cloud.environment().items():
        monkeypatch.setenv(name, value)
    # Without the credentials that another test's client left there.
    monkeypatch.setattr("boto3.DEFAULT_SESSION", None)
    monkeypatch.setenv("BUS", stack.BusName)
    monkeypatch.setenv("TOLD", stack.ToldTable)
    monkeypatch.setenv("MAIL_FROM", SENDER)
    monkeypatch.setenv("USER_IDS", "verified-addresses")
    return recipe


def happened(outcome, user, request_id="1", left=None):
    """An event as EventBridge hands it on."""
    return {
        "version": "0",
        "id": str(uuid.uuid4()),
        "detail-type": outcome,
        "source": "lambdatotp",
        "account": "123456789012",
        "time": "2026-11-26T16:30:00Z",
        "region": ministack.REGION,
        "resources": [],
        "detail": {"user": user, "request_id": request_id, "recovery_codes_left": left},
    }


@pytest.mark.local
class TestDeployed:
    def test_from_a_login_to_a_mail(self, stack, lived):
        """Each step by the deployed functions, with the rights of their roles."""
        lines, hidden = lived
        logs = stack.cloud.client("logs")
        (made,) = logs.describe_subscription_filters(logGroupName=LOG_GROUP)["subscriptionFilters"]
        # MiniStack knows no patterns of JSON: it hands every audit line on.
        logs.put_subscription_filter(
            logGroupName=LOG_GROUP,
            filterName=made["filterName"],
            filterPattern="CloudWatchMetrics",
            destinationArn=made["destinationArn"],
        )
        logs.put_log_events(
            logGroupName=LOG_GROUP,
            logStreamName="one",
            logEvents=[{"timestamp": int(time.time() * 1000), "message": line} for line in lines],
        )
        wanted = {outcome for outcome in NEWS if outcome != "rotated"}
        until = time.monotonic() + WAIT_SECONDS
        while True:
            sent = mails(stack, "ana@example.com") + mails(stack, "bob@example.com")
            if len(sent) >= len(wanted):
                break
            assert time.monotonic() < until, "\n".join(stack.cloud.log(stack.MailFunction))
            time.sleep(0.1)  # nothing announces a mail
        about = {mail["Subject"]: mail for mail in sent}
        subjects = load("notify/notify").MAILS
        assert set(about) == {subjects[outcome] for outcome in wanted}
        assert len(sent) == len(wanted)
        recovered = about[subjects["recovered"]]
        assert (recovered["Source"], recovered["To"]) == (SENDER, ["ana@example.com"])
        assert "left: 2. Make new ones now." in recovered["BodyText"]
        assert about[subjects["locked"]]["To"] == ["bob@example.com"]
        for secret in hidden:
            assert secret not in json.dumps(sent)

    def test_what_is_delivered_twice_is_mailed_once(self, stack, deployed):
        for _ in range(2):
            deployed.mail(happened("recovered", "twice@example.com", left=7), None)
        (sent,) = mails(stack, "twice@example.com")
        assert "left: 7.\n" in sent["BodyText"]
        deployed.mail(happened("recovered", "twice@example.com", "2", left=6), None)
        assert len(mails(stack, "twice@example.com")) == 2

    def test_attempts_at_a_locked_user_are_one_mail_a_day(self, stack, deployed):
        for request_id in "123":
            deployed.mail(happened("locked", "often@example.com", request_id), None)
        assert len(mails(stack, "often@example.com")) == 1
        table = stack.cloud.client("dynamodb")
        key = {"mail": {"S": "locked often@example.com"}}
        mark = table.get_item(TableName=stack.ToldTable, Key=key)["Item"]
        assert 86_000 < int(mark["expires_at"]["N"]) - time.time() <= 86_400
        yesterday = {**mark, "expires_at": {"N": str(int(time.time()) - 1)}}
        table.put_item(TableName=stack.ToldTable, Item=yesterday)
        deployed.mail(happened("locked", "often@example.com", "4"), None)
        assert len(mails(stack, "often@example.com")) == 2

    @pytest.mark.parametrize("outcome", ["accepted", "rotated", "rejected", "of tomorrow"])
    def test_an_outcome_without_words_is_not_mailed(self, stack, deployed, outcome):
        deployed.mail(happened(outcome, "quiet@example.com"), None)
        assert mails(stack, "quiet@example.com") == []

    def test_nobody_is_written_to_on_a_guess(self, stack, deployed, monkeypatch, capfd):
        monkeypatch.delenv("USER_IDS")
        deployed.mail(happened("locked", "guess@example.com", "r-1"), None)
        assert mails(stack, "guess@example.com") == []
        assert capfd.readouterr().out == "no mail: no verified address (request r-1)\n"

    def test_a_mail_that_fails_is_sent_by_the_next_try(self, stack, deployed, monkeypatch):
        """Lambda tries again a minute later, after the lease."""
        locked = happened("locked", "later@example.com")
        monkeypatch.setattr(deployed, "LEASE", -1)
        monkeypatch.setenv("MAIL_FROM", "not-verified@example.com")
        for _ in range(2):
            with pytest.raises(ClientError, match="MessageRejected"):
                deployed.mail(locked, None)
        monkeypatch.setenv("MAIL_FROM", SENDER)
        deployed.mail(locked, None)
        assert len(mails(stack, "later@example.com")) == 1

    def test_many_lines_are_as_many_events(self, deployed, lived, seen):
        """EventBridge takes ten at once."""
        (line,) = [line for line in lived[0] if json.loads(line)["Outcome"] == "rotated"]
        deployed.tell(payload(*[line] * 23), None)
        told = seen(23)
        assert {event["detail-type"] for event in told} == {"rotated"}
        assert {event["detail"]["user"] for event in told} == {"ana@example.com"}

    def test_what_eventbridge_does_not_take_is_tried_again(self, deployed, lived, monkeypatch):
        monkeypatch.setenv("BUS", "arn:aws:events:eu-west-1:123456789012:rule/no-bus")
        with pytest.raises(RuntimeError, match=r"EventBridge did not take 1: \{'\w+'\}") as raised:
            deployed.tell(payload(lived[0][0]), None)
        assert "ana" not in str(raised.value)

    def test_what_failed_for_good_is_kept(self, stack):
        functions = stack.cloud.client("lambda")
        for name in (stack.TellFunction, stack.MailFunction):
            latest = {"FunctionName": name, "Qualifier": "$LATEST"}
            config = functions.get_function_event_invoke_config(**latest)
            # As deployed, but for the minutes between two tries.
            functions.put_function_event_invoke_config(
                **latest, DestinationConfig=config["DestinationConfig"], MaximumRetryAttempts=0
            )
            lost = {"lost by": name}
            functions.invoke(
                FunctionName=name, InvocationType="Event", Payload=json.dumps(lost).encode()
            )
            (kept,) = received(stack, stack.UntoldQueue, 1)
            assert kept["requestPayload"] == lost
