"""What contributors meet: the guide, the forms, the hooks, and the order of the tests."""

from __future__ import annotations

import ast
import re

import pytest
import yaml

from tests.python.support import ROOT

GUIDE = (ROOT / "CONTRIBUTING.md").read_text()
TESTS = ROOT / "tests" / "python"
MODULES = sorted(path.relative_to(ROOT).as_posix() for path in TESTS.rglob("*.py"))


def test_every_folder_of_tests_has_a_row():
    rows = set(re.findall(r"`tests/python/(\w+)/` \|$", GUIDE, re.MULTILINE))
    folders = {path.parent.name for path in TESTS.glob("*/test_*.py")}
    assert folders - rows <= {"benches", "examples"}
    assert rows <= folders


def test_every_path_exists():
    paths = re.findall(r"`((?:src|tests|python|chalicelib|tools|docs|\.ci)/[^` *]*)", GUIDE)
    assert len(paths) > 15
    for path in paths:
        assert list(ROOT.glob(f"{path.rstrip('/')}*")), path


@pytest.mark.parametrize("module", MODULES)
def test_no_test_imports_another(module):
    for node in ast.walk(ast.parse((ROOT / module).read_text())):
        names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        if isinstance(node, ast.ImportFrom):
            names = [f"{node.module}.{alias.name}" for alias in node.names]
        for name in names:
            assert "conftest" not in name
            assert not re.search(r"\btest_", name), name
            assert not name.startswith("tests.") or name.startswith("tests.python.support"), name


def test_the_import_root_is_one():
    """`pythonpath` in pyproject.toml: nothing adds to the path but processes of their own."""
    for folder in ("tests", "tools", "benches"):
        for path in (ROOT / folder).rglob("*.py"):
            if path.parent.name == "peers" or path.name == "test_contributing.py":
                continue
            assert not re.search(r"sys\.path(\[|\.append|\.insert)", path.read_text()), path


def test_ci_and_hooks_call_what_we_call():
    jobs = yaml.safe_load((ROOT / ".github/workflows/ci.yml").read_text())["jobs"]
    assert [step["run"] for step in jobs["run"]["steps"] if "run" in step] == [".ci/run"]
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    (repository,) = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text())["repos"]
    for hook in repository["hooks"]:
        make, target = hook["entry"].split()
        assert make == "make"
        assert target in targets
        assert f"`make {target}`" in GUIDE


def test_issues_ask_for_no_secrets():
    forms = ROOT / ".github" / "ISSUE_TEMPLATE"
    assert "**Everybody can read this.**" in (forms / "bug.yml").read_text()
    config = yaml.safe_load((forms / "config.yml").read_text())
    assert config["blank_issues_enabled"] is False
    assert config["contact_links"][0]["url"].endswith("/security/advisories/new")
