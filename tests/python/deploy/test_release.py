"""What stops a release that is not ready: the clone's state, the files, the workflows."""

from __future__ import annotations

import datetime
import json
import re
import subprocess
import sys
import zipfile

import pytest

from tests.python.support import ROOT
from tools import actionlint
from tools.release import check, notices, source

TODAY = datetime.datetime.now(datetime.timezone.utc).date()
LINKS = "[Unreleased]: https://example.com/a\n[0.2.0]: https://example.com/b\n"
READY = {
    "Cargo.toml": '[package]\nname = "lambdatotp"\nversion = "0.2.0"\n\n[dependencies]\n'
    'lambdatotp-macros = { path = "macros", version = "0.2.0", optional = true }\n',
    "macros/Cargo.toml": '[package]\nname = "lambdatotp-macros"\nversion = "0.2.0"\n',
    "Cargo.lock": '[[package]]\nname = "lambdatotp"\nversion = "0.2.0"\n\n'
    '[[package]]\nname = "lambdatotp-macros"\nversion = "0.2.0"\n',
    "openapi.json": '{\n  "info": {\n    "version": "0.2.0",\n  }\n}\n',
    "mkdocs.yml": "copyright: lambdatotp 0.2.0, MIT licence\n",
    "CHANGELOG.md": f"# Changelog\n\n## [Unreleased]\n\n## [0.2.0] - {TODAY}\n\n- New.\n\n{LINKS}",
    "README.md": "# lambdatotp\n",
}


def git(root, *arguments):
    who = ["-c", "user.name=Ana", "-c", "user.email=ana@example.com"]
    command = ["git", *who, *arguments]
    subprocess.run(command, cwd=root, check=True, capture_output=True)


@pytest.fixture
def clone(tmp_path):
    """A clone that is ready, and how to change a file of it."""
    root = tmp_path / "clone"
    root.mkdir()
    git(root, "init", "--quiet")

    def commit(**changed):
        for name, text in (changed or READY).items():
            path = root / name
            path.parent.mkdir(exist_ok=True)
            path.write_text(text)
        git(root, "add", ".")
        git(root, "commit", "--quiet", "--message", "a change")
        return root

    commit()
    return commit


def changed(root, name, old, new):
    text = (root / name).read_text()
    assert old in text
    return {name: text.replace(old, new)}


def test_a_clone_that_is_ready(clone):
    root = clone(note="a commit more")
    assert check.state_problems(root) == []
    assert check.state_problems(root, "v0.2.0") == []
    git(root, "tag", "--annotate", "v0.2.0", "--message", "0.2.0")
    assert check.state_problems(root, "v0.2.0") == []


@pytest.mark.parametrize(
    ("name", "old", "new", "told"),
    [
        ("Cargo.toml", '0.2.0"\n', '0.3.0"\n', "0.3.0 in Cargo.toml, and 0.2.0 in macros"),
        ("Cargo.toml", '"0.2.0", opt', '"0.1.0", opt', "and 0.1.0 in Cargo.toml"),
        ("macros/Cargo.toml", "0.2.0", "0.1.0", "and 0.1.0 in macros/Cargo.toml"),
        ("Cargo.lock", 'totp"\nversion = "0.2.0', 'totp"\nversion = "0.1.0', "in Cargo.lock"),
        ("openapi.json", "0.2.0", "0.1.0", "and 0.1.0 in openapi.json"),
        ("mkdocs.yml", "0.2.0", "0.1.0", "and 0.1.0 in mkdocs.yml"),
        ("CHANGELOG.md", "[0.2.0] -", "[0.1.0] -", "no heading '## [0.2.0] - YYYY-MM-DD'"),
        ("CHANGELOG.md", f" - {TODAY}", "", "no heading '## [0.2.0] - YYYY-MM-DD'"),
        ("CHANGELOG.md", str(TODAY), "2026-02-30", "2026-02-30 is not a date"),
        ("CHANGELOG.md", str(TODAY), "2999-01-01", "in the future"),
        (
            "CHANGELOG.md",
            "[Unreleased]\n\n##",
            "[Unreleased]\n\n- Late.\n\n##",
            "under [Unreleased]",
        ),
        ("CHANGELOG.md", "## [Unreleased]\n", "", "does not begin with"),
        ("CHANGELOG.md", "[0.2.0]: https", "[0.2]: https", "no link for [0.2.0]"),
        ("README.md", "\n", "\nIt is not on PyPI yet.\n", "is not on PyPI yet"),
    ],
)
def test_a_clone_that_is_not(clone, name, old, new, told):
    root = clone(note="a commit more")
    clone(**changed(root, name, old, new))
    assert any(told in problem for problem in check.state_problems(root))


def test_a_tree_that_is_not_clean(clone):
    root = clone(note="a commit more")
    (root / "left").write_text("over")
    assert check.state_problems(root) == ["the tree is not clean: ?? left"]


def test_tags(clone):
    root = clone(note="a commit more")
    assert check.state_problems(root, "v0.3.0") == ["the tag is v0.3.0, and Cargo.toml says v0.2.0"]
    git(root, "tag", "v0.2.0")
    clone(note="and one more")
    (problem,) = check.state_problems(root)
    assert "v0.2.0 is on another commit already" in problem


