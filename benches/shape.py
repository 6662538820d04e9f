"""Section 6: cold start, memory and size as a Lambda function."""

from __future__ import annotations

import compileall
import json
import shutil
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path
from py_compile import PycInvalidationMode
from statistics import median
from typing import TYPE_CHECKING, Any

from lambdatotp.deploy import vendored

from benches.measure import ROOT, Options, Plot, Section, Table, cell, in_turns, python, target
from benches.servers import EMBEDDED, environment, installed, pinned, right_code, store, stub
from tools import lambda_runtime
from tools.tls_front import tls_front

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from benches.servers import Store

TITLE = "As a Lambda function"
PEERS = ROOT / "benches" / "peers"
MODULE = "lambdatotp/_lambdatotp.abi3.so"
ARCHIVE = ROOT / "out" / "dev" / "deployment.zip"
VERSION = f"{sys.version_info.major}.{sys.version_info.minor}"
COLUMNS = ["start, ms", "first reply, ms", "both, ms", "warm reply, ms", "peak, MiB"]
# Warm replies of each process: to get ready, and measured.
WARM_UP, REPLIES = 10, 60
THEIRS, OURS = "boto3 + PyOTP, with bytecode", "lambdatotp"
SAFE = "boto3 + PyOTP, same protocol, with bytecode"

HELLO = """
from chalice import Chalice
app = Chalice(app_name="hello")
@app.route("/verify", methods=["POST"])
def verify():
    return {"code_is_valid": True}
"""


def function(
    at: Store, folder: Path, more: Mapping[str, str] | None = None
) -> Callable[[], list[float]]:
    """Return what starts a function and measures it: a number for each of COLUMNS."""

    def run() -> list[float]:
        variables = {**at.tls, **(more or {})}
        with lambda_runtime.running(
            folder, python(), VERSION, variables, subprocess.DEVNULL
        ) as started:
            start = started.init_seconds * 1000
            first = verify(at, started)
            warm = min(verify(at, started) for _ in range(5))
            return [start, first, start + first, warm, started.peak_memory() / 1024]

    return run


def verify(at: Store, started: lambda_runtime.Function) -> float:
    """Have a function verify a fresh user's code, and time it in milliseconds."""
    return reply_ms(started, *at.user())


def warm(
    variables: Mapping[str, str], folder: Path, users: Callable[[int], Iterable[tuple[str, str]]]
) -> Callable[[], list[float]]:
    """Return what measures warm replies: milliseconds, and the function's CPU time of each."""

    def run() -> list[float]:
        with lambda_runtime.running(
            folder, python(), VERSION, variables, subprocess.DEVNULL
        ) as started:
            for user, code in users(WARM_UP):
                reply_ms(started, user, code)
            ready = list(users(REPLIES))
            before = started.cpu_seconds()
            taken = [reply_ms(started, user, code) for user, code in ready]
            spent = (started.cpu_seconds() - before) * 1000 / REPLIES
            return [median(taken), spent]

    return run


def reply_ms(started: lambda_runtime.Function, user: str, code: str) -> float:
    """Have a function verify a right code, and time it in milliseconds."""
    headers = {"Content-Type": "application/json"}
    body = json.dumps({"user": user, "code": code})
    event = lambda_runtime.proxy_event("POST", "/verify", headers=headers, body=body)
    reply = started.invoke(event)
    assert reply.json["code_is_valid"] is True, reply  # noqa: S101
    return reply.seconds * 1000


def unzipped(archive: Path, folder: Path) -> Path:
    """Unpack a deployment package."""
    with zipfile.ZipFile(archive) as opened:
        opened.extractall(folder)
    return folder


def chalice_runtime(folder: Path) -> Path:
    """Add the two files of Chalice that are shipped."""
    (folder / "chalice").mkdir(parents=True)
    for file in vendored.chalice_runtime():
        shutil.copy(file, folder / "chalice")
    return folder


def sources(folder: Path, copy: Path) -> Path:
    """Copy a folder, leaving out what Python would have to compile otherwise."""
    return Path(shutil.copytree(folder, copy, ignore=shutil.ignore_patterns("__pycache__")))


def compiled(folder: Path, copy: Path) -> Path:
    """Copy a folder and add bytecode to it, of the kind that is never checked."""
    shutil.copytree(folder, copy)
    mode = PycInvalidationMode.UNCHECKED_HASH
    compileall.compile_dir(str(copy), quiet=2, invalidation_mode=mode)
    return copy


def with_module(folder: Path, copy: Path) -> Path:
    """Copy a package, with the module that pip installs instead of the one for Lambda."""
    shutil.copytree(folder, copy)
    shutil.copy(EMBEDDED / MODULE, copy / MODULE)
    return copy


def boto3_app(copy: Path, file: str = "app.py") -> Path:
    """Make what Chalice would ship of the peer."""
    installed_peers = installed("app", pinned("boto3", "pyotp", "qrcode", "Pillow"))
    sources(installed_peers, copy)
    shutil.copy(PEERS / "boto3_app" / file, copy / "app.py")
    shutil.copy(PEERS / "boto3_peer.py", copy)
    return chalice_runtime(copy)


def zipped(folder: Path) -> float:
    """Weigh a folder as a zip file, in MB."""
    return Path(shutil.make_archive(str(folder), "zip", folder)).stat().st_size / 1e6


