"""What `make docs` writes by itself: references and charts."""

from __future__ import annotations

import inspect
import json
import re
from xml.etree import ElementTree as ET

import griffe
import lambdatotp
import pytest

from tests.python.support import ROOT
from tools.site import charts, openapi

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


def test_every_operation_and_body_is_described():
    document = json.loads((ROOT / "openapi.json").read_text())
    text = openapi.render()
    for path, item in document["paths"].items():
        for method, operation in item.items():
            if method != "parameters":
                assert f"### `{method.upper()} {path}` {{ #{operation['operationId']} }}" in text
    for name in document["components"]["schemas"]:
        assert f"{{ #body-{name.lower()} }}" in text
    anchors = set(re.findall(r"\{ #(\S+) \}", text))
    assert set(re.findall(r"\(#(\S+?)\)", text)) <= anchors


def test_every_public_name_is_on_the_page():
    """And each is one: what mkdocstrings does not find stops `make docs`."""
    blocks = re.findall(r"<!-- generated: python (.*?) -->", (ROOT / "docs/python.md").read_text())
    names = " ".join(blocks).split()
    assert set(names) == set(lambdatotp.__all__) - {"__version__", "MAX_RECOVERY_CODES"}
    assert len(names) == len(set(names))


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
