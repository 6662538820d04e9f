"""The recipes without a web framework, and what all of them say about themselves."""

from __future__ import annotations

import ast
import base64
import json
import logging
import os
import re
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
import uuid
import zipfile
from functools import partial
from pathlib import Path

import lambdatotp
import pyotp
import pytest

from tests.python.support import ROOT, events
from tests.python.support.codes import code_of, wrong_codes
from tests.python.support.phone import Answer, Phone, load
from tools.lambda_runtime import running, runtime_client

EXAMPLES = ROOT / "examples"
RECIPES = sorted(path.relative_to(EXAMPLES).as_posix() for path in EXAMPLES.rglob("*.py"))
THIS_PYTHON = f"{sys.version_info.major}.{sys.version_info.minor}"
# Besides the standard library and lambdatotp: the framework, and what it is made of.
MAY_IMPORT = {
    "cognito/triggers.py": set(),
    "django_app.py": {"django"},
    "fastapi_app.py": {"fastapi", "itsdangerous", "pydantic", "starlette"},
    "flask_app.py": {"flask", "itsdangerous", "werkzeug"},
    "lambda_handler.py": set(),
    "notify/notify.py": {"boto3", "botocore"},
    "replace_pyotp/after.py": set(),
    "replace_pyotp/before.py": {"pyotp"},
}


@pytest.fixture(autouse=True)
def embedded(monkeypatch, tmp_path):
    monkeypatch.setenv("LAMBDATOTP_EMBEDDED", str(tmp_path / "lambdatotp.db"))
    monkeypatch.setenv("LAMBDATOTP_TABLE_NAME", f"users_{uuid.uuid4().hex}")
    monkeypatch.setenv("SESSION_KEY", "a long random text")


def commands(recipe: str) -> list[str]:
    """The indented lines of a recipe's docstring that a shell is to run."""
    text = ast.get_docstring(ast.parse((EXAMPLES / recipe).read_text()))
    text = text.replace("\\\n", "")
    return re.findall(r"^    (\S.*)$", text, re.MULTILINE)


def test_every_recipe_is_accounted_for():
    assert sorted(MAY_IMPORT) == RECIPES


@pytest.mark.parametrize("recipe", RECIPES)
def test_recipes_import_what_they_say(recipe):
    tree = ast.parse((EXAMPLES / recipe).read_text())
    imported = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            imported |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            imported.add(node.module.split(".")[0])
    foreign = imported - sys.stdlib_module_names - {"lambdatotp"}
    assert foreign == MAY_IMPORT[recipe]


@pytest.mark.parametrize("recipe", RECIPES)
def test_recipes_name_things_that_exist(recipe):
    pinned = (ROOT / "pyproject.toml").read_text().lower()
    makefile = (ROOT / "Makefile").read_text()
    text = (EXAMPLES / recipe).read_text()
    for command in commands(recipe):
        if command.startswith("pip install --target"):
            continue  # the wheel, which make wheel puts there
        for name in command.removeprefix("pip install ").split() * command.startswith("pip "):
            assert re.search(rf"[\"']{name}==", pinned)
        for target in re.findall(r"^make (\S+)", command):
            assert f"\n{target}:" in makefile
        for path in re.findall(r"examples/\S+\.py", command):
            assert (ROOT / path).is_file()
    for name in set(re.findall(r"\bLAMBDATOTP_[A-Z_]+", text)):
        assert f"`{name}`" in (ROOT / "docs" / "deploy.md").read_text()


@pytest.mark.parametrize("file", ["lambda_handler.py", "cognito/triggers.py", "sam/README.md"])
def test_the_wheel_is_where_make_wheel_puts_it(file):
    """Rather than in dist/, where `make dist` puts the one for PyPI."""
    wheels = re.findall(r"(\S*)lambdatotp-\*\.whl", (EXAMPLES / file).read_text())
    assert wheels == ["out/lambda/"]
    assert "--out out/lambda\n" in (ROOT / "Makefile").read_text()


