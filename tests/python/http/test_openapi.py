r"""The HTTP surface is as openapi.json describes it, whatever is thrown at it.

Schemathesis 4 looks at it from outside, and takes minutes and forty packages. So it is run by
hand, against `LAMBDATOTP_API_TOKEN=t0ken-of-an-operator lambdatotp serve --embedded :memory:`:

    schemathesis run openapi.json -u http://127.0.0.1:8000 \
        -H "Authorization: Bearer t0ken-of-an-operator" --continue-on-failure
"""

from __future__ import annotations

import base64
import importlib
import json
from urllib.parse import urlencode

import jsonschema
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from openapi_spec_validator import validate

from tests.python.support import ROOT
from tests.python.support.codes import LEGACY
from tests.python.support.service import forget_app
from tools.lambda_runtime import proxy_event

DOCUMENT = json.loads((ROOT / "openapi.json").read_text())
OPERATIONS = [(method, path) for path, item in DOCUMENT["paths"].items() for method in item]
TOKEN = {"Authorization": "Bearer t0ken-of-an-operator"}

text = st.text(max_size=300) | st.sampled_from(["ana", "bob", "000000", "１２３４５６", "+12345"])
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | text,
    lambda values: st.lists(values, max_size=3) | st.dictionaries(text, values, max_size=3),
    max_leaves=5,
)
fields = st.dictionaries(
    st.sampled_from(
        ["user", "code", "recovery_codes", "count", "account_name", "issuer", "replace_unconfirmed"]
    )
    | text,
    json_values,
    max_size=5,
)
bodies = st.one_of(
    st.none(),
    st.binary(max_size=200),
    text.map(lambda value: value.encode("utf-8", "surrogatepass")),
    json_values.map(lambda value: json.dumps(value).encode()),
    fields.map(lambda value: json.dumps(value).encode()),
    fields.map(lambda value: urlencode(value, errors="surrogatepass").encode()),
)
kinds = st.sampled_from(
    [
        None,
        "application/json",
        "application/json; charset=utf-8",
        "application/x-www-form-urlencoded",
        "text/plain",
        "",
        "x/" + "y" * 50,
    ]
)


def test_the_document_is_one():
    validate(DOCUMENT)


@pytest.fixture
def app(monkeypatch):
    for name, value in {
        "LAMBDATOTP_EMBEDDED": ":memory:",
        "LAMBDATOTP_TABLE_NAME": "openapi",
        "LAMBDATOTP_API_TOKEN": "t0ken-of-an-operator",
        "LAMBDATOTP_ENROLL_PAGE": "on",
    }.items():
        monkeypatch.setenv(name, value)
    forget_app()
    return importlib.import_module("app").app


def test_it_describes_the_routes_there_are(app):
    routed = {(method.lower(), path) for path, methods in app.routes.items() for method in methods}
    assert routed == set(OPERATIONS)


def test_clients_are_generated_without_the_aliases():
    """`x-internal` is what generators leave out; `DELETE /{user_id}` says the same for them."""
    for mark in ("x-internal", "deprecated"):
        marked = {(m, p) for m, p in OPERATIONS if DOCUMENT["paths"][p][m].get(mark)}
        assert marked == {("delete", p) for p in DOCUMENT["paths"] if p not in {"/", "/{user_id}"}}


def test_what_generated_clients_call_things():
    """Methods after the operations, grouped by tags; models after the bodies."""
    called = {
        operation["operationId"]: operation["tags"]
        for item in DOCUMENT["paths"].values()
        for operation in item.values()
        if "x-internal" not in operation
    }
    # `delete` alone is a word of JavaScript's.
    assert called == {
        "register": ["users"],
        "getStatus": ["users"],
        "unlock": ["users"],
        "newRecoveryCodes": ["users"],
        "deleteUser": ["users"],
        "verify": ["codes"],
        "verifyInUrl": ["codes"],
        "verifyAtRoot": ["codes"],
        "rotate": ["rotation"],
        "confirm": ["rotation"],
        "enrollmentPage": ["page"],
    }
    tags = [tag["name"] for tag in DOCUMENT["tags"]]
    assert {*tags} == {tag for tagged in called.values() for tag in tagged}
    schemas = DOCUMENT["components"]["schemas"]
    bodies = {}
    for path, item in DOCUMENT["paths"].items():
        if "requestBody" in item.get("post", {}):
            content = item["post"]["requestBody"]["content"]
            bodies[path] = content["application/json"]["schema"]["$ref"].rsplit("/", 1)[-1]
            # The form is not named, or clients would not tell the two apart.
            form = content["application/x-www-form-urlencoded"]["schema"]
            named = schemas[bodies[path]]
            assert form == {name: named[name] for name in named if name != "description"}
    assert bodies == {
        "/": "Registration",
        "/verify": "Attempt",
        "/rotate": "Rotation",
        "/confirm": "Attempt",
        "/status": "UserOnly",
        "/unlock": "UserOnly",
        "/recovery_codes": "RecoveryCodesWanted",
    }
    for operation in (o for item in DOCUMENT["paths"].values() for o in item.values()):
        for response in operation["responses"].values():
            for content in response.get("content", {}).values():
                assert "$ref" in content["schema"] or content["schema"] == {"type": "string"}


