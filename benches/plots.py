"""Plots as plain SVG, which adapt to a light or a dark page."""

from __future__ import annotations

import itertools
import math
from html import escape
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

WIDTH = 760
# Blue for ours; an orange, a grey and so on for the rest: told apart by people who see colours
# differently, and readable on white and on black.
OURS = ("#2f6fd0", "#7cb0f5")
THEIRS = ("#d9822b", "#8a8f98", "#3f9d6d", "#9a6fc4")
STYLE = """<style>
text { font: 13px system-ui, sans-serif; fill: #24292f }
.title { font-size: 15px; font-weight: 600 }
.quiet { fill: #656d76 }
.grid { stroke: #d0d7de; stroke-width: 1 }
@media (prefers-color-scheme: dark) {
  text { fill: #e6edf3 } .quiet { fill: #9198a1 } .grid { stroke: #3d444d }
}
</style>"""


def number(value: float) -> str:
    """Write a number with three digits that count, and commas."""
    if value == 0:
        return "0"
    digits = max(0, 2 - math.floor(math.log10(abs(value))))
    return f"{value:,.{digits}f}"


def _document(title: str, height: float, parts: Sequence[str]) -> str:
    return "\n".join(
        [
            (
                f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height:.0f}" '
                f'width="{WIDTH}" height="{height:.0f}" role="img" aria-label="{escape(title)}">'
            ),
            STYLE,
            f'<text class="title" x="8" y="22">{escape(title)}</text>',
            *parts,
            "</svg>\n",
        ]
    )


def _ticks(low: float, high: float, *, logarithmic: bool) -> list[float]:
    if logarithmic:
        powers = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
        steps = (1, 2, 5) if math.log10(high / low) < 2 else (1,)  # noqa: PLR2004
        ticks = [step * 10.0**power for power in powers for step in steps]
        return [tick for tick in ticks if low * 0.999 <= tick <= high * 1.001]
    rough = (high - low) / 5
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(power * nice for nice in (1, 2, 2.5, 5, 10) if power * nice >= rough)
    return [step * count for count in range(int(high / step) + 1)]


def bars(plot: dict[str, Any]) -> str:
    """Draw one bar a name, with its value beside it."""
    series: dict[str, float] = plot["series"]
    left, right, top, pitch = 290, WIDTH - 90, 40, 26
    longest = max(series.values())
    low = min(1.0, *series.values()) if plot["logarithmic"] else 0.0

    def across(value: float) -> float:
        if plot["logarithmic"]:
            return (right - left) * math.log(value / low) / math.log(longest / low)
        return (right - left) * value / longest

    bottom = top + pitch * len(series)
    parts = []
    for tick in _ticks(low or 0.0, longest, logarithmic=plot["logarithmic"]):
        x = left + across(tick)
        parts += [
            f'<path class="grid" d="M{x:.1f} {top - 4}V{bottom}"/>',
            (
                f'<text class="quiet" x="{x:.1f}" y="{bottom + 18}" text-anchor="middle">'
                f"{tick:,g}</text>"
            ),
        ]
    for row, (name, value) in enumerate(series.items()):
        y = top + pitch * row
        colour = OURS[0] if name.startswith("lambdatotp") or plot["same"] else THEIRS[1]
        parts += [
            f'<text x="{left - 10}" y="{y + 15}" text-anchor="end">{escape(name)}</text>',
            (
                f'<rect x="{left}" y="{y + 2}" width="{max(across(value), 1):.1f}" height="18" '
                f'rx="2" fill="{colour}"/>'
            ),
            f'<text x="{left + across(value) + 8:.1f}" y="{y + 15}">{number(value)}</text>',
        ]
    unit = plot["unit"]
    parts.append(f'<text class="quiet" x="{left}" y="{bottom + 36}">{escape(unit)}</text>')
    return _document(plot["title"], bottom + 46, parts)


def lines(plot: dict[str, Any]) -> str:
    """Draw one line a name, through points [x, y]; x is logarithmic."""
    series: dict[str, list[list[float]]] = plot["series"]
    left, right, top, bottom = 70, WIDTH - 200, 44, 300
    xs = sorted({x for points in series.values() for x, _ in points})
    ys = [y for points in series.values() for _, y in points]
    low, high = (min(ys), max(ys)) if plot["logarithmic"] else (0.0, max(ys) * 1.1)
    if plot["logarithmic"]:
        low, high = low / 1.3, high * 1.3

    def place(x: float, y: float) -> tuple[float, float]:
        share = math.log(x / xs[0]) / math.log(xs[-1] / xs[0]) if len(xs) > 1 else 0.5
        rise = math.log(y / low) / math.log(high / low) if plot["logarithmic"] else y / high
        return left + (right - left) * share, bottom - (bottom - top) * rise

    parts = []
    for tick in _ticks(low, high, logarithmic=plot["logarithmic"]):
        _, y = place(xs[0], tick)
        parts += [
            f'<path class="grid" d="M{left} {y:.1f}H{right}"/>',
            (
                f'<text class="quiet" x="{left - 8}" y="{y + 4:.1f}" text-anchor="end">'
                f"{tick:,g}</text>"
            ),
        ]
    for x in xs:
        at, _ = place(x, high)
        parts.append(
            f'<text class="quiet" x="{at:.1f}" y="{bottom + 20}" text-anchor="middle">{x:,g}</text>'
        )
    labels: list[tuple[float, str, str]] = []
    ours, theirs = itertools.cycle(OURS), itertools.cycle(THEIRS)
    for name, points in series.items():
        mine = name.startswith("lambdatotp") or plot["same"]
        colour = next(ours) if mine else next(theirs)
        placed = [place(x, y) for x, y in points]
        path = "L".join(f"{x:.1f} {y:.1f}" for x, y in placed)
        parts.append(f'<path d="M{path}" fill="none" stroke="{colour}" stroke-width="2"/>')
        parts += [f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3.5" fill="{colour}"/>' for x, y in placed]
        labels.append((placed[-1][1], name, colour))
    # Beside the ends of the lines, each below the one before it.
    free = 0.0
    for y, name, colour in sorted(labels):
        free = max(y + 4, free + 17)
        parts.append(
            f'<rect x="{right + 12}" y="{free - 9:.1f}" width="9" height="9" fill="{colour}"/>'
            f'<text x="{right + 27}" y="{free:.1f}">{escape(name)}</text>'
        )
    parts += [
        f'<text class="quiet" x="{left}" y="38">{escape(plot["unit"])}</text>',
        (
            f'<text class="quiet" x="{right}" y="{bottom + 40}" text-anchor="end">'
            f"{escape(plot['across'])}</text>"
        ),
    ]
    return _document(plot["title"], bottom + 52, parts)


def draw(plot: dict[str, Any]) -> str:
    """Draw a plot as an SVG document."""
    same = len({name.startswith("lambdatotp") for name in plot["series"]}) == 1
    plot = {**plot, "same": same}
    return bars(plot) if plot["kind"] == "bars" else lines(plot)
