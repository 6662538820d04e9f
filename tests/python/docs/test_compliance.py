"""The tests that docs/compliance.md and SECURITY.md name are there."""

from __future__ import annotations

import ast
import re

import pytest

from tests.python.support import ROOT

PAPERS = ("docs/compliance.md", "SECURITY.md")
TRAPS = "tests/python/store/test_traps.py"
# `tests/python/store/test_races.py::test_x`, `test_faults.py`, `src/policy.rs::the_budget`.
REFERENCE = re.compile(r"`((?:[\w-]+/)*[\w-]+\.(?:py|rs))((?:::\w+)*)`")
VERDICTS = {"**met**", "**in part**", "**not met**", "**yours**"}


def functions(path: str) -> set[str]:
    """Name a file's tests as pytest does: `test_x`, `TestThings::test_y`; in Rust, `x`."""
    text = (ROOT / path).read_text()
    if path.endswith(".rs"):
        return set(re.findall(r"^ *#\[(?:test|tokio::test)\]\n *fn (\w+)", text, re.MULTILINE))
    found = set()
    for thing in ast.parse(text).body:
        inside = thing.body if isinstance(thing, ast.ClassDef) else [thing]
        of = f"{thing.name}::" if isinstance(thing, ast.ClassDef) else ""
        tests = (one for one in inside if isinstance(one, ast.FunctionDef | ast.AsyncFunctionDef))
        found |= {of + one.name for one in tests if one.name.startswith("test_")}
    return found


def missing(text: str) -> list[str]:
    """Find the tests that a text names and that are not there."""
    files = [path.relative_to(ROOT).as_posix() for path in (ROOT / "tests").rglob("*.py")]
    wrong = []
    for path, name in REFERENCE.findall(text):
        if name:
            there = (ROOT / path).is_file() and name.removeprefix("::") in functions(path)
        else:
            there = (ROOT / path).is_file() or any(one.endswith(f"/{path}") for one in files)
        wrong += [] if there else [path + name]
    everywhere = {name.rpartition("::")[2] for path in files for name in functions(path)}
    wrong += [name for name in re.findall(r"`(test_\w+)`", text) if name not in everywhere]
    return wrong


@pytest.mark.parametrize("page", PAPERS)
def test_every_test_that_is_named_exists(page):
    text = (ROOT / page).read_text()
    assert len(REFERENCE.findall(text)) > 10
    assert missing(text) == []


@pytest.mark.parametrize(
    "name",
    [
        "tests/python/store/test_races.py::test_that_was_renamed",
        "tests/python/store/test_that_was_moved.py",
        "tests/python/store/test_recovery.py::test_late_is_not_too_late",  # of TestLapse
        "src/policy.rs::left",  # a function, and no test
        "test_that_was_renamed",
        "test_that_was_moved.py",
    ],
)
def test_one_that_does_not_exist_is_seen(name):
    assert missing(f"Shown by `{name}`.") == [name]


def test_security_lists_every_trap():
    text = (ROOT / "SECURITY.md").read_text()
    assert {name for name in functions(TRAPS) if f"`{name}`" not in text} == set()


def test_every_requirement_has_a_verdict_and_what_is_met_is_shown():
    text = (ROOT / "docs/compliance.md").read_text().split("\n## NIST")[1]
    rows = [line.split(" | ") for line in text.splitlines() if " **" in line and line[0] == "|"]
    assert len(rows) > 80
    for row in rows:
        (verdict,) = VERDICTS & set(row)
        asked, why, shown_by = row[0], row[-2], row[-1]
        if verdict in {"**met**", "**in part**"} and not REFERENCE.search(shown_by):
            assert re.match(r"by design|see \[", why), asked