def test_users_with_the_names_of_routes_can_be_deleted(app):
    for path in set(app.routes) - {"/", "/{user_id}"}:
        body, headers = (
            json.dumps({"user": path[1:]}),
            {**TOKEN, "Content-Type": "application/json"},
        )
        registered = app(proxy_event("POST", "/", headers=headers, body=body), None)
        assert registered["statusCode"] == 201
        for status in (204, 404):
            assert app(proxy_event("DELETE", path, headers=TOKEN), None)["statusCode"] == status


def described(method, path, reply):
    """The reply is one of those that the document has."""
    responses = DOCUMENT["paths"][path][method]["responses"]
    assert str(reply["statusCode"]) in responses, reply
    response = responses[str(reply["statusCode"])]
    while "$ref" in response:
        response = DOCUMENT["components"]["responses"][response["$ref"].rsplit("/", 1)[-1]]
    for name in response.get("headers", {}):
        assert name in reply["headers"]
    if "content" not in response:
        assert reply["body"] == ""
        return
    if "text/html" in response["content"]:
        assert reply["body"].startswith("<!doctype html>")
        return
    schema = {**response["content"]["application/json"]["schema"]}
    schema["components"] = DOCUMENT["components"]
    jsonschema.validate(json.loads(reply["body"]), schema)


@pytest.mark.parametrize(("method", "path"), OPERATIONS)
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_whatever_is_sent_the_reply_is_described(app, method, path, data):
    headers = dict(TOKEN) if data.draw(st.integers(0, 9)) else {}
    kind = data.draw(kinds)
    if kind is not None:
        headers["Content-Type"] = kind
    user = data.draw(text.filter(bool))
    event = proxy_event(
        method.upper(),
        f"/{user}" if "{" in path else path,
        resource=path,
        query=data.draw(st.none() | st.dictionaries(st.sampled_from(["user", "code"]), text)),
        headers=headers,
    )
    if event["pathParameters"]:
        event["pathParameters"] = {"user_id": data.draw(text | st.sampled_from(["%ff", "%"]))}
    body = data.draw(bodies)
    if body is not None:
        encoded = data.draw(st.booleans())
        event["isBase64Encoded"] = encoded
        if encoded:
            event["body"] = base64.b64encode(body).decode()
        else:
            event["body"] = body.decode("utf-8", "replace")
    described(method, path, app(event, None))


def test_the_replies_that_chance_does_not_find(app):
    """Success, conflict, lock and throttle, which need users in the right state."""
    from lambdatotp import _lambdatotp

    from chalicelib.config import verifier

    def call(method, path, body=None):
        headers = {**TOKEN, "Content-Type": "application/json"}
        event = proxy_event(
            method.upper(), path, headers=headers, body=json.dumps(body) if body else None
        )
        reply = app(event, None)
        described(method, path, reply)
        return reply["statusCode"], json.loads(reply["body"] or "{}")

    ana = {"user": "known", "recovery_codes": 2}
    status, enrolled = call("post", "/", ana)
    assert status == 201
    assert call("post", "/", ana)[0] == 409
    code = enrolled["recovery_codes"][0]
    assert call("post", "/verify", {"user": "known", "code": code})[1]["recovery_codes_left"] == 1
    assert call("post", "/recovery_codes", {"user": "known"})[0] == 201
    assert (
        call("post", "/rotate", {"user": "known", "account_name": "Ana", "issuer": "A"})[0] == 201
    )
    assert call("post", "/status", {"user": "known"})[1]["rotation_expires_at"]
    assert call("post", "/confirm", {"user": "known", "code": "000000"})[0] == 200
    assert call("post", "/confirm", {"user": "known", "code": "x"})[0] == 200
    again = {"user": "unconfirmed", "replace_unconfirmed": True}
    assert [call("post", "/", again)[0] for _ in range(2)] == [201, 201]
    assert call("post", "/confirm", {"user": "unconfirmed", "code": "000000"})[0] == 409
    wrong = {"user": "known", "code": "000000"}
    while (status := call("post", "/verify", wrong)[0]) == 200:
        pass
    assert status == 429
    assert call("post", "/unlock", {"user": "known"})[0] == 204
    item = {"user_id": {"S": "locked"}, "secret": {"S": LEGACY}, "misses": {"N": "100"}}
    put = {"TableName": "openapi", "Item": item}
    _lambdatotp._embedded_call(":memory:", verifier().table_name, "PutItem", json.dumps(put))
    assert call("post", "/verify", {**wrong, "user": "locked"})[0] == 423
    assert call("post", "/rotate", {"user": "locked"})[0] == 201
    assert call("post", "/confirm", {**wrong, "user": "locked"})[0] == 423
