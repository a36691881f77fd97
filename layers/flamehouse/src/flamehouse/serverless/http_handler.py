"""Routes as AWS Lambda functions: Mangum runs the ASGI code that also serves locally.

Events are those of an API Gateway HTTP API, payload format 2.0: docs.aws.amazon.com/apigateway,
"Create AWS Lambda proxy integrations for HTTP APIs".
"""

import asyncio
import gc
import json
from collections.abc import Callable, Sequence
from functools import cache
from typing import Any, Final

from mangum import Mangum
from starlette.routing import BaseRoute

from flamehouse.deadline import time_limit
from flamehouse.errors import Code, RpcError, invalid_argument
from flamehouse.identity.gateway import AuthorizedByGateway
from flamehouse.serverless.process import services as _services
from flamehouse.serverless.process import telemetry as _telemetry
from flamehouse.telemetry import events
from flamehouse.telemetry.log import access_log, log
from flamehouse.web.error_response import error_response
from flamehouse.web.response_limits import answer_too_large
from flamehouse.web.routing import AppOf, CleanPaths, app_of

_MAX_ANSWER_BYTES: Final = 6_291_556
"""Lambda's limit on a response in JSON; for a larger one, the client would receive a 500 from the gateway."""
_ENVELOPE_BYTES: Final = 16_384
"""An upper bound on the status and headers of a response."""
_WORST_ESCAPE: Final = 6
"""The factor by which JSON may lengthen a text body."""
_TO_ANSWER_S: Final = 1.5
"""The part of an invocation's time that is reserved for its response: if Lambda ends the invocation, the client
receives the gateway's 500.
"""

type LambdaHandler = Callable[[dict[str, Any], Any], dict[str, Any]]
"""Handles one event; the second argument is Lambda's context object."""


def lambda_handler(*routes: BaseRoute, app_of: AppOf = app_of) -> LambdaHandler:
    """Return a handler that serves `routes`; it reads the environment and builds everything at its first event."""
    adapter = cache(lambda: _adapter(routes, app_of))

    def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:  # noqa: ANN401  # Lambda's own
        left_s = context.get_remaining_time_in_millis() / 1_000
        telemetry = _telemetry()
        # Mangum runs on the thread's current event loop and does not create one.
        asyncio.set_event_loop(_loop())
        telemetry.begin(context)
        try:
            return respond(event, context, left_s)
        finally:
            telemetry.end(context)

    def respond(event: dict[str, Any], context: Any, left_s: float) -> dict[str, Any]:  # noqa: ANN401  # Lambda's own
        try:
            serve = adapter()
            _profile_itself(context)
        except ValueError as error:
            log(events.SETTINGS_INVALID, reason=str(error))
            return _refusal(RpcError(Code.INTERNAL, "this function is not configured correctly; see its log"))
        try:
            with time_limit(left_s - _TO_ANSWER_S):
                response = _without_default_type(serve(event, context))
        # The app handles its own errors, so an error from Mangum is about the event.
        except (RuntimeError, ValueError, ArithmeticError, LookupError, TypeError, AttributeError) as error:
            log(events.EVENT_INVALID, reason=type(error).__name__)  # its message may contain secrets
            return _refusal(invalid_argument("the event is not from an HTTP API"))
        return response if _fits(response) else _refusal(_TOO_LARGE)

    return handler


def _adapter(routes: Sequence[BaseRoute], app_of: AppOf) -> Mangum:
    """Build the adapter for events. Raises ValueError for an invalid environment."""
    # Imported objects live as long as the process: a garbage collection in the first event need not visit them.
    gc.freeze()
    settings = _services().settings
    access_log(enabled=bool(settings.access_log))
    app = app_of(routes, _services, AuthorizedByGateway())
    return Mangum(CleanPaths(app, settings.path_prefix), lifespan="off")


def _profile_itself(context: Any) -> None:  # noqa: ANN401  # Lambda's own
    """Start to profile this function if SELF_PROFILE is set. Raises ValueError for an invalid setting."""
    settings = _services().settings
    if settings.self_profile:
        from flamehouse.self_profile.drop import profile_function  # noqa: PLC0415  # off by default

        profile_function(settings, context.function_name)


_TOO_LARGE: Final = answer_too_large("AWS Lambda can return", "accept gzip")


def _without_default_type(response: dict[str, Any]) -> dict[str, Any]:
    """Remove the content type that Mangum adds to a response without one: an empty body is not JSON."""
    if not response["body"] and response["headers"].get("content-type") == "application/json":
        del response["headers"]["content-type"]
    return response


def _fits(response: dict[str, Any]) -> bool:
    body: str = response["body"]
    limit = _MAX_ANSWER_BYTES - _ENVELOPE_BYTES
    if response["isBase64Encoded"] or len(body) * _WORST_ESCAPE <= limit:
        return len(body) <= limit
    return len(json.dumps(body, ensure_ascii=False).encode()) <= limit


def _refusal(error: RpcError) -> dict[str, Any]:
    """Return the response for an event that no app handles."""
    response = error_response(error)
    return {
        "statusCode": response.status_code,
        "headers": dict(response.headers),
        "body": bytes(response.body).decode(),
        "isBase64Encoded": False,
    }


@cache
def _loop() -> asyncio.AbstractEventLoop:
    return asyncio.new_event_loop()
