"""AWS's own runtime client for Python, run as Lambda runs it, on this machine.

`awslambdaric` asks a Runtime API for events and posts replies to it. Here that API is a
small server in this process; everything on the other side of it is what Lambda runs.
"""

from __future__ import annotations

import base64
import json
import os
import queue
import shutil
import subprocess
import sys
import threading
import time
import uuid
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from tools.npm import CACHE

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

AWSLAMBDARIC = "awslambdaric==4.2.2"
# Those that Chalice deploys and that can be had today.
SUPPORTED = ("3.10", "3.11", "3.12", "3.13", "3.14")
PATIENCE_SECONDS = 60
INVOCATION = "/2018-06-01/runtime/invocation/"


def pythons() -> dict[str, str]:
    """Find one interpreter for each supported version that this machine has."""
    found = {}
    for version in SUPPORTED:
        if version == f"{sys.version_info.major}.{sys.version_info.minor}":
            found[version] = sys.executable
            continue
        versions = Path.home() / ".pyenv" / "versions"
        candidates = [str(path) for path in sorted(versions.glob(f"{version}.*/bin/python"))]
        candidates += [path] if (path := shutil.which(f"python{version}")) else []
        for candidate in candidates:
            show = [candidate, "-c", "import sys; print('%d.%d' % sys.version_info[:2])"]
            shown = subprocess.run(show, capture_output=True, text=True, check=False)
            if shown.stdout.strip() == version:
                found[version] = candidate
                break
    return found


def runtime_client(version: str) -> Path:
    """Return the folder of `awslambdaric` for a Python version, fetched on the first call."""
    target = CACHE / f"{AWSLAMBDARIC.replace('==', '-')}-{version}"
    if not target.exists():
        CACHE.mkdir(parents=True, exist_ok=True)
        new = target.with_name(f"{target.name}.{os.getpid()}")
        pip = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        only = ["--only-binary", ":all:", "--python-version", version, "--implementation", "cp"]
        subprocess.run([*pip, *only, "--target", new, AWSLAMBDARIC], check=True)
        new.rename(target)
    return target


@dataclass
class Reply:
    """What the function returned to API Gateway."""

    status: int
    headers: Mapping[str, str]
    text: str
    seconds: float
    cookies: tuple[str, ...] = ()

    @property
    def json(self) -> Any:
        """The body, read as JSON."""
        return json.loads(self.text)


class FunctionError(Exception):
    """The function failed instead of replying: API Gateway would answer 502."""


