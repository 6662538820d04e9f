"""What `make docs` writes by itself: references and charts."""

from __future__ import annotations

import inspect
import json
import re
from xml.etree import ElementTree as ET

import griffe
import lambdatotp
import pytest
from lambdatotp.cli import main

from tests.python.support import ROOT
from tools.site import charts, pages, references

TABLE = """\
| app | ms | peak |
|---|---|---|
| `boto3` & PyOTP | 541 (512 to 562): 19.5 times ours | 47.6 |
| lambdatotp | 27.8 (24.8 to 28.6) | 13.8 |
| not measured | | 1 |
"""


def test_a_chart_says_what_its_table_says():
    drawn = charts.draw(f"{TABLE}\n<!-- chart: ms: Start, ms -->\n\nText.\n")
    assert drawn.startswith(TABLE)
    assert drawn.endswith("\n\nText.\n")
    assert "<!--" not in drawn
    figure = ET.fromstring(drawn.removeprefix(TABLE).removesuffix("\n\nText.\n"))  # noqa: S314 - ours
    svg = figure.find("svg")
    assert (svg.get("role"), svg.get("aria-label")) == (
        "img",
        "Start, ms. boto3 & PyOTP: 541; lambdatotp: 27.8.",
    )
    assert [text.text for text in svg.iter("text")] == [
        "boto3 & PyOTP",
        "541",
        "lambdatotp",
        "27.8",
    ]
    bars = {bar.get("class"): float(bar.get("width").rstrip("%")) for bar in svg.iter("rect")}
    assert bars["ours"] / bars["other"] == pytest.approx(27.8 / 541, rel=1e-3)


def test_a_chart_of_factors():
    table = "| | PyOTP | ours |\n|---|---|---|\n| `now()` | 5.55 | 0.410 (13.5 times) |\n"
    drawn = charts.draw(f"{table}\n<!-- chart: ours times: Times as fast -->\n")
    assert "now(): 13.5." in drawn


def test_a_chart_of_no_column_is_an_error():
    with pytest.raises(ValueError, match="seconds"):
        charts.draw(f"{TABLE}\n<!-- chart: seconds: Start -->\n")


@pytest.fixture(scope="module")
def rendered():
    """Render the references once: the whole package is read for it."""
    return references.render()


def test_the_references_are_up_to_date(rendered):
    """After a change of docstrings, `--help` or openapi.json: `make references`."""
    assert {f"docs/{page.name}" for page in (ROOT / "docs").glob("reference-*.md")} == {*rendered}
    for page, text in rendered.items():
        assert (ROOT / page).read_text() == text, page


def test_every_operation_and_body_is_described(rendered):
    document = json.loads((ROOT / "openapi.json").read_text())
    text = rendered["docs/reference-http.md"]
    for path, item in document["paths"].items():
        for method, operation in item.items():
            if method != "parameters" and not operation.get("x-internal"):
                assert f"\n`{method.upper()} {path}`\n" in text
    for name in document["components"]["schemas"]:
        assert f"### {name} body\n" in text


def test_every_public_name_is_described(rendered):
    names = " ".join(references.PYTHON.values()).split()
    assert set(names) == set(lambdatotp.__all__) - {"__version__", "MAX_RECOVERY_CODES"}
    assert len(names) == len(set(names))
    text = rendered["docs/reference-python.md"]
    for name in names:
        signed = rf"```python\n(async )?{name}\("
        assert re.search(rf"^### `{name}`\n\n({signed}|[A-Z])", text, re.MULTILINE), name


def test_every_command_is_described(rendered):
    text = rendered["docs/reference-commands.md"]
    for name in main.commands:
        assert f"## `lambdatotp {name}`\n\n```text\nUsage: lambdatotp {name} " in text


def test_the_version_on_the_site_is_the_packages():
    assert f"copyright: lambdatotp {lambdatotp.__version__}," in (ROOT / "mkdocs.yml").read_text()


def test_a_page_that_would_load_something_is_found(tmp_path, monkeypatch):
    monkeypatch.setattr(pages, "SITE", tmp_path)
    (tmp_path / "fine.html").write_text('<a href="https://example.com"><img src="a.png"></a>')
    assert pages.loaded_from_elsewhere() == []
    (tmp_path / "not.html").write_text('<img src="https://example.com/a.png">')
    (found,) = pages.loaded_from_elsewhere()
    assert found.startswith("not.html would load <img")


def test_a_link_to_nothing_stops_the_site():
    with pytest.raises(ValueError, match=r"docs/x\.md: nowhere\.md leads nowhere"):
        pages.linked("[there](nowhere.md)", "docs/x.md")


def test_a_native_class_shows_how_it_is_made():
    package = griffe.load(
        "lambdatotp",
        search_paths=[ROOT / "python"],
        extensions=griffe.load_extensions(str(ROOT / "tools/site/signatures.py")),
        allow_inspection=False,
    )
    for name in ("Verifier", "Totp", "Secret"):
        parameters = {one.name for one in package[name].parameters}
        made = getattr(lambdatotp, name)
        assert parameters - {"self", "cls"} == set(inspect.signature(made).parameters)


def test_the_first_page_has_the_starts_as_tabs():
    readme = (ROOT / "README.md").read_text()
    page = pages.home(readme)
    starts = readme.split("\n## Start\n")[1].split("\n## ")[0]
    assert re.findall(r'^=== "(.*)"$', page, re.MULTILINE) == re.findall(r"### (.*)", starts)
    for command in re.findall(r"^(?:pip|lambdatotp|chalice|make|git) .*$", starts, re.MULTILINE):
        assert f"\n    {command}\n" in page
    assert f"Version {lambdatotp.__version__}," in page
    assert page.endswith(readme.split("\n## What it promises\n")[1])


def test_only_what_is_written_by_hand_can_be_edited():
    heads = {page: pages.head(page, source) for page, source in pages.pages().items()}
    assert "source: SECURITY.md\n" in heads["security.md"]
    assert {page for page, head in heads.items() if "source: " not in head} == {
        "reference-commands.md",
        "reference-http.md",
        "reference-python.md",
        "results.md",
    }
