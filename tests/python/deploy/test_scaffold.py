"""`lambdatotp new` and `serve` from a wheel, as somebody has them who has only pip."""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import zipfile

import lambdatotp
import pyotp
import pytest
import yaml
from lambdatotp.deploy.stage import policy

from tests.python.support import ROOT
from tests.python.support.chalice_local import call, chalice_local, told
from tests.python.support.installed import Installed
from tests.python.support.serve import serving
from tools.lambda_runtime import proxy_event

REGION = {"AWS_DEFAULT_REGION": "eu-west-1"}


@pytest.fixture(scope="module")
def bare(tmp_path_factory):
    """An environment with Chalice, and without the package."""
    return Installed(tmp_path_factory.mktemp("bare"))


@pytest.fixture
def new(installed, tmp_path):
    def new(*options):
        return installed.run("-m", "lambdatotp", "new", *options, cwd=tmp_path)

    return new


@pytest.fixture
def project(new, tmp_path):
    done = new("second-factor")
    assert done.returncode == 0, done.stderr
    return tmp_path / "second-factor"


@pytest.fixture
def package(installed, wheelhouse):
    def package(project, *options, **variables):
        pip = {"PIP_FIND_LINKS": str(wheelhouse), "PIP_NO_INDEX": "1"}
        command = [installed.chalice, "package", *options, "out"]
        return installed.run(*command, cwd=project, **REGION, **pip, **variables)

    return package


def set_variables(project, **variables):
    file = project / ".chalice" / "config.json"
    config = json.loads(file.read_text())
    config["stages"]["dev"]["environment_variables"] = variables
    file.write_text(json.dumps(config))


def stopped(done, *words):
    """One line that says what is wrong; nothing was written."""
    assert done.returncode == 1
    line = done.stderr.splitlines()[-1]
    assert len(done.stderr.splitlines()) == 1
    assert line.startswith("lambdatotp: ")
    for word in words:
        assert word in line
    return True


def test_it_is_the_app_of_the_repository(project):
    tracked = subprocess.check_output(
        ["git", "ls-files", "app.py", "chalicelib"],  # noqa: S607
        cwd=ROOT,
        text=True,
    ).split()
    for name in tracked:
        assert (project / name).read_bytes() == (ROOT / name).read_bytes()
    files = {str(file.relative_to(project)) for file in project.rglob("*") if file.is_file()}
    assert files - set(tracked) == {
        ".chalice/config.json",
        ".chalice/operations.yaml",
        ".chalice/policy-dev.json",
        ".chalice/table.json",
        ".gitignore",
        "README.md",
        "requirements-dev.txt",
        "requirements.txt",
        "test_app.py",
    }
    assert f"\nlambdatotp=={lambdatotp.__version__}\n" in (project / "requirements.txt").read_text()
    assert {file.stat().st_mode & 0o777 for file in project.rglob("*")} == {0o644, 0o755}


def test_the_names_that_are_asked_for(new, tmp_path):
    done = new("second factor!", "--table", "prod_users", "--issuer", "ACME", "--stage", "prod")
    assert done.returncode == 0, done.stderr
    assert "create-table --table-name prod_users" in done.stdout
    assert "chalice deploy --stage prod" in done.stdout
    folder = tmp_path / "second factor!" / ".chalice"
    config = json.loads((folder / "config.json").read_text())
    assert config["app_name"] == "second-factor"
    (stage,) = config["stages"].items()
    variables = {"LAMBDATOTP_TABLE_NAME": "prod_users", "LAMBDATOTP_ISSUER": "ACME"}
    assert stage == ("prod", {"api_gateway_stage": "api", "environment_variables": variables})
    assert json.loads((folder / "policy-prod.json").read_text()) == policy("prod_users")
    for name in ("table.json", "operations.yaml"):
        template = yaml.safe_load((folder / name).read_text())
        assert template["Parameters"]["TableName"]["Default"] == "prod_users"


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["taken"], "already exists, and is not an empty folder"),
        (["file"], "already exists, and is not an empty folder"),
        (["nowhere/project"], "make it first"),
        (["."], "name one to be made"),
        (["project", "--table", "my users"], "cannot name a table"),
        (["project", "--stage", "../x"], "cannot name a stage"),
        (["project", "--issuer", "a\nb"], "issuer"),
    ],
)
def test_what_it_refuses(new, tmp_path, options, words):
    (tmp_path / "taken").mkdir()
    (tmp_path / "taken" / "mine").write_text("mine")
    (tmp_path / "file").write_text("mine")
    before = sorted(tmp_path.rglob("*"))
    done = new(*options)
    assert done.returncode in {2, 3}
    (line,) = done.stderr.splitlines()
    assert words in line
    assert sorted(tmp_path.rglob("*")) == before


