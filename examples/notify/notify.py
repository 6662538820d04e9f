r"""Tell users what happened to their second factor: from the log to EventBridge, and to a mail.

    python examples/notify/notify.py

shows the event and the mail that a line of the log becomes. template.yaml deploys both
functions beside the app. Nothing of it is on the path of a login: CloudWatch hands the app's
audit lines over later, and a mail that fails is tried again, and delays nobody.

    aws cloudformation package --template-file examples/notify/template.yaml \
        --s3-bucket my-bucket --output-template-file out/notify.yaml
    aws cloudformation deploy --template-file out/notify.yaml --stack-name lambdatotp-notify \
        --capabilities CAPABILITY_IAM --parameter-overrides \
        LogGroup=/aws/lambda/lambdatotp-dev MailFrom=security@example.com

For production: replace `address`, and say in CONTACT whom a user turns to. MAIL_FROM must be
verified in SES, and SES out of its sandbox.
"""

import base64
import gzip
import json
import os
import time
from contextlib import suppress
from datetime import datetime, timezone
from email.utils import parseaddr
from functools import cache
from typing import Any

import boto3
from botocore.exceptions import ClientError

# What is mailed. The words are for the user, who may not have done it.
MAILS = {
    "registered": "A second factor is being set up for your account",
    "confirmed": "Your second factor has moved to another phone",
    "recovered": "A recovery code was used to log in to your account",
    "recovery_codes": "New recovery codes were made, and the old ones are invalid",
    "throttled": "Too many wrong codes: somebody may know your password",
    "locked": "Your second factor is locked after too many wrong codes",
    "unlocked": "Your second factor was unlocked",
    "deleted": "The second factor was removed from your account",
}
# What becomes an event: a change of phone that has only begun, too. Its end is mailed.
NEWS = {*MAILS, "rotated"}
# Every attempt at a locked user is an event. One mail a day is enough.
ONCE_A_DAY = {"throttled", "locked"}
FEW = 2  # as `lambdatotp list --low-codes`
DAY = 24 * 3600
LEASE = 45  # seconds: longer than a run, shorter than Lambda waits before it tries again

Event = dict[str, Any]


@cache
def client(service: str) -> Any:  # noqa: ANN401 - boto3 has no types
    """Connect to a service of AWS once, not in each run."""
    return boto3.client(service)


def address(user: str) -> str | None:
    """Return where to write to a user, or None: then there is no mail. Yours to replace.

    Ask the database of your users, and take an address that its owner has proven. An id that
    looks like an address may be anybody's, so ids are addresses only if USER_IDS says that you
    have verified them all.
    """
    if os.environ.get("USER_IDS") != "verified-addresses":
        return None
    return user if "@" in user and parseaddr(user) == ("", user) else None


def tell(event: Event, _context: object) -> None:
    """Make events of a batch of log lines. What fails as a whole or in part is sent again."""
    batch = json.loads(gzip.decompress(base64.b64decode(event["awslogs"]["data"])))
    found = (news(line["message"], line["id"]) for line in batch["logEvents"])
    entries = [entry for entry in found if entry]
    for start in range(0, len(entries), 10):  # EventBridge takes no more at once
        some = [{**entry, "EventBusName": os.environ["BUS"]} for entry in entries[start:][:10]]
        reply = client("events").put_events(Entries=some)
        if reply["FailedEntryCount"]:
            codes = {entry.get("ErrorCode") for entry in reply["Entries"]} - {None}
            raise RuntimeError(f"EventBridge did not take {reply['FailedEntryCount']}: {codes}")


def news(message: str, line_id: str) -> Event | None:
    """Make an event of an audit line; None for all other lines, and for everyday outcomes.

    It holds what is named here and no more, whatever else a line may come to hold.
    """
    line = None
    with suppress(ValueError):
        line = json.loads(message)
    if not isinstance(line, dict) or not {"_aws", "Outcome", "User", "RequestId"} <= line.keys():
        return None
    if line["Outcome"] not in NEWS:
        return None
    detail = {
        "user": line["User"],
        "request_id": line["RequestId"] or line_id,
        "recovery_codes_left": line.get("RecoveryCodesLeft"),
    }
    return {
        "Source": "lambdatotp",
        "DetailType": line["Outcome"],
        "Time": datetime.fromtimestamp(line["_aws"]["Timestamp"] / 1000, timezone.utc),
        "Detail": json.dumps(detail),
    }


def mail(event: Event, _context: object) -> None:
    """Write to the user whom an event concerns. What raises is tried again by Lambda."""
    outcome, detail = event["detail-type"], event["detail"]
    if outcome not in MAILS:
        return
    to = address(detail["user"])
    if to is None:
        print(f"no mail: no verified address (request {detail['request_id']})")
        return
    key = f"{outcome} {detail['user' if outcome in ONCE_A_DAY else 'request_id']}"
    if not _is_first(key):
        return
    subject, text = words(event)
    client("sesv2").send_email(
        FromEmailAddress=os.environ["MAIL_FROM"],
        Destination={"ToAddresses": [to]},
        Content={"Simple": {"Subject": {"Data": subject}, "Body": {"Text": {"Data": text}}}},
    )
    _remember(key, DAY)


def words(event: Event) -> tuple[str, str]:
    """Return the subject and the text of a mail. No link: users should not learn to follow one."""
    subject = MAILS[event["detail-type"]]
    when = datetime.fromisoformat(event["time"].replace("Z", "+00:00"))
    said = [f"{subject}: {when:%d %B %Y, %H:%M} UTC."]
    left = event["detail"]["recovery_codes_left"]
    if event["detail-type"] == "recovered" and left is not None:
        hint = " Make new ones now." if left <= FEW else ""
        said.append(f"Recovery codes that are left: {left}.{hint}")
    contact = os.environ.get("CONTACT", "tell us at once")
    said.append(f"If this was you, there is nothing else to do. If it was not, {contact}.")
    return subject, "\n\n".join(said) + "\n"


def _is_first(key: str) -> bool:
    """Tell whether nobody has written this mail, or is about to.

    CloudWatch, EventBridge and Lambda deliver at least once. A run that ends before the mail is
    sent leaves a mark that has lapsed when Lambda tries again.
    """
    try:
        _remember(
            key,
            LEASE,
            ConditionExpression="attribute_not_exists(mail) OR expires_at < :now",
            ExpressionAttributeValues={":now": {"N": str(int(time.time()))}},
        )
    except ClientError as error:
        if error.response["Error"]["Code"] == "ConditionalCheckFailedException":
            return False
        raise
    return True


def _remember(key: str, seconds: int, **condition: object) -> None:
    until = {"N": str(int(time.time()) + seconds)}
    item = {"mail": {"S": key}, "expires_at": until}
    client("dynamodb").put_item(TableName=os.environ["TOLD"], Item=item, **condition)


if __name__ == "__main__":
    sample = {
        "_aws": {"Timestamp": 1_767_225_600_000},
        "Operation": "verify",
        "Outcome": "recovered",
        "User": "ana@example.com",
        "RecoveryCodesLeft": 2,
        "RequestId": "6bc28136-xmpl-4365-b021-0ce6b2e64ab0",
    }
    made = news(json.dumps(sample), "1")
    if made:
        print(json.dumps(made, default=str, indent=2))
        told = {"detail-type": made["DetailType"], "detail": json.loads(made["Detail"])}
        print(*words({**told, "time": made["Time"].isoformat()}), sep="\n\n")
