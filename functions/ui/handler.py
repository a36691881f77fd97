"""Serves the web page on AWS Lambda; imports only the standard library, for a fast cold start.

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
    path = _without_prefix(event["rawPath"])
    if not path:
        # The page's URLs are relative: without the trailing slash, they would lose the prefix.
        return PageResponse(status=307, headers={"Location": f"{event['rawPath'].rpartition('/')[2]}/"})
    return _page().respond(path, event.get("rawQueryString") or "", event.get("headers") or {})


def _without_prefix(path: str) -> str:
    """Return the path without PATH_PREFIX, under which a custom domain serves the API; empty for the prefix alone."""
    lead = f"/{os.environ.get('PATH_PREFIX', '').strip('/')}"
    return path.removeprefix(lead) if lead != "/" and f"{path}/".startswith(f"{lead}/") else path


@cache
def _page() -> Page:
    return Page.load(
        PageOptions(
            api_url=os.environ.get("UI_API_URL", ""), source_hosts=os.environ.get("UI_SOURCE_HOSTS", "")
        )
    )