def test_an_empty_folder_is_filled(new, tmp_path):
    (tmp_path / "empty").mkdir()
    assert new("empty").returncode == 0
    assert (tmp_path / "empty" / "app.py").is_file()


def test_nothing_half_written(installed, tmp_path):
    """The disk is full after a few files: none is left."""
    done = subprocess.run(
        [installed.python, "-B", "-m", "lambdatotp", "new", "project"],
        cwd=tmp_path,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (4000, 4000)),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    (line,) = done.stderr.splitlines()
    assert "File too large" in line
    assert list(tmp_path.iterdir()) == []


def test_its_own_test_passes(project, installed):
    done = installed.run("-m", "pytest", "-q", "-p", "no:cacheprovider", cwd=project)
    assert "1 passed" in done.stdout, done.stdout + done.stderr


def test_chalice_package(project, package):
    """The zip holds the module that pip found, and runs as it is."""
    done = package(project)
    assert done.returncode == 0, done.stderr
    with zipfile.ZipFile(project / "out" / "deployment.zip") as archive:
        names = archive.namelist()
        archive.extractall(project / "task")
    assert len(names) == len(set(names))
    assert {"app.py", "chalicelib/config.py", "chalice/app.py"} <= set(names)
    assert [name for name in names if name.endswith(".so")] == ["lambdatotp/_lambdatotp.abi3.so"]
    resources = json.loads((project / "out" / "sam.json").read_text())["Resources"]
    assert "table/totp_users" in json.dumps(resources["ApiHandlerRole"])
    body = json.dumps({"user": "ana"})
    event = proxy_event("POST", "/", headers={"Content-Type": "application/json"}, body=body)
    program = "import app, json, sys; print(json.dumps(app.app(json.load(sys.stdin), None)))"
    # Nothing but what is in the zip.
    answer = subprocess.run(
        [sys.executable, "-S", "-c", program],
        cwd=project / "task",
        env={"LAMBDATOTP_EMBEDDED": ":memory:"},
        input=json.dumps(event),
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert json.loads(answer)["statusCode"] == 201


def test_chalice_local(project, installed, tmp_path):
    users = {"LAMBDATOTP_EMBEDDED": str(tmp_path / "users.db")}
    with chalice_local(project, installed.chalice, **users) as port:
        register_and_verify(port)


def register_and_verify(port):
    status, body = call(port, "POST", "/", {"user": "ana"})
    assert status == 201
    code = pyotp.parse_uri(body["qr_code"]).now()
    sent = {"user": "ana", "code": code}
    assert call(port, "POST", "/verify", sent) == told(valid=True, first=True, left=10)
    assert call(port, "POST", "/verify", sent)[1]["code_is_valid"] is False


def test_serve_without_a_project(installed, tmp_path):
    """The app that comes with the package."""
    with serving(cwd=tmp_path, python=str(installed.python)) as served:
        register_and_verify(served.port)
    assert (tmp_path / "lambdatotp.db").is_file()


def test_serve_a_project(project, installed, tmp_path):
    config = project / "chalicelib" / "config.py"
    config.write_text(config.read_text().replace('"MyApp"', '"ACME"'))
    options = ("--app", "second-factor", "--embedded", ":memory:")
    with serving(*options, cwd=tmp_path, python=str(installed.python)) as served:
        uri = call(served.port, "POST", "/", {"user": "ana"})[1]["qr_code"]
        assert pyotp.parse_uri(uri).issuer == "ACME"


@pytest.mark.parametrize("command", [["local", "--port", "0"], ["deploy"], ["package", "out"]])
@pytest.mark.parametrize(
    ("made_by", "remedy"),
    [
        ("README.md", "pip install -r requirements-dev.txt"),
        ("Makefile", "make build && . .venv/bin/activate"),
    ],
    ids=["in a project", "in a clone"],
)
def test_without_the_module(project, bare, command, made_by, remedy):
    """`chalice local` watches for changes, and used to wait for one for ever."""
    (project / made_by).touch()
    done = bare.run(bare.chalice, *command, cwd=project, **REGION)
    # Chalice's watcher may have something to say itself.
    assert [line for line in done.stderr.splitlines() if line.startswith("lambdatotp")] == [
        f"lambdatotp: No module named 'lambdatotp': run: {remedy}"
    ]
    assert "Traceback" not in done.stderr


def test_a_module_that_nothing_ships(project, package):
    (project / "requirements.txt").write_text("# nothing\n")
    add = f"add lambdatotp=={lambdatotp.__version__} to requirements.txt"
    assert stopped(package(project), add)
    (project / "requirements.txt").write_text("lambdatotp==9.9.9  # newer\n")
    assert stopped(package(project), "9.9.9", "is installed here", "pip install")
    assert not (project / "out").exists()


def test_a_table_that_is_exported_for_another_stage(project, package):
    """Chalice puts the stage's own name over it before it imports the app."""
    prod = {"LAMBDATOTP_TABLE_NAME": "prod_users"}
    for own in ({}, {"LAMBDATOTP_TABLE_NAME": "dev_users"}):
        set_variables(project, **own)
        uses = own.get("LAMBDATOTP_TABLE_NAME", "totp_users")
        done = package(project, **prod)
        assert stopped(done, f"is prod_users here, but stage dev would use {uses}")
    set_variables(project, **prod)
    assert package(project, **prod).returncode == 0


def test_the_permissions_follow_the_table(project, package):
    config, file = project / "chalicelib" / "config.py", project / ".chalice" / "policy-dev.json"
    config.write_text(config.read_text().replace('"totp_users"', '"my_users"'))
    assert package(project).returncode == 0
    assert json.loads(file.read_text()) == policy("my_users")
    # Unless somebody has edited them.
    edited = policy("my_users")
    edited["Statement"].append({"Effect": "Allow", "Action": "ses:SendEmail", "Resource": "*"})
    file.write_text(json.dumps(edited))
    assert package(project).returncode == 0
    assert json.loads(file.read_text()) == edited
    config.write_text(config.read_text().replace('"my_users"', '"other_users"'))
    assert stopped(package(project), "allows my_users, but stage dev uses other_users")


def test_serve_says_what_it_needs(installed, tmp_path):
    """Of its libraries, one is missing."""
    hidden = "import sys; sys.modules['waitress'] = None; from lambdatotp.cli import run; run()"
    done = installed.run("-c", hidden, "serve", cwd=tmp_path)
    assert done.returncode == 2
    assert "pip install 'lambdatotp[app]'" in done.stderr


def test_the_links_of_the_scaffold():
    """What a project shares with the repository is a link to it, never a copy."""
    scaffold = ROOT / "python" / "lambdatotp" / "scaffold"
    links = {str(path.relative_to(scaffold)) for path in scaffold.rglob("*") if path.is_symlink()}
    assert {"app.py", "chalicelib", ".chalice/config.json", ".chalice/table.json"} <= links
    for name in links:
        assert (scaffold / name).samefile(ROOT / name)
