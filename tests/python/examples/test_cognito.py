"""The recipe for Amazon Cognito: its triggers, played as AWS documents the loop, and deployed.

`Login` is Cognito: https://docs.aws.amazon.com/cognito/latest/developerguide/user-pool-lambda-challenge.html
says which trigger it calls with what, and what it does with the replies. The last tests have
MiniStack do the same, with its own triggers, passwords by SRP, and roles.
"""

from __future__ import annotations

import json
import logging
import shutil
import socket
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import lambdatotp
import pyotp
import pytest
from botocore.exceptions import ClientError
from cfnlint.decode import decode
from lambdatotp import _lambdatotp

from tests.python.support import ROOT
from tests.python.support.cloud import Cloud
from tests.python.support.codes import KEY, code_of, wrong_codes
from tests.python.support.phone import EXAMPLES, load, qr_text
from tools import ministack

TEMPLATE = EXAMPLES / "cognito" / "template.yaml"
SUB = "d4c8e0b2-0000-4000-8000-1f2e3d4c5b6a"
ANA = {
    "sub": SUB,
    "email": "ana@example.com",
    "email_verified": "true",
    "cognito:user_status": "CONFIRMED",
}
PASSWORD = [
    {"challengeName": "SRP_A", "challengeResult": True, "challengeMetadata": None},
    {"challengeName": "PASSWORD_VERIFIER", "challengeResult": True, "challengeMetadata": None},
]


def event(source, **request):
    """An event as Cognito sends it, gone through JSON."""
    empty = {
        "DefineAuthChallenge": ("challengeName", "issueTokens", "failAuthentication"),
        "CreateAuthChallenge": (
            "publicChallengeParameters",
            "privateChallengeParameters",
            "challengeMetadata",
        ),
        "VerifyAuthChallengeResponse": ("answerCorrect",),
    }
    sent = {
        "version": "1",
        "region": "eu-west-1",
        "userPoolId": "eu-west-1_Example",
        "userName": SUB,
        "callerContext": {"awsSdkVersion": "aws-sdk-unknown-unknown", "clientId": "client"},
        "triggerSource": f"{source}_Authentication",
        "request": {"userAttributes": ANA, "userNotFound": False, **request},
        "response": dict.fromkeys(empty[source]),
    }
    return json.loads(json.dumps(sent))


class Login:
    """Cognito's side of one login of ana, from InitiateAuth on."""

    def __init__(self, triggers, *, srp=True, password=True):
        self.triggers, self.password = triggers, password
        self.session = PASSWORD[:1] if srp else []
        self.state, self.shown, self.shown_all = "", {}, []
        self._go_on()

    def _call(self, trigger, source, **request):
        reply = getattr(self.triggers, trigger)(event(source, **request), None)
        return json.loads(json.dumps(reply))["response"]

    def _go_on(self):
        said = self._call("define", "DefineAuthChallenge", session=self.session)
        self.shown = {}
        if said["failAuthentication"]:
            self.state = "failed"
        elif said["issueTokens"]:
            self.state = "tokens"
        elif said["challengeName"] == "PASSWORD_VERIFIER" and not self.password:
            self.state = "failed"  # by Cognito itself: it calls nobody
        elif said["challengeName"] == "PASSWORD_VERIFIER":
            self.session = [*self.session, PASSWORD[1]]
            self._go_on()
        else:
            assert said["challengeName"] == "CUSTOM_CHALLENGE"
            self.state = "asked"
            asked = {"challengeName": "CUSTOM_CHALLENGE", "session": self.session}
            said = self._call("create", "CreateAuthChallenge", **asked)
            self.shown, self.metadata = said["publicChallengeParameters"], said["challengeMetadata"]
            self.private = said["privateChallengeParameters"]
            both = {**self.shown, **self.private, "metadata": self.metadata}
            assert all(isinstance(value, str) for value in both.values())
            self.shown_all.append(self.shown)

    def answer(self, text):
        """Do what RespondToAuthChallenge does; returns the new state."""
        assert self.state == "asked"
        said = self._call(
            "verify",
            "VerifyAuthChallengeResponse",
            privateChallengeParameters=self.private,
            challengeAnswer=text,
        )
        done = {"challengeName": "CUSTOM_CHALLENGE", "challengeResult": said["answerCorrect"]}
        self.session = [*self.session, {**done, "challengeMetadata": self.metadata}]
        self._go_on()
        return self.state


