"""The app, as a caller sees it through Chalice's own test client."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from chalice.test import Client

JSON = {"Content-Type": "application/json"}
FORM = {"Content-Type": "application/x-www-form-urlencoded"}


class Service:
    """The app, as a caller sees it."""

    def __init__(self, client: Client) -> None:
        self.client = client

    def call(self, method: str, path: str, body: Any = b"", headers: Any = None) -> Any:
        if not isinstance(body, (bytes, str)):
            body, headers = json.dumps(body), {**JSON, **(headers or {})}
        response = self.client.http.request(method, path, headers=headers or {}, body=body)
        assert "Traceback" not in response.body.decode()
        assert response.status_code != 500
        return response

    def register(self, user: str, **headers: str) -> Any:
        return self.call("POST", "/", {"user": user}, headers)

    def verify(self, user: str, code: str) -> Any:
        return self.call("POST", "/verify", {"user": user, "code": code})


def forget_app() -> None:
    """Have the next import read the app anew, as a fresh Lambda does."""
    for name in [name for name in sys.modules if name.split(".")[0] in {"app", "chalicelib"}]:
        del sys.modules[name]
