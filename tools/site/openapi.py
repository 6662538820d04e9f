"""The HTTP reference, from openapi.json."""

from __future__ import annotations

import json
from http import HTTPStatus
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

DOCUMENT = Path(__file__).parents[2] / "openapi.json"


def render() -> str:
    """Describe every operation and every body."""
    document = json.loads(DOCUMENT.read_text())
    pieces = ["## Operations"]
    for path, item in document["paths"].items():
        for method, operation in item.items():
            if method in {"get", "post", "delete"} and not operation.get("x-internal"):
                shared = item.get("parameters", [])
                pieces += _operation(document, f"{method.upper()} {path}", operation, shared)
    pieces.append("## Bodies")
    for name, schema in document["components"]["schemas"].items():
        pieces += _schema(document, name, schema)
    return "\n\n".join(pieces) + "\n"


def _resolved(document: dict[str, Any], thing: dict[str, Any]) -> dict[str, Any]:
    while "$ref" in thing:
        found: Any = document
        for key in thing["$ref"].removeprefix("#/").split("/"):
            found = found[key]
        thing = found
    return thing


def _operation(
    document: dict[str, Any], title: str, operation: dict[str, Any], shared: list[dict[str, Any]]
) -> Iterator[str]:
    yield f"### {operation['summary']}"
    yield f"`{title}`"
    if "description" in operation:
        yield operation["description"]
    if operation.get("security") == []:
        yield "No token is asked for."
    rows = []
    for each in shared + operation.get("parameters", []):
        parameter = _resolved(document, each)
        rows.append(_field(document, parameter["name"], parameter, parameter["in"]))
    kinds = _resolved(document, operation.get("requestBody", {})).get("content", {})
    schemas = [_resolved(document, kind["schema"]) for kind in kinds.values()]
    if schemas:
        yield f"The body is {' or '.join(_kind(kind) for kind in kinds)}:"
        for name, schema in schemas[0]["properties"].items():
            field = {"schema": schema, "required": name in schemas[0].get("required", [])}
            rows.append(_field(document, name, field))
    if rows:
        yield "\n".join(["| field | type | |", "|---|---|---|", *rows])
    rows = []
    for status, reply in operation["responses"].items():
        response = _resolved(document, reply)
        headers = ", ".join(f"`{name}`" for name in response.get("headers", {}))
        rows.append(
            f"| {status} {HTTPStatus(int(status)).phrase} | {_content(response)} "
            f"| {response['description']}{'; header ' + headers if headers else ''} |"
        )
    yield "\n".join(["| status | body | |", "|---|---|---|", *rows])


def _kind(content_type: str) -> str:
    return {"application/json": "JSON", "application/x-www-form-urlencoded": "a form"}.get(
        content_type, content_type
    )


def _content(response: dict[str, Any]) -> str:
    bodies = []
    for kind, content in response.get("content", {}).items():
        schema = content.get("schema", {})
        if "$ref" in schema:
            bodies.append(_link(schema["$ref"]))
        else:
            bodies.append(f"`{kind}`")
    return " or ".join(bodies) or "none"


def _link(reference: str) -> str:
    name = reference.rsplit("/", 1)[-1]
    return f"[{name}](#{name.lower()}-body)"


def _field(document: dict[str, Any], name: str, field: dict[str, Any], where: str = "") -> str:
    schema = _resolved(document, field["schema"])
    words = [field.get("description") or schema.get("description", "")]
    if where:
        words.append(f"in the {where}")
    if not field.get("required"):
        words.append("may be left out")
    return f"| `{name}` | {_type(document, field['schema'])} | {'; '.join(filter(None, words))} |"


def _type(document: dict[str, Any], schema: dict[str, Any]) -> str:
    """Say in a few words what a value must be."""
    if "$ref" in schema and _resolved(document, schema)["type"] in {"object", "array"}:
        return _link(schema["$ref"])
    schema = _resolved(document, schema)
    kinds = schema.get("type", "any")
    words = " or ".join([kinds] if isinstance(kinds, str) else kinds)
    if "enum" in schema:
        words = ", ".join(f"`{value}`" for value in schema["enum"])
    if kinds == "array":
        words = f"array of {_type(document, schema['items'])}"
        if "maxItems" in schema:
            words += f", at most {schema['maxItems']}"
    if "minimum" in schema:
        words += f", at least {schema['minimum']}"
    if "maximum" in schema:
        words += f", at most {schema['maximum']}"
    if "maxLength" in schema:
        words += f", {schema.get('minLength', 0)} to {schema['maxLength']} characters"
    if "pattern" in schema and "integer" not in kinds:
        words += f", `{schema['pattern']}`".replace("|", "\\|")
    if "default" in schema:
        words += f"; {schema['default']} by default"
    return words


def _schema(document: dict[str, Any], name: str, schema: dict[str, Any]) -> Iterator[str]:
    yield f"### {name} body"
    if schema.get("type") != "object":
        text = schema.get("description", "")
        yield f"{_type(document, schema).capitalize()}{': ' + text if text else ''}."
        return
    rows = [
        f"| `{field}` | {_type(document, part)} | "
        f"{_resolved(document, part).get('description', '')}"
        f"{'' if field in schema.get('required', []) else ' (not always there)'} |"
        for field, part in schema["properties"].items()
    ]
    yield "\n".join(["| field | type | |", "|---|---|---|", *rows])