class Scanned:
    """The phone that has scanned what a challenge shows; as `codes` wants an enrollment."""

    def __init__(self, shown):
        assert qr_text(shown["qr_code"]) == shown["key_uri"]
        self.totp = pyotp.parse_uri(shown["key_uri"])
        self.secret = self.totp.secret
        self.recovery_codes = shown["recovery_codes"].split()


@pytest.fixture
def start(engine, monkeypatch):
    """Import the triggers as Lambda does, with the engine's table and a test's settings."""

    def start(**settings):
        variables = {"LAMBDATOTP_ISSUER": "Example", "ENROLL_AT_LOGIN": "yes"}
        for name, value in {**engine.environment(), **variables, **settings}.items():
            monkeypatch.setenv(name, value)
        if "endpoint_url" in engine.settings:
            monkeypatch.setenv("AWS_ACCESS_KEY_ID", "testing")
            monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
        return load("cognito/triggers")

    return start


@pytest.fixture
def triggers(start):
    return start()


def enrolled(triggers):
    """Log in for the first time."""
    login = Login(triggers)
    phone = Scanned(login.shown)
    assert login.answer(code_of(phone)) == "tokens"
    return phone


def shows_a_secret(login):
    return any({"key_uri", "qr_code", "recovery_codes"} & set(shown) for shown in login.shown_all)


def test_the_first_login_and_those_after_it(triggers, engine, caplog):
    caplog.set_level(logging.INFO)
    first = Login(triggers)
    assert (first.state, first.shown["kind"]) == ("asked", "enroll")
    phone = Scanned(first.shown)
    assert (phone.totp.name, phone.totp.issuer) == ("ana@example.com", "Example")
    assert len(phone.recovery_codes) == 10
    used = code_of(phone)
    assert first.answer(used) == "tokens"
    assert engine.verifier().status(SUB).confirmed_at

    login = Login(triggers)
    assert (login.state, login.shown["kind"]) == ("asked", "code")
    assert login.answer(used) == "asked"  # a code is accepted once
    assert login.answer(code_of(phone, 1)) == "tokens"
    assert not shows_a_secret(login)

    spare = phone.recovery_codes[0]
    assert Login(triggers).answer(spare) == "tokens"
    assert Login(triggers).answer(spare) == "asked"

    lines = [record.getMessage() for record in caplog.records if record.name == "cognito.audit"]
    outcomes = [json.loads(line)["outcome"] for line in lines]
    events = ["registered", "accepted", "replayed", "accepted", "recovered", "rejected"]
    assert [outcome for outcome in outcomes if outcome not in {"looked_up", "not_found"}] == events
    for text in (phone.secret, used, *phone.recovery_codes):
        assert text not in caplog.text


def test_wrong_codes_end_a_login(triggers):
    phone = enrolled(triggers)
    login = Login(triggers)
    wrong = wrong_codes(phone, 1)[0]
    assert login.shown["attempts_left"] == "10"
    assert [login.answer(wrong) for _ in range(3)] == ["asked", "asked", "failed"]
    assert [shown["attempts_left"] for shown in login.shown_all] == ["10", "9", "8"]
    assert not shows_a_secret(login)
    # The budget is the user's, whichever login spends it.
    assert Login(triggers).shown["attempts_left"] == "7"


def test_a_wrong_code_does_not_begin_the_enrollment_anew(triggers, engine):
    login = Login(triggers)
    phone = Scanned(login.shown)
    assert login.answer(wrong_codes(phone, 1)[0]) == "asked"
    assert (login.shown["kind"], set(login.shown) & {"key_uri", "qr_code"}) == ("enroll", set())
    # A recovery code says nothing about the phone, and is not used up.
    assert login.answer(phone.recovery_codes[0]) == "asked"
    assert engine.verifier().status(SUB).recovery_codes_left == 10
    assert login.answer(code_of(phone)) == "tokens"


def test_a_window_that_was_closed_before_the_first_code(triggers):
    first = Scanned(Login(triggers).shown)
    login = Login(triggers)
    phone = Scanned(login.shown)
    assert phone.secret != first.secret
    assert login.answer(code_of(first)) == "asked"
    assert login.answer(code_of(phone)) == "tokens"


