"""The README and the pages in docs/ do what they say."""

from __future__ import annotations

import doctest
import inspect
import json
import os
import re
import shlex
import shutil
import subprocess
from pathlib import Path

import lambdatotp
import pyotp
import pytest

from tests.python.support import ROOT
from tests.python.support.chalice_local import chalice_local

PAGES = ["README.md", *sorted(f"docs/{page.name}" for page in (ROOT / "docs").glob("*.md"))]
DOCUMENTS = [*PAGES, "DESIGN.md", "SECURITY.md", "CONTRIBUTING.md", "CHANGELOG.md"]
TEXTS = {name: (ROOT / name).read_text() for name in DOCUMENTS}


def console_sessions(page: str) -> list[tuple[str, str]]:
    """Each command of the console blocks, with the output that stands below it."""
    blocks = "\n".join(re.findall(r"```console\n(.*?)```", TEXTS[page], re.DOTALL))
    return re.findall(r"^\$ (.*)\n((?:(?!\$ ).*\n)*)", blocks, re.MULTILINE)


SESSIONS = {page: found for page in PAGES if (found := console_sessions(page))}
DOCTESTS = [page for page in PAGES if ">>> " in TEXTS[page]]


def test_there_are_sessions():
    assert {name: len(found) for name, found in SESSIONS.items()} == {
        "README.md": 3,
        "docs/quick-start.md": 6,
    }
    assert DOCTESTS == ["README.md", "docs/migration.md", "docs/python.md", "docs/quick-start.md"]


@pytest.mark.skipif(not shutil.which("curl"), reason="the sessions use curl")
@pytest.mark.parametrize("page", SESSIONS)
def test_the_curl_sessions(tmp_path, page):
    code, recovery_code = "123456", ""
    with chalice_local(LAMBDATOTP_EMBEDDED=str(tmp_path / "users.db")) as port:
        for command, expected in SESSIONS[page]:
            run = command.replace(":8000", f":{port}").replace("123456", code)
            run = run.replace("ABCD-EFGH-IJKL-MNOP", recovery_code)
            done = subprocess.run(  # noqa: S602 - the documents' own commands
                run, shell=True, capture_output=True, text=True, check=True, timeout=60
            )
            pattern = re.escape(expected.strip()).replace(re.escape("..."), '[^"&]+')
            assert re.fullmatch(pattern, done.stdout.strip()), command
            if "qr_code" in done.stdout:
                reply = json.loads(done.stdout)
                code = pyotp.parse_uri(reply["qr_code"]).now()
                recovery_code = reply.get("recovery_codes", [""])[0]


@pytest.mark.parametrize("page", DOCTESTS)
def test_the_python_sessions(monkeypatch, page):
    monkeypatch.setenv("LAMBDATOTP_EMBEDDED", ":memory:")
    monkeypatch.setenv("LAMBDATOTP_TABLE_NAME", Path(page).stem)
    parser = doctest.DocTestParser()
    runner = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS)
    runner.run(parser.get_doctest(TEXTS[page], {}, page, page, 0))
    assert runner.tries > 4
    assert runner.failures == 0


def test_the_settings_are_all_there():
    table = TEXTS["docs/deploy.md"].split("## Settings")[1].split("## ")[0]
    named = re.findall(r"^\| `(\w+)` \| `(\w+)`", table, re.MULTILINE)
    *settings, no_text = inspect.signature(lambdatotp.Verifier).parameters
    assert no_text == "audit"
    assert [name for name, _ in named] == settings
    for name, variable in named:
        assert variable == f"LAMBDATOTP_{name.upper()}" or variable.startswith("AWS_")


@pytest.mark.parametrize("page", DOCUMENTS)
def test_links_lead_somewhere(page):
    for target, anchor in re.findall(r"\]\((?!https?://)([^)#]*)(?:#([^)]*))?\)", TEXTS[page]):
        to = ((ROOT / page).parent / target) if target else ROOT / page
        assert to.exists(), target
        if anchor:
            assert anchor in anchors(to.read_text()), f"{target}#{anchor}"


def anchors(markdown: str) -> set[str]:
    """Name a page's headings as links do."""
    titles = re.findall(r"^#+ (.*)$", markdown, re.MULTILINE)
    return {re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-") for title in titles}


def test_ci_can_be_run():
    assert os.access(ROOT / ".ci" / "run", os.X_OK)


def test_every_page_is_on_the_site():
    """And a reader of the README finds it."""
    nav = (ROOT / "mkdocs.yml").read_text().split("\nnav:")[1]
    for page in PAGES[1:]:
        assert f": {Path(page).name}\n" in nav
        assert f"({page}" in TEXTS["README.md"]


def code_of(markdown: str) -> list[str]:
    """Each piece of code in a text, and each line of a block."""
    block = re.compile(r"^ *```(\w*)\n(.*?)^ *```", re.MULTILINE | re.DOTALL)
    lines = "".join(text for kind, text in block.findall(markdown) if kind == "sh").splitlines()
    return re.findall(r"`([^`\n]+)`", block.sub("", markdown)) + [line.strip() for line in lines]


CODE = [piece for text in TEXTS.values() for piece in code_of(text)]


def test_the_make_targets_exist():
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    named = {found[1] for piece in CODE if (found := re.match(r"(?:.* )?make ([a-z-]+)", piece))}
    assert len(named) > 8
    assert named <= targets


def commands_named() -> list[str]:
    """Each call of the command line that the documents name, without its comment."""
    calls = re.findall(r"\blambdatotp ([a-z][a-z-]*\b[^)\n]*)", "\n".join(CODE))
    return sorted({" ".join(shlex.split(call, comments=True)) for call in calls})


@pytest.mark.parametrize("call", commands_named())
def test_the_commands_exist(call):
    """Every subcommand, with the options that it is named with."""
    from lambdatotp.cli import main

    name, *words = call.split()
    assert name in main.commands
    options = {option for each in main.commands[name].params for option in each.opts}
    assert {word for word in words if word.startswith("--")} <= options


def test_every_command_is_named():
    from lambdatotp.cli import main

    assert set(main.commands) <= {call.split()[0] for call in commands_named()}
