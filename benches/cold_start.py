"""Cold start: from a fresh process to its first verified code, ours and boto3's in turn.

Under AWS's runtime client, against DynamoDB Local behind TLS. Every figure is a median
of rounds in which all take their turns; the ratios are what counts, since machines differ.

    make bench-cold
"""

from __future__ import annotations

import argparse
import compileall
import json
import os
import platform
import shutil
import subprocess
import sys
import tempfile
import time
import zipfile
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from py_compile import PycInvalidationMode
from statistics import median, quantiles
from typing import TYPE_CHECKING, Any

import boto3
import lambdatotp

ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "tools")]

import dynamodb_local  # noqa: E402
import lambda_runtime  # noqa: E402
from tls_front import tls_front  # noqa: E402

from chalicelib import shipping  # noqa: E402

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

PEERS = ["boto3==1.44.5", "pyotp==2.12.0", "qrcode==8.2", "Pillow==12.0.0"]
VERSION = f"{sys.version_info.major}.{sys.version_info.minor}"
USER, TABLE = "ana@example.com", "bench_users"
WARM_UP = 1500

HELLO = """
from chalice import Chalice
app = Chalice(app_name="hello")
@app.route("/verify", methods=["POST"])
def verify():
    return {"code_is_valid": True}
"""

# Without Chalice: what a Python process pays.
OURS = """
import sys
import lambdatotp
assert lambdatotp.verify(*sys.argv[1:])
"""
THEIRS = """
import os, sys
import boto3, pyotp
table = boto3.resource("dynamodb").Table(os.environ["LAMBDATOTP_TABLE_NAME"])
item = table.get_item(Key={"user_id": sys.argv[1]})["Item"]
assert pyotp.TOTP(item["secret"]).verify(sys.argv[2], valid_window=1)
"""
PEAK = """
print(open("/proc/self/status").read().split("VmHWM:")[1].split()[0])
"""


@dataclass
class Row:
    """One way to start, and what was measured: milliseconds and MiB."""

    name: str
    run: Callable[[], tuple[float, ...]]
    taken: list[tuple[float, ...]] = field(default_factory=list)

    def column(self, number: int) -> tuple[float, float, float]:
        """Median and quartiles."""
        values = [row[number] for row in self.taken]
        low, _, high = quantiles(values, n=4)
        return median(values), low, high


class Bench:
    """The folders to start, the store to start them against, and the codes to try."""

    def __init__(self, work: Path, stack: ExitStack) -> None:
        self.work = work
        url = stack.enter_context(dynamodb_local.running())
        front = stack.enter_context(tls_front(url, work))
        credentials = {
            "AWS_ACCESS_KEY_ID": "testing",
            "AWS_SECRET_ACCESS_KEY": "testing",
            "AWS_REGION": "eu-west-1",
            "AWS_DEFAULT_REGION": "eu-west-1",
            "AWS_EC2_METADATA_DISABLED": "true",
        }
        os.environ.update(credentials)
        self.environment = {
            **credentials,
            "AWS_ENDPOINT_URL_DYNAMODB": front.url,
            "AWS_CA_BUNDLE": str(front.bundle),
            "LAMBDATOTP_TABLE_NAME": TABLE,
        }
        # What the front, which is written in Python, adds to each request.
        self.plain = {"AWS_ENDPOINT_URL_DYNAMODB": url}
        self.client = boto3.client("dynamodb", endpoint_url=url)
        self.client.create_table(
            TableName=TABLE,
            KeySchema=[{"AttributeName": "user_id", "KeyType": "HASH"}],
            AttributeDefinitions=[{"AttributeName": "user_id", "AttributeType": "S"}],
            BillingMode="PAY_PER_REQUEST",
        )
        # The engine is a JVM: cold, it would be most of what is measured.
        verifier = lambdatotp.Verifier(endpoint_url=url, table_name=TABLE)
        for _ in range(WARM_UP):
            verifier.verify(USER, self.code())

    def code(self) -> str:
        """Register the user anew, so that its code was never used; return the code."""
        secret = lambdatotp.Secret.generate().base32
        item = {"user_id": {"S": USER}, "secret": {"S": secret}}
        self.client.put_item(TableName=TABLE, Item=item)
        return lambdatotp.Totp(secret).now()

    def function(self, folder: Path, environment: Mapping[str, str] | None = None) -> Row:
        """Time a Lambda function: start, first reply, both, and peak memory."""

        def run() -> tuple[float, ...]:
            body = json.dumps({"user": USER, "code": self.code()})
            headers = {"Content-Type": "application/json"}
            event = lambda_runtime.proxy_event("POST", "/verify", headers=headers, body=body)
            variables = {**self.environment, **(environment or {})}
            with lambda_runtime.running(
                folder, sys.executable, VERSION, variables, subprocess.DEVNULL
            ) as function:
                reply = function.invoke(event)
                assert reply.json == {"code_is_valid": True}, reply  # noqa: S101
                start, first = function.init_seconds * 1000, reply.seconds * 1000
                return start, first, start + first, function.peak_memory() / 1024

        return Row(folder.name, run)

    def process(
        self,
        name: str,
        source: str,
        path: Path | None,
        environment: Mapping[str, str] | None = None,
    ) -> Row:
        """Time a Python process from its start to its end, and read its peak memory."""

        def run() -> tuple[float, ...]:
            command = [sys.executable, "-S", "-c", source + PEAK, USER, self.code()]
            variables = {"PATH": "/usr/bin:/bin", "PYTHONPATH": str(path or ""), **self.environment}
            variables |= {"PYTHONDONTWRITEBYTECODE": "1", **(environment or {})}
            began = time.perf_counter()
            done = subprocess.run(command, env=variables, capture_output=True, check=True)
            return (time.perf_counter() - began) * 1000, int(done.stdout) / 1024

        return Row(name, run)