def test_two_logins_enroll_at_once(triggers):
    """The one who shows a code first has enrolled; the other one sees and gets nothing more."""
    late, quick = Login(triggers), Login(triggers)
    assert quick.answer(code_of(Scanned(quick.shown))) == "tokens"
    assert late.answer(code_of(Scanned(late.shown))) == "asked"
    assert not {"key_uri", "qr_code", "recovery_codes"} & set(late.shown)


@pytest.mark.parametrize("spare", [True, False])
def test_a_locked_user(start, spare):
    triggers = start(LAMBDATOTP_MAX_MISSES="2")
    phone = enrolled(triggers)
    login = Login(triggers)
    for wrong in wrong_codes(phone, 2):
        login.answer(wrong)
    assert login.shown["locked"] == "true"
    answer = phone.recovery_codes[0] if spare else code_of(phone, 1)
    assert login.answer(answer) == ("tokens" if spare else "failed")
    assert Login(triggers).shown["locked"] == ("false" if spare else "true")


@pytest.mark.parametrize("spare", [True, False])
def test_a_budget_that_is_spent(start, spare):
    triggers = start(LAMBDATOTP_BURST="2")
    phone = enrolled(triggers)
    login = Login(triggers)
    for wrong in wrong_codes(phone, 2):
        login.answer(wrong)
    assert login.shown["attempts_left"] == "0"
    assert 0 < int(login.shown["retry_after"]) <= 3600
    answer = phone.recovery_codes[0] if spare else code_of(phone, 1)
    assert login.answer(answer) == ("tokens" if spare else "failed")


@pytest.mark.parametrize(
    "session",
    [
        None,
        [],
        PASSWORD[1:],
        PASSWORD[::-1],
        [PASSWORD[0], {**PASSWORD[1], "challengeResult": False}],
        [PASSWORD[0], {**PASSWORD[1], "challengeResult": "true"}],
        [PASSWORD[0], {**PASSWORD[1], "challengeResult": None}],
        [PASSWORD[0], {"challengeName": "PASSWORD_VERIFIER"}],
        [{**PASSWORD[0], "challengeResult": False}, PASSWORD[1]],
        [{}, {}],
        [{"challengeName": "CUSTOM_CHALLENGE", "challengeResult": True}],
        [*PASSWORD, {"challengeName": "DEVICE_SRP_AUTH", "challengeResult": True}],
        [{"challengeName": "CUSTOM_CHALLENGE", "challengeResult": True}] * 3,
    ],
)
def test_without_the_password_there_is_no_challenge(triggers, engine, session):
    said = triggers.define(event("DefineAuthChallenge", session=session), None)["response"]
    refused = {"challengeName": None, "issueTokens": False, "failAuthentication": True}
    assert said == refused
    asked = event("CreateAuthChallenge", challengeName="CUSTOM_CHALLENGE", session=session)
    with pytest.raises(triggers.NoChallengeError, match="Log in again"):
        triggers.create(asked, None)
    with pytest.raises(lambdatotp.UserNotFoundError):
        engine.verifier().status(SUB)


def test_a_login_that_skips_or_fails_the_password(triggers):
    assert Login(triggers, srp=False).state == "failed"
    assert Login(triggers, password=False).state == "failed"


@pytest.mark.parametrize("result", [False, None, "true", 1])
def test_no_tokens_but_for_an_answer_that_is_right(triggers, result):
    answered = {"challengeName": "CUSTOM_CHALLENGE", "challengeResult": result}
    for answers in ([answered], [{**answered, "challengeResult": True}, answered]):
        asked = event("DefineAuthChallenge", session=[*PASSWORD, *answers])
        assert triggers.define(asked, None)["response"]["issueTokens"] is False


