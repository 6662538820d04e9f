"""What stops `chalice deploy` from shipping something that cannot work."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import zipfile
from functools import partial
from io import BytesIO
from pathlib import Path

import boto3
import pytest
import yaml
from lambdatotp import _lambdatotp
from lambdatotp.deploy import vendored
from lambdatotp.deploy.stage import Stage, policy

from tests.python.support import ROOT
from tools.deploy import vendor as vendors

PARTS = ["app.py", "chalicelib", ".chalice", "requirements.txt", "Cargo.toml", "Cargo.lock"]
PARTS += ["pyproject.toml", "src", "macros", "python/lambdatotp", "tools"]

# One of each kind that the module is built from.
SOURCES = ["src/lib.rs", "macros/src/lib.rs", "macros/Cargo.toml", "Cargo.toml", "Cargo.lock"]
SOURCES += ["pyproject.toml", "python/lambdatotp/__init__.py", "python/lambdatotp/pyotp/totp.py"]


@pytest.fixture
def project(tmp_path):
    """Copy what a clone has, without vendor/."""
    root = tmp_path / "project"
    unwanted = shutil.ignore_patterns("__pycache__", "*.so", "deployments", "deployed")
    for part in PARTS:
        source, target = ROOT / part, root / part
        target.parent.mkdir(parents=True, exist_ok=True)
        if source.is_dir():
            shutil.copytree(source, target, symlinks=True, ignore=unwanted)
        else:
            shutil.copy(source, target)
    # A clone's files have the modes of its owner's umask.
    for path in root.rglob("*"):
        path.chmod(path.stat().st_mode | (0o755 if path.is_dir() else 0o644))
    return root


@pytest.fixture
def filled(project):
    """The same, with vendor/ as `make vendor` fills it."""
    shutil.copytree(ROOT / "vendor", project / "vendor")
    return project


@pytest.fixture
def described(project):
    """The same, with a vendor/ that says it holds nothing: enough for Chalice to package."""
    build = {"sources": vendored.sources(project), "machine": "EM_X86_64", "files": {}}
    (project / "vendor" / "lambdatotp").mkdir(parents=True)
    (project / "vendor" / vendored.BUILD).write_text(json.dumps(build))
    return project


def chalice(root, *arguments, **variables):
    environment = {
        **{k: v for k, v in os.environ.items() if not k.startswith("AWS_")},
        "AWS_DEFAULT_REGION": "eu-west-1",
        "AWS_EC2_METADATA_DISABLED": "true",
        **variables,
    }
    return subprocess.run(
        [Path(sys.executable).with_name("chalice"), *arguments],
        cwd=root,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )


def package(root, *arguments, **variables):
    return chalice(root, "package", *arguments, "out", **variables)


def stopped(done, *words):
    """One line that says what is wrong and what to run; nothing was written."""
    assert done.returncode == 1
    (line,) = done.stderr.strip().splitlines()
    assert line.startswith("lambdatotp: nothing was shipped: ")
    for word in words:
        assert word in line
    return True


@pytest.mark.parametrize("command", ["deploy", "package"])
def test_an_empty_vendor(project, command):
    done = chalice(project, command, *(["out"] if command == "package" else []))
    assert stopped(done, "does not hold the compiled module", f"make {command} STAGE=dev")
    assert not (project / "out").exists()
    (project / "vendor").mkdir()
    assert stopped(chalice(project, "deploy", "--stage", "prod"), "make deploy STAGE=prod")


def test_other_commands_go_on(project):
    done = chalice(project, "gen-policy", AWS_CHALICE_CLI_MODE="true")
    assert "nothing was shipped" not in done.stderr


@pytest.mark.parametrize("folder", ["project", "{root}/project", "./elsewhere/../project"])
def test_from_another_folder(described, folder):
    root = described.parent
    (root / "elsewhere").mkdir()
    # What is in the folder that it was started from is none of its business.
    (root / "tools.py").write_text("raise ImportError('the wrong tools')")
    (root / "chalicelib.py").write_text("raise ImportError('the wrong chalicelib')")
    where = ("--project-dir", folder.format(root=root))
    out = root / "out"
    done = chalice(root, *where, "package", out)
    assert done.returncode == 0, done.stderr
    with zipfile.ZipFile(out / "deployment.zip") as archive:
        names = archive.namelist()
    assert "app.py" in names
    assert not [name for name in names if name.startswith("tools") or "shipping" in name]
    (described / "vendor" / vendored.BUILD).unlink()
    assert stopped(chalice(root, *where, "package", out), "does not hold the compiled module")


@pytest.mark.parametrize(
    ("own", "shared"),
    [
        ({"LAMBDATOTP_API_TOKEN": ""}, {}),
        (
            {"LAMBDATOTP_API_TOKEN": "two words"},
            {"LAMBDATOTP_API_TOKEN": "long-enough-for-a-token"},
        ),
        ({}, {"LAMBDATOTP_VERIFY_TOKEN": "short"}),
    ],
)
def test_a_token_that_would_stop_the_app(described, own, shared):
    file = described / ".chalice" / "config.json"
    config = json.loads(file.read_text())
    config["environment_variables"] = shared
    config["stages"]["dev"]["environment_variables"] = own
    file.write_text(json.dumps(config))
    (name,) = own or shared
    done = package(described)
    assert stopped(done, name)
    assert not {"words", "short"} & set(done.stderr.split())


@pytest.mark.shipped
def test_a_full_vendor(filled):
    done = package(filled)
    assert done.returncode == 0, done.stderr
    with zipfile.ZipFile(filled / "out" / "deployment.zip") as archive:
        assert "lambdatotp/_lambdatotp.abi3.so" in archive.namelist()


@pytest.mark.parametrize("file", SOURCES)
def test_each_source_counts(project, file):
    before = vendored.sources(project)
    with (project / file).open("a") as source:
        source.write("\n")
    assert vendored.sources(project) != before


@pytest.mark.shipped
@pytest.mark.parametrize("file", SOURCES[:1])
def test_a_stale_vendor(filled, file):
    with (filled / file).open("a") as source:
        source.write("\n")
    assert stopped(package(filled), "was built from other sources")


@pytest.mark.shipped
def test_a_damaged_vendor(filled):
    with (filled / "vendor/lambdatotp/_lambdatotp.abi3.so").open("ab") as module:
        module.write(b"\0")
    (filled / "vendor/lambdatotp/__init__.py").unlink()
    assert stopped(package(filled), "_lambdatotp.abi3.so is not", "__init__.py is not")


@pytest.mark.shipped
def test_another_architecture(filled):
    config = json.loads((filled / ".chalice/config.json").read_text())
    config["stages"]["dev"]["lambda_architecture"] = "arm64"
    (filled / ".chalice/config.json").write_text(json.dumps(config))
    assert stopped(package(filled), "built for EM_X86_64", "runs on arm64")


@pytest.mark.parametrize(
    ("shared", "own", "target"),
    [
        ({}, {}, "x86_64"),
        ({}, {"lambda_architecture": "arm64"}, "aarch64"),
        ({"lambda_architecture": "arm64"}, {}, "aarch64"),
        ({"lambda_architecture": "arm64"}, {"lambda_architecture": "x86_64"}, "x86_64"),
    ],
)
def test_make_builds_for_the_stages_machine(project, shared, own, target):
    file = project / ".chalice" / "config.json"
    file.write_text(json.dumps({**json.loads(file.read_text()), **shared, "stages": {"arm": own}}))
    shutil.copy(ROOT / "Makefile", project)
    told = subprocess.check_output(
        ["make", "--dry-run", "--print-data-base", "STAGE=arm", f"PYTHON={sys.executable}", "help"],  # noqa: S607
        cwd=project,
        text=True,
    )
    assert f"\nLAMBDA_TARGET := {target}-unknown-linux-gnu\n" in told


def test_bytecode_of_another_python_is_a_warning(described):
    file = described / "vendor" / vendored.BUILD
    file.write_text(json.dumps({**json.loads(file.read_text()), "python": "3.99"}))
    done = package(described)
    assert done.returncode == 0
    (line,) = [line for line in done.stderr.splitlines() if line.startswith("lambdatotp: ")]
    assert "warning: vendor/ holds bytecode of Python 3.99" in line
    assert "at each cold start" in line


@pytest.mark.shipped
def test_files_that_lambda_could_not_read(filled):
    """As a clone made under umask 077 has them."""
    (filled / "app.py").chmod(0o600)
    (filled / "vendor/lambdatotp/__init__.py").chmod(0o640)
    assert stopped(package(filled), "could not read", "app.py", "__init__.py", "chmod -R a+rX")


@pytest.mark.shipped
def test_what_python_leaves_behind_is_not_shipped(filled):
    cache = filled / "chalicelib" / "__pycache__"
    cache.mkdir()
    (cache / "config.cpython-399.pyc").write_bytes(b"junk")
    assert package(filled, PYTHONDONTWRITEBYTECODE="").returncode == 0
    with zipfile.ZipFile(filled / "out" / "deployment.zip") as archive:
        names = archive.namelist()
    assert len(names) == len(set(names))
    assert not [name for name in names if "399" in name]


def set_up(root, **stages):
    """Give .chalice/config.json these stages."""
    file = root / ".chalice" / "config.json"
    file.write_text(json.dumps({**json.loads(file.read_text()), "stages": stages}))


def shipped_variables(root):
    resources = json.loads((root / "out/sam.json").read_text())["Resources"]
    return resources["APIHandler"]["Properties"].get("Environment", {}).get("Variables", {})


def test_each_stage_has_its_own_table(described):
    prod = {"LAMBDATOTP_TABLE_NAME": "prod_users"}
    set_up(described, dev={}, prod={"environment_variables": prod})
    for stage, table, variables in (("dev", "totp_users", {}), ("prod", "prod_users", prod)):
        done = package(described, "--stage", stage)
        assert done.returncode == 0, done.stderr
        assert shipped_variables(described) == variables
        written = json.loads((described / f".chalice/policy-{stage}.json").read_text())
        assert written == policy(table)


@pytest.mark.parametrize("name", ["LAMBDATOTP_TABLE_NAME", "LAMBDATOTP_ISSUER"])
def test_what_is_exported_for_another_stage(described, name):
    """Chalice puts the stage's own over what is exported, before it imports the app."""
    for own in ({}, {name: "dev_name"}):
        set_up(described, dev={"environment_variables": own})
        done = package(described, **{name: "prod_name"})
        assert stopped(done, f"{name} is prod_name here, but stage dev would use", "unset it")
    set_up(described, dev={"environment_variables": {name: "prod_name"}})
    assert package(described, **{name: "prod_name"}).returncode == 0


