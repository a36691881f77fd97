"""The web page on AWS Lambda; imports only the standard library, for a fast cold start.

Events: docs.aws.amazon.com/apigateway, "Create AWS Lambda proxy integrations for HTTP APIs", payload format 2.0.
"""

import base64
import os
from functools import cache
from typing import Any

from ui.page import Page, PageOptions, PageResponse


def handler(event: dict[str, Any], _: object) -> dict[str, Any]:
    """Respond to GET for `/` and `/ui/...`. The page contains no data, so it needs no credential."""
    response = _response(event)
    return {
        "statusCode": response.status,
        "headers": dict(response.headers),
        "body": base64.b64encode(response.body).decode(),
        "isBase64Encoded": True,
    }


def _response(event: dict[str, Any]) -> PageResponse:
    if event["requestContext"]["http"]["method"] != "GET":
        return PageResponse(
            status=405,
            headers={"Allow": "GET", "Content-Type": "application/json"},
            body=b'{"code":"unimplemented","message":"only GET is allowed here"}',
        )
    return _page().respond(event["rawPath"], event.get("headers") or {})


@cache
def _page() -> Page:
    return Page.load(
        PageOptions(
            api_url=os.environ.get("UI_API_URL", ""), source_hosts=os.environ.get("UI_SOURCE_HOSTS", "")
        )
    )