class _RuntimeApi(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.events: queue.Queue[tuple[str, bytes]] = queue.Queue()
        self.outcomes: queue.Queue[tuple[bool, bytes, float]] = queue.Queue()
        self.asked = threading.Event()
        self.asked_at = 0.0
        self.stopped = threading.Event()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Take no notice: functions are killed in the middle of asking."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    # Or each reply waits 40 ms for the client's system to acknowledge its headers.
    disable_nagle_algorithm = True
    server: _RuntimeApi

    def do_GET(self) -> None:
        if not self.server.asked.is_set():
            self.server.asked_at = time.perf_counter()
            self.server.asked.set()
        request_id, event = self.server.events.get()
        if self.server.stopped.is_set():
            self.close_connection = True
            return
        deadline = int((time.time() + 15) * 1000)
        headers = {
            "Lambda-Runtime-Aws-Request-Id": request_id,
            "Lambda-Runtime-Deadline-Ms": str(deadline),
            "Lambda-Runtime-Invoked-Function-Arn": "arn:aws:lambda:eu-west-1:1:function:app",
        }
        self._answer(200, event, headers)

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        worked = self.path.startswith(INVOCATION) and self.path.endswith("/response")
        self.server.outcomes.put((worked, body, time.perf_counter()))
        self.server.asked.set()
        self._answer(202, b"{}", {})

    def _answer(self, status: int, body: bytes, headers: dict[str, str]) -> None:
        self.send_response(status)
        headers |= {"Content-Type": "application/json", "Content-Length": str(len(body))}
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


class Function:
    """A function that has started, and waits for events."""

    def __init__(self, api: _RuntimeApi, process: subprocess.Popen[bytes], began: float) -> None:
        self._api = api
        self.process = process
        self.init_seconds = api.asked_at - began

    def _outcome(self) -> tuple[bool, bytes, float]:
        for _ in range(PATIENCE_SECONDS):
            with suppress(queue.Empty):
                return self._api.outcomes.get(timeout=1)
            if self.process.poll() is not None:
                break
        raise FunctionError(f"no reply; its process: {self.process.poll()}")

    def invoke(self, event: Mapping[str, Any]) -> Reply:
        """Send one event, and wait for the reply."""
        began = time.perf_counter()
        self._api.events.put((str(uuid.uuid4()), json.dumps(event).encode()))
        worked, body, ended = self._outcome()
        outcome = json.loads(body)
        if not worked or not isinstance(outcome, dict):
            raise FunctionError(body.decode())
        text = str(outcome["body"])
        if outcome.get("isBase64Encoded"):
            text = base64.b64decode(text).decode()
        headers = {name.lower(): value for name, value in outcome["headers"].items()}
        cookies = tuple(outcome.get("cookies", ()))
        return Reply(outcome["statusCode"], headers, text, ended - began, cookies)

    def cpu_seconds(self) -> float:
        """Read what all threads of the process have spent, in seconds."""
        # clock_getcpuclockid(3), which Python lacks: the kernel counts nanoseconds there.
        return time.clock_gettime(~self.process.pid << 3 | 2)

    def peak_memory(self) -> int:
        """Read the process's peak memory, in KiB."""
        status = Path(f"/proc/{self.process.pid}/status").read_text(encoding="utf-8")
        return int(status.split("VmHWM:")[1].split()[0])


@contextmanager
def running(
    folder: Path,
    python: str,
    version: str,
    environment: Mapping[str, str],
    log: int | None = None,
) -> Iterator[Function]:
    """Start a function from an unzipped package, with nothing but what Lambda gives it.

    Its log goes where ours goes, or to the file `log`.

    Raises:
        FunctionError: Its import failed, or it did not start.
    """
    api = _RuntimeApi()
    threading.Thread(target=api.serve_forever, daemon=True).start()
    variables = {
        "PATH": "/usr/bin:/bin",
        "HOME": str(folder.parent),
        "LANG": "en_US.UTF-8",
        "TZ": ":UTC",
        "PYTHONPATH": str(runtime_client(version)),
        # /var/task is read-only.
        "PYTHONDONTWRITEBYTECODE": "1",
        "LAMBDA_TASK_ROOT": str(folder),
        "_HANDLER": "app.app",
        "AWS_LAMBDA_RUNTIME_API": f"127.0.0.1:{api.server_port}",
        "AWS_LAMBDA_FUNCTION_NAME": "lambdatotp-dev",
        "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand",
        "AWS_EXECUTION_ENV": f"AWS_Lambda_python{version}",
        **environment,
    }
    began = time.perf_counter()
    process = subprocess.Popen(
        [python, "-S", "-m", "awslambdaric", variables["_HANDLER"]],
        cwd=folder,
        env=variables,
        stdout=log,
        stderr=log,
    )
    try:
        while not api.asked.wait(0.5):
            if process.poll() is not None or time.perf_counter() - began > PATIENCE_SECONDS:
                raise FunctionError(f"it did not start: {process.poll()}")
        if not api.asked_at:
            raise FunctionError(api.outcomes.get()[1].decode())
        yield Function(api, process, began)
    finally:
        api.stopped.set()
        process.kill()
        process.wait()
        api.events.put(("", b""))
        api.shutdown()
        api.server_close()


def proxy_event(  # noqa: PLR0913 - all but the first two by name
    method: str,
    path: str,
    *,
    resource: str | None = None,
    query: Mapping[str, str] | None = None,
    headers: Mapping[str, str] | None = None,
    body: str | None = None,
    encode: bool = False,
) -> dict[str, Any]:
    """Return an event as a REST API of API Gateway sends it to its function."""
    resource = resource or path
    parameters = None
    if "{" in resource:
        name = resource.strip("/{}")
        # As API Gateway does for REST APIs: percent-encoded, as it came.
        parameters = {name: quote(path.lstrip("/"), safe="%")}
    many = {name: [value] for name, value in (headers or {}).items()} or None
    if encode and body is not None:
        body = base64.b64encode(body.encode()).decode()
    return {
        "resource": resource,
        "path": path,
        "httpMethod": method,
        "headers": dict(headers) if headers else None,
        "multiValueHeaders": many,
        "queryStringParameters": dict(query) if query else None,
        "multiValueQueryStringParameters": {k: [v] for k, v in query.items()} if query else None,
        "pathParameters": parameters,
        "stageVariables": None,
        "requestContext": {
            "accountId": "123456789012",
            "apiId": "abc",
            "httpMethod": method,
            "identity": {"sourceIp": "192.0.2.1", "userAgent": "curl"},
            "path": f"/api{path}",
            "protocol": "HTTP/1.1",
            "requestId": str(uuid.uuid4()),
            "resourceId": "abc",
            "resourcePath": resource,
            "stage": "api",
        },
        "body": body,
        "isBase64Encoded": encode,
    }
