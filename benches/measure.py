"""Taking turns, medians, and what they were taken on."""

from __future__ import annotations

import os
import platform
import subprocess
import sys
from dataclasses import asdict, dataclass, field
from importlib.metadata import version
from pathlib import Path
from statistics import median, quantiles
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

K = TypeVar("K")
T = TypeVar("T")
ROOT = Path(__file__).parents[1]
# Resolved once: a peer of another version is another peer.
PEERS = (
    *("boto3", "aiodynamo", "aiohttp", "httpx", "pyotp", "mintotp", "totp-rs"),
    *("qrcode", "segno", "Pillow"),
)


@dataclass(frozen=True)
class Figure:
    """A median, with its quartiles."""

    middle: float
    low: float
    high: float

    @classmethod
    def of(cls, values: Sequence[float]) -> Figure:
        """Take the median and the quartiles of what was measured."""
        if len(values) == 1:
            return cls(values[0], values[0], values[0])
        low, _, high = quantiles(values, n=4, method="inclusive")
        return cls(median(values), low, high)


@dataclass
class Table:
    """Rows of cells: a text, a number, or a figure with how it compares."""

    title: str
    columns: list[str]
    rows: list[list[Any]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


@dataclass
class Plot:
    """What a picture shows: bars by name, or lines by name through points."""

    file: str
    title: str
    kind: str
    series: dict[str, Any]
    unit: str = ""
    across: str = ""
    logarithmic: bool = False


@dataclass
class Section:
    """What one part of the benchmarks found."""

    name: str
    title: str
    intro: str
    tables: list[Table] = field(default_factory=list)
    plots: list[Plot] = field(default_factory=list)
    targets: dict[str, dict[str, float]] = field(default_factory=dict)
    facts: dict[str, float] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        """Everything, as plain values."""
        return asdict(self)


@dataclass(frozen=True)
class Options:
    """How long to measure: a smoke run only shows that the scripts work."""

    quick: bool = False
    users: int = 100_000

    def rounds(self, usual: int) -> int:
        """Say how often each takes its turn."""
        return 2 if self.quick else usual

    def amount(self, usual: int, quick: int) -> int:
        """Choose between the usual amount and a smoke run's."""
        return quick if self.quick else usual


def in_turns(cases: Mapping[K, Callable[[], T]], rounds: int) -> dict[K, list[T]]:
    """Run all cases in every round, in alternating order; the first round is warm-up.

    A slow moment of the machine hits neighbours of one round alike, so ratios are taken
    within rounds.
    """
    taken: dict[K, list[T]] = {name: [] for name in cases}
    for number in range(rounds + 1):
        names = list(cases) if number % 2 else list(cases)[::-1]
        for name in names:
            value = cases[name]()
            if number:
                taken[name].append(value)
    return taken


def ratio(peer: Sequence[float], ours: Sequence[float]) -> Figure:
    """Compare within each round, and take the median of that."""
    return Figure.of([theirs / mine for theirs, mine in zip(peer, ours, strict=True)])


def cell(values: Sequence[float], peer: Sequence[float] | None = None) -> dict[str, float]:
    """Make a table's cell: median, quartiles, and how many times less than the peer's."""
    figure = Figure.of(values)
    made = {"middle": figure.middle, "low": figure.low, "high": figure.high}
    if peer is not None:
        made |= target(peer, values)
    return made


def target(peer: Sequence[float], ours: Sequence[float]) -> dict[str, float]:
    """Say how many times better ours is, with the spread over the rounds."""
    compared = ratio(peer, ours)
    return {"times": compared.middle, "from": compared.low, "to": compared.high}


def _first_line(*command: str) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return (done.stdout.splitlines() or ["?"])[0]


def machine() -> dict[str, str]:
    """Describe what the figures were taken on."""
    processor = platform.machine()
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        names = [
            line
            for line in cpuinfo.read_text(encoding="utf-8").splitlines()
            if "model name" in line
        ]
        processor += f", {names[0].split(':')[1].strip()}" if names else ""
    source = _first_line("git", "-C", str(ROOT), "describe", "--always", "--dirty")
    return {
        "processor": processor,
        "cores": str(os.cpu_count()),
        "system": f"{platform.system()} {platform.release()}",
        "python": f"{platform.python_implementation()} {platform.python_version()}",
        "rustc": _first_line("rustc", "--version"),
        "peers": ", ".join(f"{name} {version(name)}" for name in PEERS if _there(name)),
        "lambdatotp": source,
        "load": f"{os.getloadavg()[0]:.1f}",
    }


def _there(name: str) -> bool:
    """Tell whether a peer is installed: totp-rs needs Python 3.11."""
    try:
        version(name)
    except ModuleNotFoundError:
        return False
    return True


def python() -> str:
    """Return the interpreter that all child processes run on."""
    return sys.executable
