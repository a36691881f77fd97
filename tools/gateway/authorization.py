"""The authorization of an HTTP API: a Lambda authorizer with simple responses, cached by the header's value.

Format: docs.aws.amazon.com/apigateway/latest/developerguide/http-api-lambda-authorizer.html
"""

import json
import time
from threading import Lock
from typing import Any, Final

from tools.gateway.deployment import Deployment
from tools.gateway.event import HttpRequest, event_of
from tools.gateway.lambda_service import LambdaService

type Context = dict[str, Any]


class RefusedError(Exception):
    """The gateway rejects a request, with this status and message."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.message = message


_UNAUTHORIZED: Final = (401, "Unauthorized")
_FORBIDDEN: Final = (403, "Forbidden")


class Authorization:
    """Authorizes the requests of a deployment; thread-safe."""

    def __init__(self, deployment: Deployment, functions: LambdaService) -> None:
        self._deployment = deployment
        self._functions = functions
        self._cached: dict[str, tuple[float, Context | None]] = {}
        self._lock = Lock()

    def context_of(self, request: HttpRequest, route_key: str) -> Context | None:
        """Return the context for the route's function; None for a route without an authorizer.

        Raises:
            RefusedError: 401 if the header is missing, which the gateway checks itself; 403 if the authorizer denies.
            FunctionError: if the authorizer fails; failures are not cached.
        """
        authorizer = self._deployment.authorizer
        if authorizer is None or route_key in self._deployment.open_routes:
            return None
        event = event_of(request, route_key)
        value = event["headers"].get(authorizer.header.lower(), "")
        if not value:
            raise RefusedError(*_UNAUTHORIZED)
        with self._lock:
            until, context = self._cached.get(value, (0.0, None))
        if time.monotonic() >= until:
            context = self._authorize(authorizer.function, event, value)
            with self._lock:
                self._cached[value] = (time.monotonic() + authorizer.cache_s, context)
        if context is None:
            raise RefusedError(*_FORBIDDEN)
        return context

    def _authorize(self, function: str, event: dict[str, Any], value: str) -> Context | None:
        """Return the context of an accepted request, or None for a denied one."""
        event = {name: part for name, part in event.items() if name not in {"body", "isBase64Encoded"}}
        event |= {"type": "REQUEST", "identitySource": [value]}
        invoked = self._functions.invoke(function, json.dumps(event).encode())
        answer = json.loads(invoked)
        return answer.get("context", {}) if answer.get("isAuthorized") is True else None