def test_a_clone_stays_as_git_has_it(described):
    """Packaging writes nothing that is tracked."""
    git = ["git", "-C", described, "-c", "user.name=t", "-c", "user.email=t@example.com"]
    shutil.copy(ROOT / ".gitignore", described)
    for step in (["init", "-q"], ["add", "-A"], ["commit", "-qm", "a clone"]):
        subprocess.run([*git, *step], check=True)
    for stage in ("dev", "prod"):
        assert package(described, "--stage", stage).returncode == 0
    status = subprocess.check_output([*git, "status", "--porcelain"], text=True)
    assert status == ""


def test_the_command_of_the_requirements_is_not_shipped(described):
    """`pip install -r requirements.txt` brings Chalice, whose 22 MB Chalice would ship."""
    pip = [sys.executable, "-m", "pip", "install", "--dry-run", "--no-index"]
    told = subprocess.check_output([*pip, "-r", described / "requirements.txt"], text=True)
    assert "Requirement already satisfied: chalice" in told
    done = package(described, PIP_NO_INDEX="1")
    assert done.returncode == 0, done.stderr
    with zipfile.ZipFile(described / "out" / "deployment.zip") as archive:
        shipped = {name.partition("/")[0] for name in archive.namelist()}
        own = {name for name in archive.namelist() if name.startswith("chalice/")}
    assert shipped == {"app.py", "chalice", "chalicelib", "lambdatotp"}
    assert own == {"chalice/__init__.py", "chalice/app.py"}