def test_users_that_there_are_not(triggers):
    """With PreventUserExistenceErrors, Cognito calls the triggers for them, too."""
    nobody = {"userAttributes": {}, "userNotFound": True}
    asked = event("DefineAuthChallenge", session=PASSWORD[:1])
    there = triggers.define(asked, None)["response"]
    asked = event("DefineAuthChallenge", session=PASSWORD[:1], **nobody)
    assert triggers.define(asked, None)["response"] == there
    right = {"challengeName": "CUSTOM_CHALLENGE", "challengeResult": True}
    for session in (PASSWORD, [*PASSWORD, right]):
        asked = event("DefineAuthChallenge", session=session, **nobody)
        said = triggers.define(asked, None)["response"]
        assert (said["failAuthentication"], said["issueTokens"]) == (True, False)
    with pytest.raises(triggers.NoChallengeError):
        triggers.create(event("CreateAuthChallenge", session=PASSWORD, **nobody), None)


def answers(triggers, **request):
    """What `verify` says of an answer."""
    said = triggers.verify(event("VerifyAuthChallengeResponse", **request), None)
    return said["response"]["answerCorrect"]


def test_an_answer_counts_for_its_own_challenge(triggers):
    phone = enrolled(triggers)
    right = code_of(phone, 1)
    asked = {"user": SUB, "kind": "code"}
    for private in (None, {}, {"kind": "code"}, {**asked, "user": "another"}):
        assert not answers(triggers, privateChallengeParameters=private, challengeAnswer=right)
    assert not answers(triggers, challengeAnswer=right)
    told = {"privateChallengeParameters": asked, "challengeAnswer": right}
    assert not answers(triggers, **told, userNotFound=True)
    with pytest.raises(triggers.NoChallengeError):
        answers(triggers, **told, userAttributes={"email": "ana@example.com"})
    for answer in (None, "", right[:5], f"{right} {right}", "x" * 100_000, "\x00", [right], {}):
        assert not answers(triggers, privateChallengeParameters=asked, challengeAnswer=answer)
    assert not answers(triggers, privateChallengeParameters=asked)
    # What a client may say of itself decides nothing; and the code is still there to be used.
    boast = {"clientMetadata": {"answerCorrect": "true", "user": SUB, "kind": "code"}}
    assert not answers(triggers, **boast, challengeAnswer=right)
    assert answers(triggers, **told)


@pytest.mark.parametrize("attributes", [None, {}, {"email": "ana@example.com"}, {"sub": ""}])
def test_an_event_that_names_no_user(triggers, attributes):
    asked = event("CreateAuthChallenge", session=PASSWORD, userAttributes=attributes)
    with pytest.raises(triggers.NoChallengeError, match="Log in again"):
        triggers.create(asked, None)


def test_a_user_without_an_email(triggers):
    asked = event("CreateAuthChallenge", session=PASSWORD, userAttributes={"sub": SUB})
    shown = triggers.create(asked, None)["response"]["publicChallengeParameters"]
    assert Scanned(shown).totp.name == SUB


def test_an_imported_user_is_shown_nothing(triggers, engine):
    """No code was accepted yet, and the phone has the secret already: it is not replaced."""
    phone = engine.verifier().register(SUB, secret=KEY)
    login = Login(triggers)
    assert login.shown["kind"] == "code"
    assert login.answer(code_of(phone)) == "tokens"
    assert not shows_a_secret(login)


@pytest.mark.parametrize("setting", ["no", "", "maybe"])
def test_the_password_alone_may_not_be_enough_to_enroll(start, engine, setting):
    triggers = start(ENROLL_AT_LOGIN=setting)
    with pytest.raises(triggers.NoChallengeError, match="Set up your second factor first"):
        Login(triggers)
    with pytest.raises(lambdatotp.UserNotFoundError):
        engine.verifier().status(SUB)
    # Behind the old login, the app has registered them; the first code may come here.
    phone = engine.verifier().register(SUB)
    login = Login(triggers)
    assert login.shown["kind"] == "code"
    assert login.answer(code_of(phone)) == "tokens"
    assert not shows_a_secret(login)


def test_no_verdict_is_no_success(triggers, start, monkeypatch, caplog):
    phone = enrolled(triggers)
    login, code = Login(triggers), code_of(phone, 1)
    with socket.create_server(("127.0.0.1", 0)) as closed:
        nobody = f"http://127.0.0.1:{closed.getsockname()[1]}"
    start()
    monkeypatch.delenv("LAMBDATOTP_EMBEDDED", raising=False)
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    monkeypatch.setenv("AWS_REGION", "eu-west-1")
    monkeypatch.setenv("AWS_ENDPOINT_URL_DYNAMODB", nobody)
    broken = load("cognito/triggers")
    with pytest.raises(broken.NoChallengeError, match=r"^Try again\.$"):
        Login(broken)
    login.triggers = broken
    with pytest.raises(broken.NoChallengeError, match=r"^Try again\.$") as raised:
        login.answer(code)
    assert login.state == "asked"
    assert raised.value.__suppress_context__
    assert "StoreUnavailableError" in caplog.text
    assert code not in caplog.text


