"""Events as Lambda gets them: from API Gateway, function URLs and load balancers."""

from __future__ import annotations

import base64
import json
from typing import Any

from tools.lambda_runtime import proxy_event

JSON = {"content-type": "application/json", "host": "abc.execute-api.example.com"}
CLAIMS = {
    "iss": "https://issuer.example.com",
    "sub": "ana",
    "token_use": "access",
    "email": "ana@example.com",
}


def http_api(
    method: str, path: str, body: object = None, *, cookie: str = "", **context: object
) -> dict[str, Any]:
    """Version 2.0, as an HTTP API sends it after its JWT authorizer."""
    return {
        "version": "2.0",
        "routeKey": f"{method} {path}",
        "rawPath": path,
        "rawQueryString": "",
        "headers": dict(JSON),
        **({"cookies": [cookie]} if cookie else {}),
        "requestContext": {
            "accountId": "123456789012",
            "apiId": "abc",
            "authorizer": {"jwt": {"claims": CLAIMS, "scopes": None}},
            "domainName": "abc.execute-api.eu-west-1.amazonaws.com",
            "http": {
                "method": method,
                "path": path,
                "protocol": "HTTP/1.1",
                "sourceIp": "192.0.2.1",
                "userAgent": "curl",
            },
            "requestId": "JKJaXmPLvHcESHA=",
            "routeKey": f"{method} {path}",
            "stage": "$default",
            "timeEpoch": 1583348638390,
            **context,
        },
        **({} if body is None else {"body": json.dumps(body)}),
        "isBase64Encoded": False,
    }


def function_url(
    method: str, path: str, body: object = None, *, cookie: str = ""
) -> dict[str, Any]:
    """Version 2.0, as a function URL with AuthType AWS_IAM sends it; it encodes bodies at will."""
    iam = {"accountId": "123456789012", "userId": "AIDA", "accessKey": "AKIA", "callerId": "AIDA"}
    event = http_api(method, path, cookie=cookie, authorizer={"iam": iam}, routeKey="$default")
    return {**event, "routeKey": "$default", **_encoded(body)}


def http_api_1(method: str, path: str, body: object = None, *, cookie: str = "") -> dict[str, Any]:
    """Version 1.0, as an HTTP API with that payload format sends it, on a stage of its own."""
    event = rest_api(method, path, body, cookie=cookie)
    event["requestContext"]["stage"] = "prod"
    return {**event, "version": "1.0", "path": f"/prod{path}"}


def rest_api(method: str, path: str, body: object = None, *, cookie: str = "") -> dict[str, Any]:
    """As a REST API sends it after its Cognito authorizer."""
    headers = {**JSON, **({"Cookie": cookie} if cookie else {})}
    text = None if body is None else json.dumps(body)
    event = proxy_event(method, path, headers=headers, body=text)
    event["requestContext"]["authorizer"] = {"claims": CLAIMS}
    return event


def alb(
    method: str,
    path: str,
    body: object = None,
    *,
    cookie: str = "",
    token: str = "",
    many: bool = False,
) -> dict[str, Any]:
    """As an application load balancer sends it: a header once, or with all its values."""
    arn = "arn:aws:elasticloadbalancing:eu-west-1:123456789012:targetgroup/lambda/50dc6c495c0c9188"
    headers = {
        "content-type": "application/json",
        "host": "lb-1234567890.eu-west-1.elb.amazonaws.com",
        "user-agent": "curl",
        "x-amzn-trace-id": "Root=1-5c536348-3d683b8b04734faae651f476",
        "x-forwarded-for": "192.0.2.1",
        "x-forwarded-port": "443",
        "x-forwarded-proto": "https",
        **({"cookie": cookie} if cookie else {}),
        **({"authorization": f"Bearer {token}"} if token else {}),
    }
    shown = {name: [value] for name, value in headers.items()}
    query: dict[str, Any] = {}
    return {
        "requestContext": {"elb": {"targetGroupArn": arn}},
        "httpMethod": method,
        "path": path,
        **(
            {"multiValueQueryStringParameters": query, "multiValueHeaders": shown}
            if many
            else {"queryStringParameters": query, "headers": headers}
        ),
        **_encoded(body),
    }


def _encoded(body: object) -> dict[str, Any]:
    if body is None:
        return {"body": "", "isBase64Encoded": False}
    return {"body": base64.b64encode(json.dumps(body).encode()).decode(), "isBase64Encoded": True}
