"""Authorizes requests for API Gateway by their credential, and returns its tenants and scopes as the context.

Format: docs.aws.amazon.com/apigateway/latest/developerguide/http-api-lambda-authorizer.html, payload 2.0, simple responses.
"""

from datetime import UTC, datetime
from functools import cache
from typing import Any

from authorizer.cached_secret import CachedDocument
from flamehouse.identity.authorizer_context import context_of
from flamehouse.identity.token import sent_token
from flamehouse.telemetry.log import silence_libraries


def handler(event: dict[str, Any], _: object) -> dict[str, Any]:
    """Accept or deny the request.

    Raises:
        SecretError, DocumentError: if the credentials cannot be read; the gateway then returns 500 and caches nothing.
    """
    authorization = event.get("identitySource") or []
    grant = _document().current().grant_of(sent_token(authorization) or "", datetime.now(UTC))
    if grant is None:
        return {"isAuthorized": False}
    return {"isAuthorized": True, "context": context_of(grant)}


@cache
def _document() -> CachedDocument:
    silence_libraries()
    return CachedDocument()