def unzipped(archive: Path, target: Path) -> Path:
    """Unpack a deployment package."""
    with zipfile.ZipFile(archive) as opened:
        opened.extractall(target)
    return target


def without_bytecode(folder: Path, target: Path) -> Path:
    """Copy a folder, leaving out what Python would have to compile otherwise."""
    return Path(shutil.copytree(folder, target, ignore=shutil.ignore_patterns("__pycache__")))


def boto3_app(target: Path) -> Path:
    """Make what Chalice would ship of the peer."""
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    subprocess.run([*pip, "--no-compile", "--target", target, *PEERS], check=True)
    shutil.copy(ROOT / "benches" / "boto3_app" / "app.py", target)
    return chalice_runtime(target)


def chalice_runtime(target: Path) -> Path:
    """Add the two files of Chalice that are shipped."""
    (target / "chalice").mkdir(parents=True)
    for file in shipping.chalice_runtime():
        shutil.copy(file, target / "chalice")
    return target


def compiled(folder: Path, target: Path) -> Path:
    """Copy a folder and add bytecode to it, of the kind that is never checked."""
    shutil.copytree(folder, target)
    mode = PycInvalidationMode.UNCHECKED_HASH
    compileall.compile_dir(str(target), quiet=2, invalidation_mode=mode)
    return target


def zipped(folder: Path) -> float:
    """Weigh a folder as a zip file, in MB."""
    return Path(shutil.make_archive(str(folder), "zip", folder)).stat().st_size / 1e6


def table(title: str, columns: list[str], rows: list[Row], baseline: Row) -> None:
    """Print medians with quartiles, and how they compare."""
    print(f"\n{title}\n")
    print("| | " + " | ".join(columns) + " |")
    print("|---|" + "---|" * len(columns))
    for row in rows:
        cells = []
        for number in range(len(columns)):
            middle, low, high = row.column(number)
            ratio = baseline.column(number)[0] / middle
            beside = "" if row is baseline else f", 1/{ratio:.1f}"
            cells.append(f"{middle:.1f} ({low:.1f} to {high:.1f}{beside})")
        print(f"| {row.name} | " + " | ".join(cells) + " |")


def main() -> None:
    """Prepare, measure in turns, print."""
    parser = argparse.ArgumentParser(description="Cold start against boto3 + PyOTP.")
    parser.add_argument("archive", type=Path, help="deployment.zip, by `make package`")
    parser.add_argument("--rounds", type=int, default=15)
    options = parser.parse_args()
    with ExitStack() as stack:
        work = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        bench = Bench(work, stack)
        hello = chalice_runtime(work / "hello")
        (hello / "app.py").write_text(HELLO)
        ours = unzipped(options.archive, work / "ours")
        theirs = boto3_app(work / "boto3")
        size = zipped(theirs)
        theirs_compiled = compiled(theirs, work / "boto3-compiled")
        sourced = without_bytecode(ours, work / "ours-source")
        no_connect = {"AWS_LAMBDA_INITIALIZATION_TYPE": ""}

        functions = {
            "bare Chalice, as it ships itself": bench.function(hello),
            "bare Chalice, with bytecode": bench.function(compiled(hello, work / "hello-c")),
            "boto3 + PyOTP, as Chalice ships them": bench.function(theirs),
            "boto3 + PyOTP, with bytecode": bench.function(theirs_compiled),
            "lambdatotp": bench.function(ours),
            "lambdatotp, connecting in the first request": bench.function(ours, no_connect),
            "lambdatotp, without bytecode": bench.function(sourced),
            "lambdatotp, bytecode unchecked": bench.function(compiled(sourced, work / "ours-c")),
        }
        processes = {
            "Python alone": bench.process("", "", None),
            "boto3 + PyOTP": bench.process("", THEIRS, theirs_compiled),
            "lambdatotp": bench.process("", OURS, ours),
            "lambdatotp, plain http": bench.process("", OURS, ours, bench.plain),
        }
        for group in (functions, processes):
            for name, row in group.items():
                row.name = name
        everything: list[Row] = [*functions.values(), *processes.values()]
        for number in range(options.rounds + 1):
            order = everything if number % 2 else everything[::-1]
            for row in order:
                taken: Any = row.run()
                if number:  # the first round warms the disk's cache
                    row.taken.append(taken)

        print(f"{platform.machine()}, {os.cpu_count()} cores, CPython {platform.python_version()}")
        print(f"{', '.join(PEERS)}; {options.rounds} rounds; median (quartiles, ratio to boto3)")
        columns = ["start, ms", "first reply, ms", "both, ms", "peak, MiB"]
        baseline = functions["boto3 + PyOTP, with bytecode"]
        table("Under awslambdaric, over TLS", columns, list(functions.values()), baseline)
        columns = ["start to verified code, ms", "peak, MiB"]
        baseline = processes["boto3 + PyOTP"]
        table("A process of its own, over TLS", columns, list(processes.values()), baseline)
        mine = options.archive.stat().st_size / 1e6
        print(f"\nZip: {mine:.2f} MB; boto3 + PyOTP + qrcode {size:.2f} MB, 1/{size / mine:.1f}")


if __name__ == "__main__":
    main()
