"""From figures to RESULTS.md and its plots."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING, Any

from benches import capacity, plots
from benches.plots import number

if TYPE_CHECKING:
    from pathlib import Path

# What was aimed at: the figure, the section's name for it, the aim, the limit.
TARGETS = (
    ("fresh process to first verified code, over TLS", "first", "15", "16: Python's own start"),
    ("the same in CPU time", "first, CPU", "20", "21: Python's own start"),
    ("peak memory after it", "memory", "3.5", "5.5: bare Python"),
    ("client CPU per 1,000 verifies, DynamoDB Local", "cpu", "9", "15: requests signed by hand"),
    ("the same, stub endpoint, 16 threads", "cpu, stub", "17", "48: requests signed by hand"),
    ("throughput, 16 threads, DynamoDB Local", "throughput", "10", "15"),
    ("the same, stub endpoint", "throughput, stub", "10", "83: requests signed by hand"),
    ("asyncio, 16 tasks, stub endpoint: verifies/s", "asyncio, stub", "9", "16"),
    ("asyncio, DynamoDB Local: calls/s in the worst row", "asyncio", "1", ""),
    ("warm reply as a Lambda function, same protocol, DynamoDB Local", "warm reply", "3", ""),
    ("the same in CPU time", "warm reply, CPU", "3", ""),
    ("warm reply, stub endpoint", "warm reply, stub", "3", ""),
    ("the same in CPU time", "warm reply, CPU, stub", "3", ""),
    ("`TOTP(s).now()`, native", "now", "30", "33"),
    ("`TOTP(s).verify`, window 1, native", "verify", "45", "52"),
    ("QR code to PNG", "QR code to PNG", "50", "matrix alone 0.1 ms"),
    ("QR code to SVG", "QR code to SVG", "80", "matrix alone 0.1 ms"),
    ("zipped dependencies, with QR codes", "zip", "10", "15"),
)
# Where an aim was missed: what stands in the way, by the profile.
WHY = {
    "first": "Python's own start is two fifths of it. A third is waiting for DynamoDB Local: 5 "
    "ms for the first request on a new connection, 2 to 3 ms for the second. The peer makes one "
    "read. CPU time does not see the waits.",
    "first, CPU": "Python's own start is three quarters of it. The rest is a millisecond or two "
    "each for the import, for TLS and for the first two requests. From run to run it is 17 to 23.",
    "memory": "Python alone takes 8.4 MiB. Most of the rest are pages of the module's file, "
    "which processes share; memory of its own is half a MiB.",
    "cpu": "Building, signing and reading two requests are most of it. A signing key that is "
    "kept for the day would save another sixth, but would be our own cryptography. DynamoDB "
    "Local's load is in the figure, too.",
    "throughput": "DynamoDB Local writes no faster for anyone: each verify is two conditional "
    "writes, and all clients but boto3 end at the same number. See the stub.",
    "cpu, stub": "As above.",
    "warm reply": "Most of it is not ours. Chalice and AWS's runtime client take 0.7 ms, and "
    "DynamoDB Local takes 1.5 to 2.7 ms for the two writes. The stub leaves the writes out.",
    "warm reply, stub": "Chalice and AWS's runtime client take 0.7 ms of it, as the row of bare "
    "Chalice shows. Of the rest, the two round trips through TLS take 0.6 ms, and our part of the "
    "app 0.1 ms.",
    "now": "Three tenths are the object: CPython's call of a type, its tuple of arguments, the "
    "allocation and the release. A function of the module took 1.4 times less, but would be a "
    "second name for one thing. Texts and times without copies gained a few hundredths, and PyO3 "
    "built for speed nothing. The ratio depends on the processor: on others it was up to 29. With "
    "the object kept it is the row `.now()`.",
    "verify": "As above, with eight compressions. With the object kept it is the row "
    "`.verify(wrong), window 1`.",
    "zip": "The module is AWS's client and TLS: of 4.1 MB of code, lambdatotp's own is a "
    "twelfth. The chain of credentials for other places than Lambda is a tenth, and SnapStart "
    "needs it.",
}
INTRO = """# Benchmark results

