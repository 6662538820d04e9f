"""What MiniStack cannot do for `chalice deploy`, done by what else it can.

Chalice sends its REST API as one document, by ImportRestApi and, for an update, by PutRestApi. The
emulator makes an empty API of the first and does not know the second. (In a stack's template it
reads such a document: `chalice package` needs none of this.) This proxy hands everything on as it
is, but for these two, whose document it turns into the emulator's own resources, methods and
integrations, one by one; and for a patch that the emulator would store as AWS would not. It
refuses a document of which it would leave something out.

So it is not proven that AWS reads the document as we do. Nor is it that an update takes effect
because Chalice deploys the stage anew: the emulator serves every change at once.
"""

from __future__ import annotations

import http.client
import json
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

from tests.python.support.fault_proxy import running

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

BINARY = "x-amazon-apigateway-binary-media-types"
DOCUMENT = {"swagger", "info", "schemes", "paths", "definitions", "securityDefinitions", BINARY}
CALLED = "x-amazon-apigateway-integration"
# What describes, and what has no effect where a function gives the whole answer.
WORDS = {"summary", "description", "consumes", "produces", "responses"}
INTEGRATION = {"type", "httpMethod", "uri", "passthroughBehavior", "contentHandling", "responses"}
IAM = {"x-amazon-apigateway-authtype": "awsSigv4"}
# Headers of one connection.
HOP = {"connection", "keep-alive", "transfer-encoding", "content-length", "date", "server"}


def fill(gateway: Any, api: str, document: dict[str, Any]) -> None:
    """Replace what an API has by what a document says."""
    _only(document, DOCUMENT)
    if gateway.get_rest_api(restApiId=api)["binaryMediaTypes"] != document[BINARY]:
        raise ValueError("the emulator cannot change binary media types")
    ids = {}
    for resource in gateway.get_resources(restApiId=api, limit=500)["items"]:
        where = {"restApiId": api, "resourceId": resource["id"]}
        if resource["path"] != "/":
            gateway.delete_resource(**where)
            continue
        ids["/"] = resource["id"]
        for method in resource.get("resourceMethods", {}):
            gateway.delete_method(**where, httpMethod=method)

    def made(path: str) -> str:
        if path not in ids:
            above, _, part = path.rpartition("/")
            new = gateway.create_resource(restApiId=api, parentId=made(above or "/"), pathPart=part)
            ids[path] = new["id"]
        return ids[path]

    schemes = document.get("securityDefinitions", {})
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            where = {"restApiId": api, "resourceId": made(path), "httpMethod": method.upper()}
            _put_method(gateway, operation, schemes, where)


def _put_method(gateway: Any, operation: Any, schemes: Any, where: dict[str, str]) -> None:
    _only(operation, WORDS | {"parameters", "security", CALLED})
    wanted = [schemes[name] for choice in operation.get("security", []) for name in choice]
    if not all(IAM.items() <= scheme.items() for scheme in wanted):
        raise ValueError("only IAM authorizes here")
    parameters = {
        f"method.request.{each['in']}.{each['name']}": each["required"]
        for each in operation.get("parameters", [])
    }
    authorization = "AWS_IAM" if wanted else "NONE"
    gateway.put_method(**where, authorizationType=authorization, requestParameters=parameters)
    called = operation[CALLED]
    _only(called, INTEGRATION)
    gateway.put_integration(
        **where,
        type=called["type"].upper(),
        integrationHttpMethod=called["httpMethod"],
        uri=called["uri"],
        passthroughBehavior=called["passthroughBehavior"].upper(),
        contentHandling=called["contentHandling"],
    )


def _only(given: dict[str, Any], known: set[str]) -> None:
    if given.keys() - known:
        raise ValueError(f"{sorted(given.keys() - known)} would be left out")


def patched(body: bytes) -> bytes:
    """Write a patch so that the emulator stores what AWS would."""
    operations = json.loads(body)["patchOperations"]
    for operation in operations:
        if operation["path"] == "/minimumCompressionSize" and not operation["value"]:
            operation["op"] = "remove"  # an empty text is not a number
        elif operation["path"].startswith("/endpointConfiguration/types/"):
            operation.update(path="/endpointConfiguration/types", value=[operation["value"]])
    return json.dumps({"patchOperations": operations}).encode()


class _Handler(BaseHTTPRequestHandler):
    server: _Proxy

    def _any(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        parts = urlsplit(self.path)
        query = {name: values[0] for name, values in parse_qs(parts.query).items()}
        asked = (self.command, *parts.path.strip("/").split("/"))
        if asked == ("POST", "restapis") and query.get("mode") == "import":
            self._import("", json.loads(body), query["endpointConfigurationTypes"])
        elif asked[:2] == ("PUT", "restapis") and query.get("mode") == "overwrite":
            self._import(asked[2], json.loads(body))
        elif asked[:2] == ("PATCH", "restapis") and len(asked) == 3:
            # Another body than was signed: of the account's root, no signature is checked.
            self._answer(*self._forward(self.command, self.path, patched(body)))
        else:
            self._answer(*self._forward(self.command, self.path, body))

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = _any  # noqa: N815

    def _import(self, api: str, document: dict[str, Any], endpoint: str = "") -> None:
        gateway, status = self.server.gateway, 200 if api else 201
        if not api:
            api = gateway.create_rest_api(
                name=document["info"]["title"],
                binaryMediaTypes=document[BINARY],
                endpointConfiguration={"types": [endpoint]},
            )["id"]
        try:
            fill(gateway, api, document)
        except ValueError as error:
            self._answer(400, [], json.dumps({"message": str(error)}).encode())
        else:
            self._answer(status, *self._forward("GET", f"/restapis/{api}", b"")[1:])

    def _forward(self, method: str, path: str, body: bytes) -> tuple[int, Any, bytes]:
        headers = {name: text for name, text in self.headers.items() if name.lower() not in HOP}
        connection = http.client.HTTPConnection(self.server.upstream)
        connection.request(method, path, body, headers)
        reply = connection.getresponse()
        answer = reply.status, reply.getheaders(), reply.read()
        connection.close()
        return answer

    def _answer(self, status: int, headers: list[tuple[str, str]], body: bytes) -> None:
        self.send_response(status)
        for name, text in headers:
            if name.lower() not in HOP:
                self.send_header(name, text)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


class _Proxy(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, upstream: str, client: Callable[[str], Any]) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.upstream = urlsplit(upstream).netloc
        self.gateway = client("apigateway")


@contextmanager
def importing(upstream: str, client: Callable[[str], Any]) -> Iterator[str]:
    """Run the proxy in front of an emulator; yields its URL."""
    with running(_Proxy(upstream, client)) as proxy:
        yield f"http://127.0.0.1:{proxy.server_port}"