class TestTemplate:
    @staticmethod
    def resources():
        template, problems = decode(str(TEMPLATE))
        assert problems == []
        return template["Resources"]

    def test_it_holds_for_cloudformation(self):
        lint = Path(sys.executable).with_name("cfn-lint")
        done = subprocess.run([lint, TEMPLATE], capture_output=True, text=True, check=False)
        assert (done.returncode, done.stdout) == (0, "")

    def test_its_client_lets_nobody_in_by_the_password(self):
        clients = [
            resource["Properties"]
            for resource in self.resources().values()
            if resource["Type"] == "AWS::Cognito::UserPoolClient"
        ]
        (client,) = clients
        assert client["ExplicitAuthFlows"] == ["ALLOW_CUSTOM_AUTH", "ALLOW_REFRESH_TOKEN_AUTH"]
        assert client["PreventUserExistenceErrors"] == "ENABLED"
        assert not {name for name in client if "OAuth" in name}

    def test_only_this_pool_calls_the_functions(self):
        resources = self.resources()
        functions = {name for name, r in resources.items() if r["Type"].endswith("::Function")}
        assert len(functions) == 3
        called = set()
        for resource in resources.values():
            if resource["Type"] == "AWS::Lambda::Permission":
                may = resource["Properties"]
                assert may["Principal"] == "cognito-idp.amazonaws.com"
                assert may["SourceArn"] == {"Fn::GetAtt": ["Pool", "Arn"]}
                called.add(may["FunctionName"]["Fn::GetAtt"][0])
        assert called == functions
        config = resources["Pool"]["Properties"]["LambdaConfig"]
        assert {value["Fn::GetAtt"][0] for value in config.values()} == functions

    def test_its_table_is_the_one_that_is_made_elsewhere(self):
        other = json.loads((ROOT / ".chalice" / "table.json").read_text())
        made = self.resources()["Table"]
        assert made["Properties"] == other["Resources"]["UsersTable"]["Properties"]
        assert made["DeletionPolicy"] == "Retain"


@pytest.fixture(scope="module")
def pool(tmp_path_factory):
    """The template, deployed to MiniStack with what is shipped; ana has signed up."""
    scratch = tmp_path_factory.mktemp("cloud")
    clone = scratch / "clone"
    shutil.copytree(EXAMPLES / "cognito", clone / "examples" / "cognito")
    ignore = shutil.ignore_patterns("chalice", "chalicelib")
    shutil.copytree(ROOT / "vendor", clone / "out" / "cognito", ignore=ignore)
    shutil.copy(EXAMPLES / "cognito" / "triggers.py", clone / "out" / "cognito")
    for file in scratch.rglob("*"):
        file.chmod(file.stat().st_mode | (0o555 if file.is_dir() else 0o444))
    with (scratch / "log").open("wb") as log, ministack.running(log.fileno()) as url:
        cloud = Cloud(url, scratch)
        secrets = cloud.client("secretsmanager")
        secrets.create_secret(Name="second-factor/keys", SecretString=_lambdatotp.new_key("k1"))
        template = clone / "examples" / "cognito" / TEMPLATE.name
        made = cloud.deploy(template, "cognito", KeysSecret="second-factor/keys")
        users = cloud.client("cognito-idp")
        given = {"UserPoolId": made["PoolId"], "Username": "ana@example.com"}
        users.admin_create_user(
            **given,
            MessageAction="SUPPRESS",
            UserAttributes=[{"Name": "email", "Value": "ana@example.com"}],
        )
        users.admin_set_user_password(**given, Password=WORD, Permanent=True)
        yield SimpleNamespace(cloud=cloud, users=users, **made)


WORD = "Correct-horse-1"