def test_the_policy_of_chalices_own_making(described):
    config = json.loads((described / ".chalice/config.json").read_text())
    config["autogen_policy"] = True
    (described / ".chalice/config.json").write_text(json.dumps(config))
    assert stopped(package(described), "autogen_policy grants no table")


TOKEN = "a-token-of-32-characters-or-so"


def referring(root, **variables):
    set_up(root, dev={"environment_variables": variables})


def run_deploy(root, moto):
    keys = {"AWS_ACCESS_KEY_ID": "testing", "AWS_SECRET_ACCESS_KEY": "testing"}
    return subprocess.run(
        [sys.executable, "-m", "lambdatotp", "deploy"],
        cwd=root,
        env={**os.environ, "AWS_DEFAULT_REGION": "eu-west-1", "AWS_ENDPOINT_URL": moto, **keys},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture
def secrets(moto):
    """A secret of each kind."""
    client = partial(boto3.client, endpoint_url=moto, region_name="eu-west-1")
    manager, store = client("secretsmanager"), client("ssm")
    manager.create_secret(Name="plain", SecretString=TOKEN)
    manager.create_secret(Name="json", SecretString=json.dumps({"token": TOKEN}))
    store.put_parameter(Name="/app/keys", Value="k1:" + "A" * 43, Type="SecureString")
    yield
    for name in ("plain", "json"):
        manager.delete_secret(SecretId=name, ForceDeleteWithoutRecovery=True)
    store.delete_parameter(Name="/app/keys")


@pytest.mark.usefixtures("secrets")
@pytest.mark.parametrize(
    ("reference", "words"),
    [
        ("{{resolve:secretsmanager:none}}", "ResourceNotFoundException"),
        ("{{resolve:secretsmanager:plain:SecretString:token}}", "is not JSON with a key token"),
        ("{{resolve:secretsmanager:json:SecretBinary}}", "something other than SecretString"),
        ("{{resolve:ssm:/app/keys}}", "is a SecureString: write ssm-secure"),
        ("{{resolve:ssm:/none}}", "ParameterNotFound"),
        ("{{resolve:vault:plain}}", "holds a reference that cannot be read"),
        ("{{resolve:secretsmanager:plain", "holds a reference that cannot be read"),
    ],
)
def test_a_reference_that_cannot_be_resolved(described, moto, reference, words):
    referring(described, LAMBDATOTP_API_TOKEN=reference)
    done = run_deploy(described, moto)
    assert done.returncode == 1
    (line,) = done.stderr.splitlines()
    assert "LAMBDATOTP_API_TOKEN" in line
    assert words in line
    assert TOKEN not in line


def test_chalice_deploy_does_not_resolve(described):
    referring(described, LAMBDATOTP_API_TOKEN="{{resolve:secretsmanager:plain}}")
    done = chalice(described, "deploy")
    assert stopped(done, "LAMBDATOTP_API_TOKEN", "run: lambdatotp deploy --stage dev")


def test_cloudformation_does(described):
    """The template has the reference; the app is imported without the value."""
    reference = "{{resolve:secretsmanager:plain}}"
    referring(described, LAMBDATOTP_API_TOKEN=reference)
    done = package(described)
    assert (done.returncode, done.stderr) == (0, "")
    assert shipped_variables(described) == {"LAMBDATOTP_API_TOKEN": reference}
    referring(described, LAMBDATOTP_KEYS="{{resolve:ssm-secure:keys}}")
    assert stopped(
        package(described), "LAMBDATOTP_KEYS", "does not resolve ssm-secure", "use secretsmanager"
    )
    referring(described, LAMBDATOTP_TABLE_NAME="{{resolve:ssm:table}}")
    assert stopped(package(described), "LAMBDATOTP_TABLE_NAME cannot be a reference")


def test_a_stage_with_an_odd_name(described):
    done = package(described, "--stage", "../x")
    assert done.returncode == 1
    (line,) = done.stderr.splitlines()
    assert "'../x' cannot name a stage" in line


def test_the_table_of_the_repository():
    assert Stage("dev", ROOT).table == "totp_users"
    assert Stage("dev", ROOT).issuer == "MyApp"


def test_the_templates_table_is_the_one_that_create_table_makes():
    template = json.loads((ROOT / ".chalice" / "table.json").read_text())
    made = template["Resources"]["UsersTable"]["Properties"]
    requests = {}
    verifier = _lambdatotp.Verifier(table_name="totp_users")
    for request in _lambdatotp.table_requests(verifier, [], None):
        parameters = requests[request.operation] = json.loads(request.body)
        assert parameters.pop("TableName") == "totp_users"
    assert template["Parameters"]["TableName"]["Default"] == "totp_users"
    assert made.pop("TableName") == {"Ref": "TableName"}
    expected = dict(requests["CreateTable"])
    expected["SSESpecification"] = {"SSEEnabled": expected["SSESpecification"]["Enabled"]}
    expected |= requests["UpdateTimeToLive"] | requests["UpdateContinuousBackups"]
    assert made == expected


def test_what_operators_expect_has_the_same_table():
    """The second template holds the first: a stack goes from one to the other in place."""
    small = json.loads((ROOT / ".chalice" / "table.json").read_text())["Resources"]
    large = yaml.safe_load((ROOT / ".chalice" / "operations.yaml").read_text())["Resources"]
    assert large["UsersTable"].pop("Condition") == "Makes"
    assert large["UsersTable"] == small["UsersTable"]
    few, many = (
        resources["ApiHandlerRole"]["Properties"]["Policies"][0]["PolicyDocument"]["Statement"]
        for resources in (small, large)
    )
    assert many[0] == few[0]
    assert many[1]["Action"] == few[1]["Action"]
    assert many[1]["Resource"]["Fn::Sub"].endswith(":table/${TableName}")


def cfn_lint(template):
    """What cfn-lint has to say."""
    lint = Path(sys.executable).with_name("cfn-lint")
    done = subprocess.run([lint, template], capture_output=True, text=True, check=False)
    return done.returncode, done.stdout


@pytest.mark.shipped
@pytest.mark.parametrize("template", ["", "table.json", "operations.yaml"])
def test_the_template_holds_for_cloudformation(filled, template):
    merge = ["--merge-template", f".chalice/{template}"] if template else []
    assert package(filled, *merge).returncode == 0
    suffix = Path(template).suffix or ".json"
    assert cfn_lint(filled / "out" / f"sam{suffix}") == (0, "")


def test_the_examples_template_holds_for_cloudformation(tmp_path):
    folder = tmp_path / "examples" / "sam"
    folder.mkdir(parents=True)
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "function.zip").touch()
    shutil.copy(ROOT / "examples" / "sam" / "template.yaml", folder)
    assert cfn_lint(folder / "template.yaml") == (0, "")