def test_the_command_fails_then(tmp_path):
    """As the workflow calls it; nobody releases version 0.0.0."""
    command = [sys.executable, "-m", "tools.release.check"]
    for arguments in (["state", "--tag", "v0.0.0"], ["files", str(tmp_path)]):
        done = subprocess.run(
            [*command, *arguments], cwd=ROOT, capture_output=True, text=True, check=False
        )
        assert done.returncode == 1
        assert "lambdatotp: not ready: " in done.stderr


def test_files_that_are_not_for_pypi(tmp_path):
    """What is built for Lambda, a version that is not this one, and what lies about."""
    version = source.version()
    tag = "cp310-abi3-manylinux_2_17_x86_64.manylinux2014_x86_64.whl"
    for name in (f"lambdatotp-{version}-0lambda-{tag}", f"lambdatotp-{version}+local-{tag}"):
        with zipfile.ZipFile(tmp_path / name, "w"):
            pass
    with zipfile.ZipFile(tmp_path / f"lambdatotp-0.0.1-{tag}", "w") as wheel:
        wheel.writestr("lambdatotp-0.0.1.dist-info/METADATA", "Version: 0.0.1\n\n[a](docs/a.md)\n")
        wheel.writestr("tests/__init__.py", "")
    (tmp_path / "notes.txt").touch()
    problems = "\n".join(check.file_problems(tmp_path))
    for told in (
        f"no lambdatotp-{version}.tar.gz",
        "more than is uploaded: notes.txt",
        f"lambdatotp-{version}-0lambda-{tag} is not a name that PyPI should get",
        f"lambdatotp-{version}+local-{tag} is not a name that PyPI should get",
        f"has version 0.0.1, not {version}",
        "links that lead nowhere on PyPI: ](docs/a.md)",
        "0 compiled modules, not one",
        "more than it should: tests/__init__.py",
        f"does not name LICENSE and {notices.NAME}",
        "twine check",
    ):
        assert told in problems


def test_the_readme_leads_somewhere_on_pypi():
    """Every link of the README, which is relative in the clone, to a file that is there."""
    text = source.absolute((ROOT / "README.md").read_text(), "v9")
    assert check.RELATIVE.findall(text) == []
    assert check.RELATIVE.findall('[a](docs/a.md) <img src="a.png"> [b](#b) [c](https://c)') == [
        "](docs/a.md)",
        'src="a.png"',
    ]
    page = re.escape(f"{source.links.REPOSITORY}/") + r"(blob|tree)/v9/([^)#\s\"]*)"
    raw = r"https://raw\.githubusercontent\.com/Marcelo-Theodoro/lambdatotp/v9/([^)\s\"]*)"
    files, pictures = re.findall(page, text), re.findall(raw, text)
    assert len(files) > 8
    assert len(pictures) > 1
    for kind, path in files:
        assert (ROOT / path).is_dir() == (kind == "tree"), path
        assert (ROOT / path).exists(), path
    for path in pictures:
        assert (ROOT / path).is_file(), path
        assert (ROOT / path).suffix in source.PICTURES


def test_the_notices():
    """Of each crate in Cargo.lock that is linked, and its licence's text with the copyright."""
    text = notices.text()
    head, *texts = text.split("=" * 98)
    listed = dict(re.findall(r"^  (\S+ \S+): (.+)$", head, re.MULTILINE))
    assert {name.split()[0] for name in listed} >= {
        "aws-sdk-dynamodb",
        "dynoxide-rs",
        "libsqlite3-sys",
        "pyo3",
        "ring",
        "windows-sys",
    }
    # These only build, or test.
    assert not {name.split()[0] for name in listed} & {"cc", "proptest", "pyo3-macros", "syn"}
    lock = (ROOT / "Cargo.lock").read_text()
    for name in listed:
        crate, version = name.split()
        assert f'name = "{crate}"\nversion = "{version}"\n' in lock
        assert any(f"\n  {name}\n" in each for each in texts), name
    assert "Permission is hereby granted" in text
    assert "Apache License" in text
    assert "Redistributions in binary form" in text
    assert re.search(r"ring \S+\n +Copyright 2015-\d+ Brian Smith\.", text)


def test_a_crate_without_a_licence_stops_them(tmp_path):
    crate = notices.Crate("new", "1.0.0", "MIT", "https://example.com", (), tmp_path)
    with pytest.raises(SystemExit, match=r"new 1\.0\.0 has no licence in its package"):
        notices._texts(crate)


def test_the_platforms_are_the_workflows():
    workflow = (ROOT / ".github/workflows/release.yml").read_text()
    assert set(re.findall(r" target: (\S+)", workflow)) == set(notices.PLATFORMS)
    features = re.search(
        r"^features = (\[.*\])$", (ROOT / "pyproject.toml").read_text(), re.MULTILINE
    )
    assert ",".join(json.loads(features[1])) == notices.FEATURES


def test_actionlint_finds_what_is_wrong(tmp_path):
    wrong = {
        "run: echo ${{ github.event.head_commit.message }}": "potentially untrusted",
        "run: echo ${{ matrix.nothing }}": 'property "nothing" is not defined',
        "run: .ci/run\n        shel: bash": 'unexpected key "shel"',
    }
    right = ROOT / ".github/workflows/ci.yml"
    files = [tmp_path / f"{number}.yml" for number in range(len(wrong))]
    for file, line in zip(files, wrong, strict=True):
        file.write_text(right.read_text().replace("run: .ci/run", line))
    done = actionlint.check(right, *files)
    assert done.returncode == 1
    for found, told in zip(done.stdout.splitlines(), wrong.values(), strict=True):
        assert told in found
