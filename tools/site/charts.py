"""Bar charts, drawn from the tables of a page.

A comment below a table draws one of its columns:

    <!-- chart: both, ms: From nothing to the first reply, milliseconds -->

A cell is a number, perhaps with its quartiles in parentheses: `90 (77 to 91)`. With
`times` after the column's name, it is the number before that word. Bars are a share of the
width and text keeps its size, so one drawing serves phones and wide screens; the colours
are the page's own. The table stays beside it, for those who do not see pictures.
"""

from __future__ import annotations

import html
import re
from dataclasses import dataclass

CHART = re.compile(
    r"(?P<table>(?:^\|.*\n)+)\n?<!-- chart: *(?P<column>[^>:]*?): *(?P<title>[^>]*?) *-->\n",
    re.MULTILINE,
)
# Bars end here, so that their numbers fit beside them.
WIDEST = 82
ROW, LABEL, BAR = 44, 14, 14


@dataclass(frozen=True)
class Bar:
    """One row of a table; ours when it is lambdatotp."""

    label: str
    value: float
    ours: bool
    low: float | None = None
    high: float | None = None


def draw(markdown: str) -> str:
    """Put a chart in the place of each comment that asks for one."""
    while found := CHART.search(markdown):
        svg = chart(found["table"], found["column"], found["title"])
        markdown = markdown[: found.end("table")] + f"\n{svg}\n" + markdown[found.end() :]
    return markdown


def chart(table: str, wanted: str, title: str) -> str:
    """Draw a column of a table."""
    column = wanted.removesuffix(" times")
    rows = [[cell.strip() for cell in line.strip()[1:-1].split("|")] for line in table.splitlines()]
    index = rows[0].index(column)
    bars = [
        bar
        for row in rows[2:]
        if len(row) > index and (bar := read(row[0], row[index], factor=column != wanted))
    ]
    return svg(title, bars)


def read(label: str, cell: str, *, factor: bool) -> Bar | None:
    """Read a cell; None when it holds no number."""
    label = re.sub(r"[`*]", "", label)
    if factor:
        times = re.search(r"([\d.]+) times", cell)
        return Bar(label, float(times[1]), ours=True) if times else None
    number = re.match(r"([\d.]+)(?: \(([\d.]+) to ([\d.]+)\))?", cell)
    if not number:
        return None
    value, low, high = number.groups()
    ours = label.startswith(("lambdatotp", "as shipped"))
    return Bar(
        label, float(value), ours, float(low) if low else None, float(high) if high else None
    )


def svg(title: str, bars: list[Bar]) -> str:
    """Draw bars below each other, a label above each."""
    most = max(max(bar.value, bar.high or 0) for bar in bars)
    told = html.escape("; ".join(f"{bar.label}: {bar.value:g}" for bar in bars))
    text = html.escape(title)
    lines = [
        f'<figure class="chart"><figcaption>{text}</figcaption>',
        f'<svg role="img" aria-label="{text}. {told}." width="100%" height="{ROW * len(bars)}">',
    ]
    for place, bar in enumerate(bars):
        top = place * ROW
        width = bar.value / most * WIDEST
        middle = top + LABEL + 6 + BAR / 2
        end = max(bar.value, bar.high or 0) / most * WIDEST
        lines.append(
            f'<text x="0" y="{top + LABEL}">{html.escape(bar.label)}</text>'
            f'<rect class="{"ours" if bar.ours else "other"}" x="0" y="{top + LABEL + 6}" '
            f'width="{width:.2f}%" height="{BAR}" rx="2"/>'
        )
        if bar.low is not None and bar.high is not None:
            low, high = (value / most * WIDEST for value in (bar.low, bar.high))
            lines.append(f'<line x1="{low:.2f}%" x2="{high:.2f}%" y1="{middle}" y2="{middle}"/>')
        lines.append(
            f'<text class="value" x="{end:.2f}%" dx="6" y="{middle + 5}">{bar.value:g}</text>'
        )
    return "\n".join([*lines, "</svg></figure>"]) + "\n"
