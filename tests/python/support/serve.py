"""A real `lambdatotp serve`, and what it says."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

from tests.python.support import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

# The last words of what it says when it is ready.
READY = '"code": "123456"'


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])


class Served:
    """A running server."""

    def __init__(self, process: subprocess.Popen[str], port: int) -> None:
        self.process, self.port = process, port
        self.said = ""
        self._ended = False
        self._heard = threading.Condition()
        self._listener = threading.Thread(target=self._listen)
        self._listener.start()

    def _listen(self) -> None:
        assert self.process.stdout is not None
        with self.process.stdout as lines:
            for line in lines:
                with self._heard:
                    self.said += line
                    self._heard.notify_all()
        with self._heard:
            self._ended = True
            self._heard.notify_all()

    def wait_for(self, text: str) -> None:
        """Wait until it has said this; fail when it has ended without."""
        with self._heard:
            self._heard.wait_for(lambda: text in self.said or self._ended)
            assert text in self.said, self.said

    def end(self) -> int:
        """End it as `kill` does; returns its exit code."""
        self.process.terminate()
        try:
            return self.process.wait(60)
        finally:
            self.process.kill()
            self._listener.join()


@contextmanager
def serving(
    *options: str, cwd: Path = ROOT, python: str = sys.executable, **variables: str
) -> Iterator[Served]:
    """Run it on a free port, until it is ready."""
    port = free_port()
    process = subprocess.Popen(
        [python, "-m", "lambdatotp", "serve", "--port", str(port), *options],
        cwd=cwd,
        env={**os.environ, **variables},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    served = Served(process, port)
    try:
        served.wait_for(READY)
        yield served
    finally:
        served.end()
