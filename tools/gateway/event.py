"""Converts HTTP requests to events, and functions' responses to HTTP responses, in payload format 2.0.

Format: docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-lambda.html
"""

import base64
import json
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final
from uuid import uuid4

from starlette.datastructures import Headers
from starlette.responses import Response

_TEXT_TYPES: Final = ("text/", "application/json", "application/xml", "application/javascript")
_STAGE: Final = "$default"


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpRequest:
    """A request as received: `headers` in order, names as sent; `query` without the question mark."""

    method: str
    path: str
    query: str
    headers: Sequence[tuple[bytes, bytes]]
    body: bytes
    client: str

    @property
    def head_bytes(self) -> int:
        """The size of the request line and all headers."""
        line = f"{self.method} {self.path}?{self.query} HTTP/1.1\r\n"
        return len(line.encode()) + sum(len(name) + len(value) + 4 for name, value in self.headers)


def event_of(
    request: HttpRequest, route_key: str, authorized: dict[str, Any] | None = None
) -> dict[str, Any]:
    """Return the event for the request, with the context of a Lambda authorizer."""
    headers = Headers(raw=[(name.lower(), value) for name, value in request.headers])
    event: dict[str, Any] = {
        "version": "2.0",
        "routeKey": route_key,
        "rawPath": request.path,
        "rawQueryString": request.query,
        "headers": {name: ",".join(headers.getlist(name)) for name in headers if name != "cookie"},
        "requestContext": _context(request, headers, route_key),
        "isBase64Encoded": False,
    }
    if authorized is not None:
        event["requestContext"]["authorizer"] = {"lambda": authorized}
    if cookies := headers.getlist("cookie"):
        event["cookies"] = [cookie.strip() for line in cookies for cookie in line.split(";")]
    if request.body:
        event["body"], event["isBase64Encoded"] = _body(request.body, headers)
    return event


def response_of(answer: bytes) -> Response:
    """Convert a function's response. Raises ValueError if the gateway cannot read it."""
    answered = json.loads(answer)
    if not isinstance(answered, dict) or "statusCode" not in answered:
        return Response(answer, media_type="application/json")
    body = answered.get("body") or ""
    content = base64.b64decode(body, validate=True) if answered.get("isBase64Encoded") else body.encode()
    response = Response(content, int(answered["statusCode"]), headers=answered.get("headers"))
    for cookie in answered.get("cookies", ()):
        response.headers.append("set-cookie", cookie)
    return response


def _body(body: bytes, headers: Headers) -> tuple[str, bool]:
    """Return the body as it appears in an event, and whether it is Base64."""
    if headers.get("content-type", "").startswith(_TEXT_TYPES) and "content-encoding" not in headers:
        try:
            return body.decode(), False
        except UnicodeDecodeError:
            pass
    return base64.b64encode(body).decode(), True


def _context(request: HttpRequest, headers: Headers, route_key: str) -> dict[str, Any]:
    now = time.time()
    return {
        "accountId": "123456789012",
        "apiId": "loopback",
        "domainName": headers.get("host", ""),
        "domainPrefix": "loopback",
        "http": {
            "method": request.method,
            "path": request.path,
            "protocol": "HTTP/1.1",
            "sourceIp": request.client,
            "userAgent": headers.get("user-agent", ""),
        },
        "requestId": uuid4().hex,
        "routeKey": route_key,
        "stage": _STAGE,
        "time": datetime.fromtimestamp(now, UTC).strftime("%d/%b/%Y:%H:%M:%S +0000"),
        "timeEpoch": int(now * 1000),
    }