class TestModule:
    """Which compiled modules are refused."""

    @staticmethod
    def dev_build():
        return BytesIO(Path(_lambdatotp.__file__).read_bytes())

    def test_one_built_without_zig(self):
        with pytest.raises(vendors.UnfitError, match=r"glibc 2\.\d+.*--zig|libgcc_s"):
            vendors.check_module(self.dev_build())

    def test_one_for_another_machine(self):
        module = self.dev_build()
        module.seek(18)
        module.write((8).to_bytes(2, "little"))
        module.seek(0)
        with pytest.raises(vendors.UnfitError, match="EM_MIPS"):
            vendors.check_module(module)

    def test_what_is_no_module(self):
        with pytest.raises(vendors.UnfitError, match="not an ELF module"):
            vendors.check_module(BytesIO(b"MZ"))

    @pytest.mark.shipped
    def test_the_one_that_is_shipped(self):
        with (ROOT / "vendor/lambdatotp/_lambdatotp.abi3.so").open("rb") as module:
            assert vendors.check_module(module) == ("EM_X86_64", "2.17")

    @pytest.mark.parametrize("modules", [0, 2])
    def test_a_wheel_with_none_or_two(self, modules, tmp_path):
        wheel = tmp_path / "lambdatotp.whl"
        with zipfile.ZipFile(wheel, "w") as archive:
            archive.writestr("lambdatotp/__init__.py", "")
            for number in range(modules):
                archive.writestr(f"lambdatotp/_{number}.so", "")
        (tmp_path / "vendor").mkdir()
        (tmp_path / "vendor" / "kept").touch()
        with pytest.raises(vendors.UnfitError, match=f"{modules} compiled modules"):
            vendors.fill(wheel, tmp_path / "vendor")
        # What was there is still there, and nothing else.
        assert (tmp_path / "vendor" / "kept").exists()
        assert {path.name for path in tmp_path.iterdir()} == {"vendor", "lambdatotp.whl"}