def test_the_table_of_recipes():
    """Every recipe is in it, with a command that its own docstring has, too."""
    rows = re.findall(
        r"^\| \[(\S+)\]\((\S+)\) \|.*\| `(.+)` \|$",
        (EXAMPLES / "README.md").read_text(),
        re.MULTILINE,
    )
    assert len(rows) == 7
    for _, link, command in rows:
        assert (EXAMPLES / link).exists()
        folders = {"cognito": "cognito/triggers.py", "replace_pyotp": "replace_pyotp/after.py"}
        recipe = folders.get(link, link)
        assert command in commands(recipe)
    covered = " ".join(link for _, link, _ in rows)
    assert all(recipe.split("/")[0] in covered for recipe in RECIPES)


@pytest.fixture
def clone(tmp_path, monkeypatch):
    """A folder to run commands in, and a shell's environment with .venv activated."""
    (tmp_path / "examples").symlink_to(EXAMPLES)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PATH", f"{Path(sys.executable).parent}:{os.environ['PATH']}")
    monkeypatch.setenv("PYTHONUNBUFFERED", "1")
    for name in ("LAMBDATOTP_EMBEDDED", "SESSION_KEY"):
        monkeypatch.delenv(name)
    return tmp_path


def shell(command: str) -> str:
    done = subprocess.run(  # noqa: S602 - the recipes' own commands
        command, shell=True, capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize(
    ("recipe", "more", "banner"),
    [
        ("fastapi_app.py", " --port 0", "Uvicorn running on"),
        ("flask_app.py", " --port 0", "Running on http"),
        ("django_app.py", " --noreload 127.0.0.1:0", "Starting development server"),
    ],
)
def test_the_servers_start_as_it_says(clone, monkeypatch, recipe, more, banner):
    del clone
    *before, serve = commands(recipe)
    monkeypatch.setenv("DJANGO_SUPERUSER_USERNAME", "ana")
    monkeypatch.setenv("DJANGO_SUPERUSER_PASSWORD", "correct horse")
    monkeypatch.setenv("DJANGO_SUPERUSER_EMAIL", "ana@example.com")
    steps = [step for step in before if not step.startswith("pip ")]
    steps = [f"{step} --noinput" if "createsuperuser" in step else step for step in steps]
    process = subprocess.Popen(  # noqa: S602 - the recipes' own commands
        " && ".join([*steps, f"exec env {serve}{more}"]),
        shell=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    with process.stdout:
        lines = []
        for line in process.stdout:
            lines.append(line)
            if banner in line:
                break
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    assert banner in lines[-1], "".join(lines)


def test_the_handler_replies_as_it_says(clone):
    del clone
    (command,) = [line for line in commands("lambda_handler.py") if "SESSION_KEY" in line]
    reply = json.loads(shell(command))
    assert reply["statusCode"] == 201
    phone = Phone(Answer(201, {}, reply["body"]))
    assert phone.totp.name == "ana@example.com"


def test_the_packaging_as_it_says(clone, tmp_path):
    """From the wheel to the zip. Making the wheel is for test-lambda."""
    steps = commands("lambda_handler.py")[1:]
    assert steps[0] == "make wheel"
    name = f"lambdatotp-{lambdatotp.__version__}"
    tag = "cp310-abi3-manylinux2014_x86_64"
    built = f"{name}-0lambda-{tag}.whl"
    about_wheel = f"Wheel-Version: 1.0\nRoot-Is-Purelib: false\nBuild: 0lambda\nTag: {tag}\n"
    about = f"Metadata-Version: 2.1\nName: lambdatotp\nVersion: {lambdatotp.__version__}\n"
    content = {
        "lambdatotp/__init__.py": "",
        f"{name}.dist-info/METADATA": about,
        f"{name}.dist-info/WHEEL": about_wheel,
        f"{name}.dist-info/RECORD": "",
    }
    (clone / "out" / "lambda").mkdir(parents=True)
    with zipfile.ZipFile(clone / "out" / "lambda" / built, "w") as wheel:
        for path, text in content.items():
            wheel.writestr(path, text)
    shell(" && ".join(steps[1:]))
    with zipfile.ZipFile(tmp_path / "out" / "function.zip") as function:
        assert {"lambda_handler.py", "lambdatotp/__init__.py"} <= set(function.namelist())


event = events.http_api


def code_event(code: str, **more: object) -> dict[str, object]:
    return event("POST", "/second-factor/code", {"code": code}, **more)


@pytest.fixture
def function():
    """The handler, called as Lambda's runtime client calls it; replies have gone through JSON."""
    handler = load("lambda_handler").handler

    def call(event: dict[str, object]) -> Answer:
        reply = json.loads(json.dumps(handler(event, None)))
        return Answer(
            reply["statusCode"], {**reply["headers"], "cookies": reply["cookies"]}, reply["body"]
        )

    return call


def test_the_handler_keeps_an_audit_trail(function, caplog):
    caplog.set_level(logging.INFO, "audit")
    phone = Phone(function(event("POST", "/second-factor")))
    code = code_of(phone)
    for typed in (code, code, phone.recovery_codes[0]):
        function(code_event(typed))
    events = [json.loads(record.getMessage()) for record in caplog.records]
    outcomes = ["registered", "accepted", "replayed", "recovered"]
    assert [(event["outcome"], event["user"]) for event in events] == [(o, "ana") for o in outcomes]
    for hidden in (code, phone.recovery_codes[0]):
        assert hidden not in caplog.text


def test_the_handler_the_whole_way(function, capsys):
    assert function(code_event("123456")).status == 409
    shown = function(event("POST", "/second-factor"))
    assert (shown.status, shown.headers["Cache-Control"]) == (201, "no-store")
    phone = Phone(shown)
    assert len(phone.recovery_codes) == 10
    # Until the first code, one may start again.
    phone = Phone(function(event("POST", "/second-factor")))

    code = code_of(phone)
    passed = function(code_event(code))
    assert passed.status == 200
    assert function(event("POST", "/second-factor")).status == 409
    (cookie,) = passed.headers["cookies"]
    assert all(word in cookie for word in ("; Secure", "; HttpOnly", "; SameSite=Strict"))
    again = function(code_event(code))
    assert (again.status, again.headers["cookies"]) == (401, [])

    statuses = [function(code_event(wrong)) for wrong in wrong_codes(phone, 10)]
    assert [answer.status for answer in statuses] == [401] * 9 + [429]
    assert 0 < int(statuses[-1].headers["Retry-After"]) <= 3600
    assert function(code_event(phone.recovery_codes[0])).status == 200
    assert function(code_event(phone.recovery_codes[0])).status == 401
    lambdatotp.Verifier().unlock("ana")
    assert function(code_event(code_of(phone, 1))).status == 200
    assert capsys.readouterr().out == ""


def test_the_handler_changes_a_phone(function):
    old = Phone(function(event("POST", "/second-factor")))
    assert old.totp.name == "ana@example.com"
    assert function(code_event(code_of(old))).status == 200

    def change(code: str) -> Answer:
        return function(event("POST", "/second-factor/change", {"code": code}))

    def confirm(code: str) -> Answer:
        return function(event("POST", "/second-factor/change/confirm", {"code": code}))

    assert confirm("123456").status == 409
    assert change(wrong_codes(old, 1)[0]).status == 400
    shown = change(code_of(old, 1))
    assert (shown.status, shown.headers["Cache-Control"]) == (201, "no-store")
    new = Phone(shown)
    assert new.totp.name == "ana@example.com"
    assert confirm(wrong_codes(new, 1)[0]).status == 400
    assert function(code_event(old.recovery_codes[0])).status == 200
    assert confirm(code_of(new)).status == 200
    assert function(code_event(code_of(new, 1))).status == 200


def test_its_cookie_is_one_users_own(function):
    phone = Phone(function(event("POST", "/second-factor")))
    (cookie,) = function(code_event(code_of(phone))).headers["cookies"]
    value = cookie.split(";")[0]
    name, until, seal = re.fullmatch(r"(.+)=(\d+)\.([0-9a-f]{64})", value).groups()
    assert time.time() < int(until) <= time.time() + 12 * 3600

    def passed(*cookies: str, user: str = "ana") -> bool:
        asked = {**event("GET", "/"), "cookies": list(cookies)}
        asked["requestContext"]["authorizer"]["jwt"]["claims"]["sub"] = user
        return json.loads(function(asked).text)["passed"]

    assert passed("other=1", value) is True
    assert passed() is False
    assert passed(value, user="bob") is False
    assert passed(f"{name}={int(until) + 1}.{seal}") is False
    assert passed(f"{name}={until}.{seal[:-1]}é") is False
    assert passed(f"{name}=") is False


def test_its_cookie_ends(function):
    phone = Phone(function(event("POST", "/second-factor")))
    sys.modules["lambda_handler"].SESSION_SECONDS = -1
    (cookie,) = function(code_event(code_of(phone))).headers["cookies"]
    asked = {**event("GET", "/"), "cookies": [cookie.split(";")[0]]}
    assert json.loads(function(asked).text)["passed"] is False


def test_the_handler_refuses(function):
    assert function(event("POST", "/second-factor", authorizer=None)).status == 401
    without = event("GET", "/")
    del without["requestContext"]["authorizer"]
    assert function(without).status == 401
    assert function(event("DELETE", "/second-factor")).status == 404
    for body in ("{", "[]", "\ud800"):
        assert function({**event("POST", "/second-factor/code"), "body": body}).status == 400
    assert function({**code_event("1"), "body": "?", "isBase64Encoded": True}).status == 400


def test_a_function_url_is_for_the_backend(function):
    """Signed with AWS credentials, it says for whom; a stage's name does not belong to the path."""
    context = {"authorizer": {"iam": {"accountId": "123456789012", "userId": "AIDA"}}}
    body = {"user": "bob"}
    shown = function(event("POST", "/second-factor", body, **context))
    assert Phone(shown).totp.name == "bob"
    assert function(event("POST", "/second-factor", **context)).status == 401
    staged = event("POST", "/prod/second-factor", body, **context, stage="prod")
    staged["body"], staged["isBase64Encoded"] = base64.b64encode(b'{"user": "eve"}').decode(), True
    assert Phone(function(staged)).totp.name == "eve"


BACKEND = "a-long-token-of-the-backend"
WAYS = {
    "http-api-2.0": events.http_api,
    "http-api-1.0": events.http_api_1,
    "rest-api": events.rest_api,
    "function-url": events.function_url,
    "alb": partial(events.alb, token=BACKEND),
    "alb-many": partial(events.alb, token=BACKEND, many=True),
}


def cookies_of(reply):
    """What a browser gets, by the rules of each sender."""
    many = reply.get("multiValueHeaders", {})
    single = reply.get("headers", {}).get("Set-Cookie")
    return reply.get("cookies") or many.get("Set-Cookie") or [single] * bool(single)


@pytest.mark.parametrize("way", WAYS)
def test_the_handler_by_every_way(monkeypatch, way):
    monkeypatch.setenv("BACKEND_TOKEN", BACKEND)
    handler, event = load("lambda_handler").handler, WAYS[way]

    def call(*arguments, **more):
        return json.loads(json.dumps(handler(event(*arguments, **more), None)))

    shown = call("POST", "/second-factor", {"user": "ana"})
    assert shown["statusCode"] == 201
    # Each sender drops what another one would read.
    version = WAYS[way]("GET", "/").get("version")
    assert ("cookies" in shown) == (version == "2.0")
    assert ("multiValueHeaders" in shown) == ("multiValueHeaders" in event("GET", "/"))
    assert ("headers" in shown) != ("multiValueHeaders" in shown)
    phone = Phone(Answer(201, {}, shown["body"]))
    sent = {"user": "ana", "code": code_of(phone)}
    replies = [call("POST", "/second-factor/code", sent) for _ in range(2)]
    assert [reply["statusCode"] for reply in replies] == [200, 401]
    (cookie,) = cookies_of(replies[0])
    assert cookies_of(replies[1]) == []
    # Version 2.0 has them apart.
    before = "" if version == "2.0" else "a=1; "
    for given, told in ((before + cookie.split(";")[0], True), ("a=1", False), ("", False)):
        asked = call("GET", "/", {"user": "ana"}, cookie=given)
        assert json.loads(asked["body"]) == {"user": "ana", "passed": told}


@pytest.mark.parametrize("many", [False, True])
@pytest.mark.parametrize("configured", ["", BACKEND])
def test_a_load_balancer_lets_nobody_in_without_the_token(monkeypatch, configured, many):
    monkeypatch.setenv("BACKEND_TOKEN", configured)
    handler = load("lambda_handler").handler
    wrong = BACKEND if not configured else f"{BACKEND}é"
    for shown in ("", "Bearer", "Bearer ", "Bearer wrong", f"Bearer {wrong}", BACKEND):
        event = events.alb("POST", "/second-factor", {"user": "ana"}, many=many)
        # The last is what an authorizer would say, sent by the caller.
        for name, value in (("authorization", shown), ("x-amzn-oidc-identity", "ana")):
            if many:
                event["multiValueHeaders"][name] = [value]
            else:
                event["headers"][name] = value
        assert handler(event, None)["statusCode"] == 401


def test_a_key_that_is_a_reference_stops_the_handler(monkeypatch):
    for name in ("BACKEND_TOKEN", "SESSION_KEY"):
        with monkeypatch.context() as patched:
            patched.setenv(name, "{{resolve:secretsmanager:key}}")
            with pytest.raises(SystemExit, match="a reference that nothing resolved"):
                load("lambda_handler")


def test_a_jwt_user_cannot_name_another(function):
    function(event("POST", "/second-factor", {"user": "bob"}))
    assert lambdatotp.Verifier().status("ana").registered_at
    with pytest.raises(lambdatotp.UserNotFoundError):
        lambdatotp.Verifier().status("bob")


def test_the_handler_without_the_table(monkeypatch, capsys):
    monkeypatch.delenv("LAMBDATOTP_EMBEDDED")
    monkeypatch.setenv("AWS_ENDPOINT_URL_DYNAMODB", "http://127.0.0.1:9")
    # What Lambda says at a cold start: the connection fails, and the import goes on.
    monkeypatch.setenv("AWS_LAMBDA_INITIALIZATION_TYPE", "on-demand")
    reply = load("lambda_handler").handler(code_event("123456"), None)
    assert (reply["statusCode"], reply["headers"]["Retry-After"]) == (503, "2")
    out = capsys.readouterr().out
    assert out.startswith("StoreUnavailableError: ")
    assert "123456" not in out


def test_the_handler_under_awss_runtime_client(tmp_path):
    folder = tmp_path / "task"
    folder.mkdir()
    shutil.copy(EXAMPLES / "lambda_handler.py", folder)
    names = ("LAMBDATOTP_EMBEDDED", "LAMBDATOTP_TABLE_NAME", "SESSION_KEY")
    environment = {name: os.environ[name] for name in names}
    environment["PYTHONPATH"] = (
        f"{runtime_client(THIS_PYTHON)}:{Path(lambdatotp.__file__).parents[1]}"
    )
    environment["_HANDLER"] = "lambda_handler.handler"
    with running(folder, sys.executable, THIS_PYTHON, environment) as function:
        shown = function.invoke(event("POST", "/second-factor"))
        phone = Phone(Answer(shown.status, shown.headers, shown.text))
        code = code_of(phone)
        replies = [function.invoke(code_event(code)) for _ in range(2)]
        assert [reply.status for reply in replies] == [200, 401]
        asked = {**event("GET", "/"), "cookies": [replies[0].cookies[0].split(";")[0]]}
        assert function.invoke(asked).json == {"user": "ana", "passed": True}


PASSWORD = "correct horse"


@pytest.fixture
def users(tmp_path):
    """The app's database as before.py leaves it: ana has a second factor, bob none."""
    before = load("replace_pyotp/before")
    db = sqlite3.connect(tmp_path / "users.db")
    db.execute(before.SCHEMA)
    before.add_user(db, "ana", PASSWORD)
    before.add_user(db, "bob", PASSWORD)
    yield db, before, pyotp.parse_uri(before.enroll(db, "ana"))
    db.close()


def upgrade(db: sqlite3.Connection) -> None:
    """Step 1 of after.py."""
    text = ast.get_docstring(ast.parse((EXAMPLES / "replace_pyotp/after.py").read_text()))
    db.execute(re.search(r"ALTER TABLE .*", text)[0])


def test_before_a_code_is_good_twice(users):
    db, before, phone = users
    code = phone.now()
    assert before.login(db, "ana", PASSWORD, code) is True
    assert not before.login(db, "ana", "wrong", code)
    # And nobody counts the guesses.
    for guess in wrong_codes(phone, 20):
        assert before.login(db, "ana", PASSWORD, guess) is False
    assert before.login(db, "ana", PASSWORD, code) is True
    assert before.login(db, "bob", PASSWORD, "") is True


def test_the_first_step_changes_one_line(users):
    """The same secrets and codes; and codes are good twice as before."""
    db, before, phone = users
    source = (EXAMPLES / "replace_pyotp/before.py").read_text()
    (line,) = re.findall(r"`(import lambdatotp\S+ as pyotp)`", source)
    changed, count = re.subn(r"^import pyotp$", line, source, flags=re.MULTILINE)
    assert count == 1
    step = {"__name__": "step"}
    exec(compile(changed, "step.py", "exec"), step)  # noqa: S102 - our own file
    assert step["pyotp"] is lambdatotp.pyotp
    assert [step["login"](db, "ana", PASSWORD, phone.now()) for _ in range(2)] == [True, True]
    uri = step["enroll"](db, "bob")
    assert before.login(db, "bob", PASSWORD, pyotp.parse_uri(uri).now())


def test_after_it_a_code_is_good_once(users):
    db, before, phone = users
    upgrade(db)
    after = load("replace_pyotp/after")
    code = phone.now()
    assert before.login(db, "ana", PASSWORD, code) is True
    assert not after.login(db, "ana", "wrong", code)
    assert after.login(db, "ana", PASSWORD, code) is True
    assert after.login(db, "ana", PASSWORD, code) is False
    *guesses, one_more = wrong_codes(phone, 10)  # the code used before was an attempt, too
    assert not any(after.login(db, "ana", PASSWORD, guess) for guess in guesses)
    with pytest.raises(lambdatotp.TooManyAttemptsError):
        after.login(db, "ana", PASSWORD, one_more)
    assert after.login(db, "bob", PASSWORD, "") is True
    # While the old code still runs somewhere, it asks for codes, too.
    assert not before.login(db, "ana", PASSWORD, wrong_codes(phone, 1)[0])


def test_after_it_new_users_are_lambdatotps(users):
    db, _, _ = users
    upgrade(db)
    after = load("replace_pyotp/after")
    after.add_user(db, "eve", PASSWORD)
    assert after.login(db, "eve", PASSWORD, "") is True
    phone = pyotp.parse_uri(after.enroll(db, "eve"))
    assert after.login(db, "eve", PASSWORD, "") is False
    # Who closed the window starts again; and a new phone takes the old one's place.
    phone = pyotp.parse_uri(after.enroll(db, "eve"))
    assert after.login(db, "eve", PASSWORD, phone.now()) is True
    assert after.change_phone("eve", "") is None
    new = pyotp.parse_uri(after.change_phone("eve", phone.at(time.time(), counter_offset=1)))
    assert after.confirm_phone("eve", "") is False
    assert after.confirm_phone("eve", new.now()) is True
    assert after.login(db, "eve", PASSWORD, new.at(time.time(), counter_offset=1)) is True
    assert db.execute("SELECT totp_secret FROM users WHERE name = 'eve'").fetchone() == (None,)


def test_everybody_is_moved(users, clone, monkeypatch):
    """By the command as it stands there, twice, and with one who was moved before."""
    db, before, phone = users
    upgrade(db)
    other = pyotp.parse_uri(before.enroll(db, "bob"))
    before.add_user(db, "short", PASSWORD)
    db.execute("UPDATE users SET totp_secret = 'GEZDGNBV' WHERE name = 'short'")
    db.commit()
    # Stopped between the two writes of a user.
    at = str(clone / "lambdatotp.db")
    verifier = lambdatotp.Verifier(embedded=at)
    verifier.register("bob", secret=other.secret)
    (command,) = commands("replace_pyotp/after.py")
    for _ in range(2):
        assert shell(command) == "short has to enroll anew: the secret is too short\n"
    moved = db.execute("SELECT name FROM users WHERE second_factor = 1 ORDER BY name").fetchall()
    assert moved == [("ana",), ("bob",)]
    db.execute("UPDATE users SET totp_secret = NULL")
    monkeypatch.setenv("LAMBDATOTP_EMBEDDED", at)
    after = load("replace_pyotp/after")
    for name, its_phone in (("ana", phone), ("bob", other)):
        assert after.login(db, name, PASSWORD, its_phone.now()) is True
        assert after.login(db, name, PASSWORD, its_phone.now()) is False


def test_who_was_moved_does_not_lapse(users, monkeypatch):
    db, _, phone = users
    upgrade(db)
    monkeypatch.setenv("LAMBDATOTP_ENROLLMENT_TTL", "600")
    after = load("replace_pyotp/after")
    after.move(db, "ana", phone.secret)
    assert after.verifier().status("ana").expires_at is None
