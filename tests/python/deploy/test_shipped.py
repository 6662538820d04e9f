"""What `chalice package` writes, run by AWS's own runtime client, on every Python here.

Needs vendor/: `make test-lambda` fills it.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import zipfile
from pathlib import Path
from urllib.parse import quote, urlencode

import pyotp
import pytest
from lambdatotp.deploy.stage import policy

from tests.python.support import ROOT
from tests.python.support.codes import LEGACY, legacy_code, wrong_codes
from tests.python.support.fault_proxy import REFUSE, fault_proxy
from tools.lambda_runtime import FunctionError, proxy_event, pythons, running, runtime_client

# 2,806,046 bytes.
MAX_ZIP = 2_900_000
JSON = {"Content-Type": "application/json"}
FORM = {"Content-Type": "application/x-www-form-urlencoded"}
TOKEN = {"Authorization": "Bearer let-me-in-if-you-please"}

# Looked for once: a test has a home of its own.
PYTHONS = pythons()

pytestmark = pytest.mark.shipped


@pytest.fixture(scope="module")
def package(tmp_path_factory):
    """Run `chalice package`, and return the folder it wrote."""
    out = tmp_path_factory.mktemp("package") / "out"
    environment = {**os.environ, "AWS_DEFAULT_REGION": "eu-west-1"}
    chalice = Path(sys.executable).with_name("chalice")
    command = [chalice, "package", "--merge-template", ".chalice/table.json", out]
    done = subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return out


@pytest.fixture(scope="module")
def unzipped(package):
    folder = package / "task"
    with zipfile.ZipFile(package / "deployment.zip") as archive:
        archive.extractall(folder)
    return folder


@pytest.fixture(params=sorted(PYTHONS))
def version(request):
    return request.param


@pytest.fixture
def engine(local_engine):
    return local_engine


@pytest.fixture
def start(unzipped, engine):
    """Start the function as Lambda would: credentials, region and settings in the environment."""

    def start(version, **settings):
        environment = {
            **engine.environment(),
            "AWS_ACCESS_KEY_ID": "testing",
            "AWS_SECRET_ACCESS_KEY": "testing",
            "AWS_SESSION_TOKEN": "testing",
            "LAMBDATOTP_API_TOKEN": "let-me-in-if-you-please",
            **settings,
        }
        return running(unzipped, PYTHONS[version], version, environment)

    return start


def post(path, fields, *, form=False, encode=False, headers=TOKEN):
    body = urlencode(fields) if form else json.dumps(fields)
    kind = FORM if form else JSON
    return proxy_event("POST", path, headers={**kind, **headers}, body=body, encode=encode)


def get(path, **query):
    return proxy_event("GET", path, headers=TOKEN, query=query)


def remove(user):
    path = "/" + quote(user, safe="")
    return proxy_event("DELETE", path, resource="/{user_id}", headers=TOKEN)


@pytest.mark.parametrize("encode", [False, True], ids=["plain", "base64"])
@pytest.mark.parametrize("form", [False, True], ids=["json", "form"])
def test_register_verify_delete(start, version, form, encode):
    user = "ána b/c%20d+e@example.com"
    with start(version) as function:
        created = function.invoke(post("/", {"user": user}, form=form, encode=encode))
        assert created.status == 201
        assert created.headers["cache-control"] == "no-store"
        assert created.json["user_id"] == user
        totp = pyotp.parse_uri(created.json["qr_code"])
        again = function.invoke(post("/", {"user": user}, form=form, encode=encode))
        assert (again.status, again.json["Code"]) == (409, "ConflictError")

        answers = [
            function.invoke(
                post("/verify", {"user": user, "code": totp.now()}, form=form, encode=encode)
            )
            for _ in range(2)
        ]
        assert [answer.json["code_is_valid"] for answer in answers] == [True, False]
        assert function.invoke(remove(user)).status == 204
        assert function.invoke(remove(user)).status == 404


@pytest.mark.parametrize("path", ["/verify", "/"])
def test_the_originals_queries(start, engine, version, path):
    engine.put("ana", secret=LEGACY)
    with start(version) as function:
        code = legacy_code()
        answers = [function.invoke(get(path, user="ana", code=code)).json for _ in range(2)]
        assert [answer["code_is_valid"] for answer in answers] == [True, False]
        assert function.invoke(get(path, user="nobody", code="123456")).status == 404
        assert function.invoke(get(path, user="ana")).status == 400


def test_recovery_and_unlock_with_sealed_secrets(start, engine, version, capfd):
    keys = "k1:" + "A" * 43
    with start(version, LAMBDATOTP_KEYS=keys, LAMBDATOTP_MAX_MISSES="1") as function:
        created = function.invoke(post("/", {"user": "ana", "recovery_codes": 1})).json
        assert engine.get("ana")["sealed_by"] == "k1/2"
        function.invoke(post("/verify", {"user": "ana", "code": "000000"}))
        code = pyotp.parse_uri(created["qr_code"]).now()
        assert function.invoke(post("/verify", {"user": "ana", "code": code})).status == 423
        recovery = {"user": "ana", "code": created["recovery_codes"][0]}
        assert function.invoke(post("/verify", recovery, form=True)).json == {
            "code_is_valid": True,
            "first": True,
            "attempts_left": 1,
            "recovery_codes_left": 0,
        }
        assert function.invoke(post("/unlock", {"user": "ana"})).status == 204
        fresh = function.invoke(post("/recovery_codes", {"user": "ana", "count": 3}))
        assert (fresh.status, len(fresh.json["recovery_codes"])) == (201, 3)
        assert function.invoke(post("/verify", {"user": "ana", "code": code})).json == {
            "code_is_valid": True,
            "first": False,
            "attempts_left": 1,
            "recovery_codes_left": 3,
        }
    # What CloudWatch would get: a line of JSON an event, and nothing secret.
    out = capfd.readouterr().out
    events = [json.loads(line) for line in out.splitlines() if line.startswith('{"_aws"')]
    outcomes = ["registered", "rejected", "locked", "recovered", "unlocked", "recovery_codes"]
    assert [event["Outcome"] for event in events] == [*outcomes, "accepted"]
    for hidden in (code, recovery["code"], created["qr_code"], keys[3:]):
        assert hidden not in out


def test_requests_without_headers_bodies_or_tokens(start, version):
    with start(version) as function:
        assert function.invoke(proxy_event("GET", "/verify")).status == 401
        assert function.invoke(proxy_event("POST", "/")).status in {401, 415}
        assert function.invoke(proxy_event("POST", "/", headers=TOKEN)).status == 400
        assert function.invoke(proxy_event("POST", "/", headers={**TOKEN, **JSON})).status == 400
        bad = proxy_event("POST", "/", headers={**TOKEN, **JSON}, body="{")
        assert function.invoke(bad).status == 400
        plain = proxy_event(
            "POST", "/", headers={**TOKEN, "Content-Type": "text/plain"}, body="user=ana"
        )
        assert function.invoke(plain).status == 415
        wrong = post("/", {"user": "ana"}, headers={"authorization": "Bearer no"})
        assert function.invoke(wrong).status == 401
        lower = post(
            "/", {"user": "ana"}, headers={"authorization": "bearer let-me-in-if-you-please"}
        )
        assert function.invoke(lower).status == 201


def test_a_token_that_cannot_be_used_stops_it(start, version, capfd):
    with (
        pytest.raises(FunctionError, match="did not start"),
        start(version, LAMBDATOTP_API_TOKEN="two words"),
    ):
        pass
    (line,) = capfd.readouterr().err.splitlines()
    assert line.startswith("lambdatotp: LAMBDATOTP_API_TOKEN: the token has white space inside")


def test_refusals(start, engine, version):
    enrollment = engine.verifier().register("ana")
    with start(version, LAMBDATOTP_BURST="2") as function:
        for code in wrong_codes(enrollment, 2):
            answer = function.invoke(post("/verify", {"user": "ana", "code": code}))
            assert answer.json["code_is_valid"] is False
        refused = function.invoke(post("/verify", {"user": "ana", "code": "123456"}))
        assert refused.status == 429
        assert int(refused.headers["retry-after"]) in range(3590, 3601)
    engine.put("bob", secret=LEGACY, misses=100)
    with start(version) as function:
        assert function.invoke(post("/verify", {"user": "bob", "code": "123456"})).status == 423


def test_the_enrollment_page(start, version):
    with start(version, LAMBDATOTP_ENROLL_PAGE="on") as function:
        page = function.invoke(proxy_event("GET", "/enroll"))
        assert (page.status, page.headers["content-type"]) == (200, "text/html; charset=utf-8")
        assert page.text.startswith("<!doctype html>")
    with start(version) as function:
        assert function.invoke(proxy_event("GET", "/enroll")).status == 404


def test_no_table_is_no_verdict(start, version):
    with start(version, LAMBDATOTP_TABLE_NAME="nowhere") as function:
        answer = function.invoke(post("/verify", {"user": "ana", "code": "123456"}))
        assert (answer.status, answer.headers["retry-after"]) == (503, "2")


def test_it_connects_while_it_starts(start, engine, version):
    """One connection, opened before the first request and used by it."""
    engine.put("ana", secret=LEGACY)
    with fault_proxy(engine.settings["endpoint_url"]) as proxy:
        there = {"AWS_ENDPOINT_URL_DYNAMODB": proxy.url}
        with start(version, **there) as function:
            assert proxy.operations == ["GET"]
            function.invoke(get("/verify", user="ana", code=legacy_code()))
            assert proxy.operations == ["GET", "UpdateItem", "UpdateItem"]
        # A snapshot is restored in many places at once: no connection survives that.
        proxy.operations.clear()
        with start(version, **there, AWS_LAMBDA_INITIALIZATION_TYPE="snap-start"):
            assert proxy.operations == []


def test_it_starts_without_its_table_and_recovers(start, engine, version):
    engine.put("ana", secret=LEGACY)
    with fault_proxy(engine.settings["endpoint_url"]) as proxy:
        proxy.faults.extend([REFUSE] * 5)  # the connection's, and all four tries of the first call
        with start(version, AWS_ENDPOINT_URL_DYNAMODB=proxy.url) as function:
            assert function.invoke(get("/verify", user="ana", code=legacy_code())).status == 503
            right = function.invoke(get("/verify", user="ana", code=legacy_code()))
            assert right.json["code_is_valid"] is True


def test_the_policy_grants_what_is_called_and_no_more(start, engine, package):
    """Every route, every outcome: what crosses the wire is what the policy must allow."""
    version = min(PYTHONS)
    engine.put("bob", secret=LEGACY, misses=100)
    with fault_proxy(engine.settings["endpoint_url"]) as proxy:
        settings = {"AWS_ENDPOINT_URL_DYNAMODB": proxy.url, "LAMBDATOTP_BURST": "2"}
        with start(version, **settings) as function:
            uri = function.invoke(post("/", {"user": "ana"})).json["qr_code"]
            function.invoke(post("/", {"user": "ana"}))
            code = pyotp.parse_uri(uri).now()
            for user, tried in [("ana", code), ("ana", code), ("ana", "000000"), ("bob", "1" * 6)]:
                for _ in range(2):
                    function.invoke(get("/verify", user=user, code=tried))
            for user in ("ana", "ana", "nobody"):
                function.invoke(remove(user))
    called = {f"dynamodb:{operation}" for operation in proxy.operations if operation != "GET"}
    granted = policy("totp_users")
    template = json.loads((package / "sam.json").read_text())
    merged = template["Resources"]["ApiHandlerRole"]["Properties"]["Policies"][0]["PolicyDocument"]
    for document in (granted, merged):
        logs, table = document["Statement"]
        assert set(table["Action"]) == called
        assert all(action.startswith("logs:") for action in logs["Action"])
    assert granted["Statement"][1]["Resource"] == "arn:*:dynamodb:*:*:table/totp_users"
    assert merged["Statement"][1]["Resource"] == {"Fn::GetAtt": ["UsersTable", "Arn"]}
    # And what the source of the routes could call is no more than that.
    source = "".join(file.read_text() for file in (ROOT / "src/store").glob("*.rs"))
    names = set(re.findall(r"(\w+)Input::builder\(\)", source))
    assert names
    assert {f"dynamodb:{name}" for name in names} == called


def test_the_zip(package):
    archive = package / "deployment.zip"
    assert archive.stat().st_size < MAX_ZIP
    with zipfile.ZipFile(archive) as opened:
        infos = opened.infolist()
    names = [info.filename for info in infos]
    assert len(names) == len(set(names))
    modes = {info.external_attr >> 16 & 0o444 for info in infos}
    assert modes == {0o444}
    tops = {name.split("/")[0] for name in names}
    assert tops == {"app.py", "chalicelib", "chalice", "lambdatotp", "__pycache__"}
    shipped = [name for name in names if name.endswith(".so")]
    assert shipped == ["lambdatotp/_lambdatotp.abi3.so"]
    assert not re.findall(r"lambdatotp/(?:cli|deploy|scaffold)/", "\n".join(names))
    # One cache file a source file, of this Python, and none that chance left behind.
    tag = f".{sys.implementation.cache_tag}.pyc"
    caches = [name for name in names if "__pycache__" in name]
    assert caches
    assert all(name.endswith(tag) for name in caches)


def test_the_bytecode_is_taken_and_never_outdated(unzipped):
    """Changed source wins over the bytecode beside it, whatever the times of the files are."""
    code = "import app, chalicelib.config as c; print(c.TABLE_NAME, c.__cached__, c.__file__)"
    run = [sys.executable, "-v", "-c", code]
    config = unzipped / "chalicelib" / "config.py"
    before = config.read_text()
    try:
        for table in ("totp_users", "other_users"):
            config.write_text(before.replace("totp_users", table))
            environment = {"PATH": os.environ["PATH"], "PYTHONDONTWRITEBYTECODE": "1"}
            done = subprocess.run(
                run, cwd=unzipped, env=environment, capture_output=True, text=True, check=True
            )
            assert done.stdout.split()[0] == table
            assert "code object from 'app.py'" not in done.stderr
            assert re.search(r"matches .*app\.py", done.stderr)
    finally:
        config.write_text(before)


def test_a_function_that_cannot_start_says_so(tmp_path):
    (tmp_path / "app.py").write_text("import nothing_of_that_name\n")
    version = min(PYTHONS)
    runtime_client(version)
    function = running(tmp_path, PYTHONS[version], version, {})
    with pytest.raises(FunctionError, match="nothing_of_that_name"), function:
        pass
