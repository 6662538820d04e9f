"""What is measured against: DynamoDB Local, TLS in front of it, and a stub that costs nothing."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import uuid
import zlib
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import boto3
import pyotp

from benches.measure import ROOT
from tools import dynamodb_local, npm
from tools.tls_front import Front, tls_front

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

# RFC 4226's, in base32: every user of a benchmark has it, so one code is right for all.
SECRET = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"  # noqa: S105
# What is shipped to Lambda, and what pip installs.
VENDOR = ROOT / "vendor"
EMBEDDED = ROOT / "out" / "bench-embedded"
CACHE = npm.CACHE
BATCH = 25  # DynamoDB's own limit
CREDENTIALS = {
    "AWS_ACCESS_KEY_ID": "testing",
    "AWS_SECRET_ACCESS_KEY": "testing",
    "AWS_REGION": "eu-west-1",
    "AWS_DEFAULT_REGION": "eu-west-1",
    "AWS_EC2_METADATA_DISABLED": "true",
}


def boto3_client(url: str) -> Any:
    """Return a client to look after tables with."""
    os.environ.update(CREDENTIALS)
    return boto3.client("dynamodb", endpoint_url=url)


def new_table(client: Any) -> str:
    """Make an empty table as `lambdatotp create-table` does, and return its name."""
    name = f"bench_{uuid.uuid4().hex[:8]}"
    dynamodb_local.create_table(client, name)
    return name


def item(user: str) -> dict[str, dict[str, str]]:
    """Make the item that `register` writes."""
    return {
        "user_id": {"S": user},
        "secret": {"S": SECRET},
        "enrollment_id": {"S": uuid.uuid4().hex[:22]},
        "registered_at": {"N": "1700000000"},
    }


def right_code() -> str:
    """Make the code that is right for every user at this moment."""
    return pyotp.TOTP(SECRET).now()


def load(client: Any, table: str, users: Iterable[str]) -> None:
    """Register many users at once, by the engine's own batches, from several threads."""
    names = list(users)

    def put(start: int) -> None:
        requests = [{"PutRequest": {"Item": item(name)}} for name in names[start : start + BATCH]]
        left: dict[str, Any] = {table: requests}
        while left:
            left = client.batch_write_item(RequestItems=left).get("UnprocessedItems") or {}

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(put, range(0, len(names), BATCH)))


@contextmanager
def local(*, quick: bool = False) -> Iterator[str]:
    """Run DynamoDB Local, warm: cold, the JVM would be most of what is measured."""
    with dynamodb_local.running() as url:
        client = boto3_client(url)
        table = new_table(client)
        load(client, table, (f"warm{number}" for number in range(BATCH if quick else 4000)))
        yield url


def built(bench: str, *, quick: bool = False) -> Path:
    """Build one of the programs beside this file, and return it; in a hurry not optimized."""
    command = ["cargo", "build"] if quick else ["cargo", "bench", "--no-run"]
    command += ["--locked", "--quiet", "--no-default-features", "--bench", bench]
    done = subprocess.run(
        [*command, "--message-format", "json"],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        check=True,
    )
    messages = [json.loads(line) for line in done.stdout.splitlines()]
    programs = [message["executable"] for message in messages if message.get("executable")]
    return Path(programs[-1])


@contextmanager
def stub(*, quick: bool = False, delay_ms: int = 0) -> Iterator[str]:
    """Run the stub endpoint; it ends with its standard input."""
    program = [str(built("stub", quick=quick)), str(delay_ms)]
    with subprocess.Popen(program, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout  # noqa: S101
        assert process.stdin  # noqa: S101
        yield f"http://127.0.0.1:{int(process.stdout.readline())}"
        process.stdin.close()


def settings(url: str, table: str) -> dict[str, str]:
    """Say where the table is."""
    return {**CREDENTIALS, "AWS_ENDPOINT_URL_DYNAMODB": url, "LAMBDATOTP_TABLE_NAME": table}


def environment(url: str, table: str, **more: str) -> dict[str, str]:
    """Tell a child process where its table is, and nothing else."""
    return {"PATH": "/usr/bin:/bin", **settings(url, table), **more}


class Store:
    """A table on DynamoDB Local, with and without TLS, and users who were never let in."""

    def __init__(self, url: str, front: Front) -> None:
        self.client = boto3_client(url)
        self.table = new_table(self.client)
        # boto3 and lambdatotp read the first, httpx the second.
        trust = {"AWS_CA_BUNDLE": str(front.bundle), "SSL_CERT_FILE": str(front.bundle)}
        self.plain = environment(url, self.table)
        self.tls = environment(front.url, self.table, **trust)

    def user(self) -> tuple[str, str]:
        """Register somebody, and return them with their code."""
        name = uuid.uuid4().hex
        self.client.put_item(TableName=self.table, Item=item(name))
        return name, right_code()


@contextmanager
def store() -> Iterator[Store]:
    """Run DynamoDB Local with TLS in front of it."""
    with (
        tempfile.TemporaryDirectory() as work,
        local() as url,
        tls_front(url, Path(work)) as front,
    ):
        yield Store(url, front)


def installed(name: str, requirements: Sequence[str]) -> Path:
    """Install peers into a folder of their own, once for each version, as Chalice would."""
    wanted = "\n".join(requirements)
    target = CACHE / f"peers-{name}-{zlib.crc32(wanted.encode()):08x}"
    if not target.exists():
        new = target.with_name(f"{target.name}.{os.getpid()}")
        pip = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        subprocess.run([*pip, "--target", new, *requirements], check=True)
        new.rename(target)
    return target


def pinned(*names: str) -> list[str]:
    """Name peers in the versions that are installed here."""
    return [f"{name}=={version(name)}" for name in names]