def zips(work: Path, ours: Path, theirs: Path) -> tuple[Table, dict[str, float]]:
    """Weigh what is shipped, and of it what is not the app."""
    bare = sources(installed("boto3", pinned("boto3", "pyotp")), work / "bare")
    dependencies = shutil.copytree(ours / "lambdatotp", work / "module" / "lambdatotp")
    without_qr, mine = zipped(bare), zipped(dependencies.parent)
    with_qr = zipped(
        sources(installed("app", pinned("boto3", "pyotp", "qrcode", "Pillow")), work / "with-qr")
    )
    table = Table("Zip files", ["MB", "boto3 + PyOTP", "with QR codes", "lambdatotp, with both"])
    cells = [{"middle": mine, "low": mine, "high": mine, "times": with_qr / mine}]
    table.rows.append(["dependencies", without_qr, with_qr, *cells])
    table.rows.append(["the whole package", None, zipped(theirs), ARCHIVE.stat().st_size / 1e6])
    table.notes.append(
        "The peers are as Chalice ships them, without bytecode; ours has its bytecode. Lambda's "
        "own image contains some version of boto3: an app that relies on it ships less."
    )
    ratio = with_qr / mine
    return table, {"times": ratio, "from": ratio, "to": ratio}


def warm_replies(
    at: Store, folders: Mapping[str, Path], options: Options
) -> tuple[Table, dict[str, dict[str, float]]]:
    """Compare warm replies, on DynamoDB Local and on an endpoint that costs nothing."""
    columns = ["", "DynamoDB Local, ms", "CPU, ms", "stub, ms", "CPU, ms"]
    table = Table("Warm replies, over TLS", columns)
    with (
        tempfile.TemporaryDirectory() as work,
        stub(quick=options.quick) as url,
        tls_front(url, Path(work)) as front,
    ):
        answering = environment(front.url, "stub", AWS_CA_BUNDLE=str(front.bundle))
        places: dict[str, tuple[Mapping[str, str], Callable[[int], Iterable[tuple[str, str]]]]] = {
            "DynamoDB Local": (at.tls, lambda count: [at.user() for _ in range(count)]),
            "stub": (answering, lambda count: [("ana@example.com", right_code())] * count),
        }
        cases = {
            (name, place): warm(variables, folder, users)
            for place, (variables, users) in places.items()
            for name, folder in folders.items()
        }
        taken = in_turns(cases, options.rounds(7))
    series = {case: list(zip(*runs, strict=True)) for case, runs in taken.items()}
    for name in folders:
        row: list[Any] = [name]
        for place in places:
            pairs = zip(series[name, place], series[OURS, place], strict=True)
            for theirs, mine in pairs:
                made = cell(list(theirs))
                row.append(made | target(list(theirs), list(mine)) if name == SAFE else made)
        table.rows.append(row)
    names = {0: "warm reply", 1: "warm reply, CPU"}
    reached = {
        f"{name}{'' if place == 'DynamoDB Local' else ', stub'}": target(
            list(series[SAFE, place][column]), list(series[OURS, place][column])
        )
        for place in places
        for column, name in names.items()
    }
    return table, reached


def measure(options: Options) -> Section:
    """Start each function in turn, under AWS's own runtime client."""
    with tempfile.TemporaryDirectory() as scratch, store() as at:
        work = Path(scratch)
        hello = chalice_runtime(work / "hello")
        (hello / "app.py").write_text(HELLO)
        bare = compiled(hello, work / "hello-c")
        ours = unzipped(ARCHIVE, work / "ours")
        theirs = boto3_app(work / "boto3")
        safe = compiled(boto3_app(work / "boto3-safe", "safe.py"), work / "boto3-safe-c")
        weights, lighter = zips(work, ours, theirs)
        on_request = {"AWS_LAMBDA_INITIALIZATION_TYPE": ""}
        cases = {
            "bare Chalice, as it ships itself": function(at, hello),
            "bare Chalice, with bytecode": function(at, bare),
            "boto3 + PyOTP, as Chalice ships them": function(at, theirs),
            THEIRS: function(at, compiled(theirs, work / "boto3-c")),
            SAFE: function(at, safe),
            OURS: function(at, ours),
            "lambdatotp, connecting in the first request": function(at, ours, on_request),
            "lambdatotp, without bytecode": function(at, sources(ours, work / "ours-source")),
            "lambdatotp, with the module of the wheel for PyPI": function(
                at, with_module(ours, work / "ours-full")
            ),
        }
        taken = in_turns(cases, options.rounds(11))
        folders = {"bare Chalice": bare, SAFE: safe, OURS: ours}
        replies, reached = warm_replies(at, folders, options)
    columns = {name: list(zip(*runs, strict=True)) for name, runs in taken.items()}
    table = Table("Under awslambdaric, over TLS", ["", *COLUMNS])
    for name, values in columns.items():
        row: list[Any] = [name]
        for theirs_too, mine in zip(values, columns[OURS], strict=True):
            made = cell(list(theirs_too))
            row.append(made | target(list(theirs_too), list(mine)) if "boto3" in name else made)
        table.rows.append(row)
    targets = {
        "zip": lighter,
        **reached,
        "cold start": target(list(columns[THEIRS][2]), list(columns[OURS][2])),
        "cold memory": target(list(columns[THEIRS][4]), list(columns[OURS][4])),
    }
    bars = {str(row[0]): row[3]["middle"] for row in table.rows}
    title = "Milliseconds to the first reply of a cold function"
    plots = [Plot("shape.svg", title, "bars", bars, "milliseconds")]
    intro = (
        "The unzipped package, started by AWS's runtime client, against DynamoDB Local over "
        "TLS. The peer is the same app on boto3, PyOTP and qrcode, either with the original's "
        "one plain read per login, or with the same two safe writes as ours. The warm reply is "
        "the best of five. The number in brackets is the ratio to lambdatotp."
    )
    facts = {
        "warm_ms": cell(list(columns[OURS][3]))["middle"],
        "memory_mib": cell(list(columns[OURS][4]))["middle"],
    }
    return Section("shape", TITLE, intro, [table, replies, weights], plots, targets, facts)