`make bench` writes this file from the figures in `out/bench/`; do not edit it.
[README.md](README.md) describes the peers and how to run a section again. All figures in one table
come from one run on one machine, in turns, after a round of warm-up. A figure is the median of the
rounds, and its percentage is half the distance between the quartiles. A ratio is the median of the
ratios within the rounds. Other machines give other figures and much the same ratios.
"""


def cell(value: Any) -> str:
    """Write a table's cell."""
    if value is None:
        return ""
    if isinstance(value, str):
        return value
    if isinstance(value, (int, float)):
        return str(value) if isinstance(value, int) else number(value)
    text = number(value["middle"])
    if value["middle"] and value["low"] != value["high"]:
        text += f" ± {(value['high'] - value['low']) / 2 / value['middle']:.0%}"
    if "times" in value:
        times = value["times"]
        text += f" (**{number(times)}** times)" if times >= 1 else f" (1/{number(1 / times)})"
    return text


def table(made: dict[str, Any]) -> str:
    """Write a table, and what is to be said about it."""
    lines = [f"### {made['title']}\n"] if made["title"] else []
    lines.append("| " + " | ".join(made["columns"]) + " |")
    lines.append("|---|" + "---:|" * (len(made["columns"]) - 1))
    lines += ["| " + " | ".join(cell(value) for value in row) + " |" for row in made["rows"]]
    if made["notes"]:
        lines.append("\n" + "\n".join(made["notes"]))
    return "\n".join(lines) + "\n"


def targets(sections: list[dict[str, Any]]) -> str:
    """Write the aims beside what was reached."""
    reached = {name: got for section in sections for name, got in section["targets"].items()}
    lines = [
        "## Aims\n",
        "Times better than the Python peer (PyOTP, qrcode, boto3, aiodynamo) in the same run.\n",
        "| figure | measured (quartiles) | aim | limit |",
        "|---|---:|---:|---|",
    ]
    for title, name, aim, limit in TARGETS:
        if name in reached:
            got = reached[name]
            spread = f"{number(got['from'])} to {number(got['to'])}"
            lines.append(f"| {title} | **{number(got['times'])}** ({spread}) | {aim} | {limit} |")
    missed = [
        f"- {title}: {WHY[name]}"
        for title, name, aim, _ in TARGETS
        if name in reached and name in WHY and reached[name]["times"] < float(aim)
    ]
    if missed:
        lines += ["", "Aims that are not met, and why:", "", *missed]
    return "\n".join(lines) + "\n" if len(lines) > 4 else ""  # noqa: PLR2004


def machines(sections: list[dict[str, Any]]) -> str:
    """Say where and when each section was measured, and by which command."""
    lines = ["## Where this was measured\n", "| section | command | when | seconds | load before |"]
    lines.append("|---|---|---|---:|---:|")
    lines += [
        f"| {made['title']} | `{made['command']}` | {made['taken']} | {made['seconds']} "
        f"| {made['machine']['load']} |"
        for made in sections
    ]
    seen = {
        tuple(sorted(made["machine"].items() - {("load", made["machine"]["load"])}))
        for made in sections
    }
    lines.append("")
    for machine in sorted(seen):
        lines += [f"- {name}: {value}" for name, value in machine]
        lines.append("")
    return "\n".join(lines)


def write(sections: list[dict[str, Any]], folder: Path) -> Path:
    """Write RESULTS.md and the plots into a folder, and return the file."""
    pictures = folder / "plots"
    shutil.rmtree(pictures, ignore_errors=True)
    pictures.mkdir(parents=True)
    parts = [INTRO, targets(sections), machines(sections)]
    for section in sections:
        parts += [f"## {section['title']}\n", section["intro"] + "\n"]
        for plot in section["plots"]:
            (pictures / plot["file"]).write_text(plots.draw(plot))
            parts.append(f"![{plot['title']}](plots/{plot['file']})\n")
        parts += [table(made) for made in section["tables"]]
    facts = [section["facts"] for section in sections if section["facts"]]
    parts.append(capacity.sheet(**(facts[0] if facts else {})))
    target = folder / "RESULTS.md"
    target.write_text("\n".join(part for part in parts if part).rstrip() + "\n")
    return target