def sign_in(pool, password=WORD):
    """Do what a client does up to the challenge."""
    from pycognito.aws_srp import AWSSRP

    client = {"client": pool.users, "pool_id": pool.PoolId, "client_id": pool.ClientId}
    srp = AWSSRP("ana@example.com", password, **client)
    sent = {**srp.get_auth_params(), "CHALLENGE_NAME": "SRP_A"}
    asked = pool.users.initiate_auth(
        AuthFlow="CUSTOM_AUTH", ClientId=pool.ClientId, AuthParameters=sent
    )
    assert asked["ChallengeName"] == "PASSWORD_VERIFIER"
    return respond(pool, asked, srp.process_challenge(asked["ChallengeParameters"], sent))


def respond(pool, asked, answer):
    if isinstance(answer, str):
        answer = {"USERNAME": "ana@example.com", "ANSWER": answer}
    return pool.users.respond_to_auth_challenge(
        ClientId=pool.ClientId,
        ChallengeName=asked["ChallengeName"],
        Session=asked["Session"],
        ChallengeResponses=answer,
    )


@pytest.mark.shipped
@pytest.mark.filterwarnings("ignore:.*utcnow:DeprecationWarning")
class TestDeployed:
    """In this order: ana's first login comes first.

    MiniStack ends a login after the first wrong answer: it counts the two of the password, too.
    """

    def test_the_first_login_and_those_after_it(self, pool):
        asked = sign_in(pool)
        phone = Scanned(asked["ChallengeParameters"])
        assert (phone.totp.name, phone.totp.issuer) == ("ana@example.com", "MyApp")
        told = respond(pool, asked, code_of(phone))
        assert told["AuthenticationResult"]["AccessToken"]

        asked = sign_in(pool)
        assert asked["ChallengeParameters"]["kind"] == "code"
        assert "key_uri" not in asked["ChallengeParameters"]
        with pytest.raises(pool.users.exceptions.NotAuthorizedException):
            respond(pool, asked, wrong_codes(phone, 1)[0])
        asked = sign_in(pool)
        assert asked["ChallengeParameters"]["attempts_left"] == "9"
        assert respond(pool, asked, phone.recovery_codes[0])["AuthenticationResult"]

    def test_secrets_are_sealed_and_the_id_is_the_sub(self, pool):
        (item,) = pool.cloud.client("dynamodb").scan(TableName="second_factors")["Items"]
        found = pool.users.admin_get_user(UserPoolId=pool.PoolId, Username="ana@example.com")
        (sub,) = [a["Value"] for a in found["UserAttributes"] if a["Name"] == "sub"]
        assert item["user_id"]["S"] == sub
        assert (item["sealed_by"]["S"], "secret" in item) == ("k1/2", False)

    def test_the_password_alone_opens_nothing(self, pool):
        with pytest.raises(pool.users.exceptions.NotAuthorizedException):
            sign_in(pool, "Wrong-horse-1")
        name = {"USERNAME": "ana@example.com"}
        for flow, sent in {
            "CUSTOM_AUTH": name,
            "USER_PASSWORD_AUTH": {**name, "PASSWORD": WORD},
            "USER_SRP_AUTH": {**name, "SRP_A": "ff"},
        }.items():
            with pytest.raises(ClientError) as raised:
                pool.users.initiate_auth(AuthFlow=flow, ClientId=pool.ClientId, AuthParameters=sent)
            code = raised.value.response["Error"]["Code"]
            assert code in {"NotAuthorizedException", "InvalidParameterException"}

    def test_each_function_may_do_its_own(self, pool):
        """The logins above did with this: MiniStack asks the role's policy for every request."""
        iam, functions = pool.cloud.client("iam"), pool.cloud.client("lambda")
        may = {}
        for function in functions.list_functions()["Functions"]:
            role = function["Role"].rsplit("/", 1)[1]
            for name in iam.list_role_policies(RoleName=role)["PolicyNames"]:
                policy = iam.get_role_policy(RoleName=role, PolicyName=name)["PolicyDocument"]
                (statement,) = policy["Statement"]
                may[function["Handler"]] = set(statement["Action"])
                assert statement["Resource"].endswith(":table/second_factors")
        assert may == {
            "triggers.create": {"dynamodb:GetItem", "dynamodb:PutItem"},
            "triggers.verify": {"dynamodb:UpdateItem"},
        }
