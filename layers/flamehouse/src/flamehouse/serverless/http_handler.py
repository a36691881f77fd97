"""Routes as AWS Lambda functions: the same ASGI code that serves locally, behind Mangum.

Events are those of an API Gateway HTTP API, payload format 2.0: docs.aws.amazon.com/apigateway,
"Create AWS Lambda proxy integrations for HTTP APIs".
"""

import asyncio
import json
from collections.abc import Callable, Sequence
from functools import cache
from typing import Any, Final

from mangum import Mangum
from starlette.routing import BaseRoute

from flamehouse.deadline import time_limit
from flamehouse.errors import Code, RpcError, invalid_argument
from flamehouse.identity.credentials import AuthorizedByGateway
from flamehouse.serverless.process import services as _services
from flamehouse.serverless.process import telemetry as _telemetry
from flamehouse.telemetry import events
from flamehouse.telemetry.log import access_log, log
from flamehouse.web.error_response import error_response
from flamehouse.web.response_limits import answer_too_large
from flamehouse.web.routing import AppOf, CleanPaths, app_of

_MAX_ANSWER_BYTES: Final = 6_291_556
"""What Lambda takes as the JSON of an answer; beyond it the client would get a 500 of the gateway's."""
_ENVELOPE_BYTES: Final = 16_384
"""More than status and headers of an answer take."""
_WORST_ESCAPE: Final = 6
"""How much longer JSON may make a body that is text."""
_TO_ANSWER_S: Final = 1.5
"""What is kept of an invocation's time for its answer: for one that Lambda ends, the client gets the gateway's 500."""

type LambdaHandler = Callable[[dict[str, Any], Any], dict[str, Any]]
"""Answers one event; the second argument is Lambda's context object."""


def lambda_handler(*routes: BaseRoute, app_of: AppOf = app_of) -> LambdaHandler:
    """The handler that serves `routes`; it reads the environment and builds everything at its first event."""
    adapter = cache(lambda: _adapter(routes, app_of))

    def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:  # noqa: ANN401  # Lambda's own
        left_s = context.get_remaining_time_in_millis() / 1_000
        # Mangum runs on the thread's current loop and no longer makes one where there is none.
        asyncio.set_event_loop(_loop())
        telemetry = _telemetry()
        telemetry.begin(context)
        try:
            return answer(event, context, left_s)
        finally:
            telemetry.end(context)

    def answer(event: dict[str, Any], context: Any, left_s: float) -> dict[str, Any]:  # noqa: ANN401  # Lambda's own
        try:
            serve = adapter()
        except ValueError as error:
            log(events.SETTINGS_INVALID, reason=str(error))
            return _refusal(RpcError(Code.INTERNAL, "this function is not set up as it must be"))
        try:
            with time_limit(left_s - _TO_ANSWER_S):
                answered = _as_meant(serve(event, context))
        # The app answers its own failures, so what Mangum stumbles over is the event.
        except (RuntimeError, ValueError, ArithmeticError, LookupError, TypeError, AttributeError) as error:
            log(events.EVENT_INVALID, reason=type(error).__name__)  # its message may hold secrets
            return _refusal(invalid_argument("the event is not one that an HTTP API sends"))
        return answered if _fits(answered) else _refusal(_TOO_LARGE)

    return handler


def _adapter(routes: Sequence[BaseRoute], app_of: AppOf) -> Mangum:
    """What answers events; ValueError where the environment is wrong."""
    settings = _services().settings
    access_log(enabled=bool(settings.access_log))
    app = app_of(routes, _services, AuthorizedByGateway())
    return Mangum(CleanPaths(app, settings.path_prefix), lifespan="off")


_TOO_LARGE: Final = answer_too_large("AWS Lambda can return", "accept gzip")


def _as_meant(answer: dict[str, Any]) -> dict[str, Any]:
    """The answer without the JSON type that Mangum gives to what has none: an empty body is no JSON."""
    if not answer["body"] and answer["headers"].get("content-type") == "application/json":
        del answer["headers"]["content-type"]
    return answer


def _fits(answer: dict[str, Any]) -> bool:
    body: str = answer["body"]
    room = _MAX_ANSWER_BYTES - _ENVELOPE_BYTES
    if answer["isBase64Encoded"] or len(body) * _WORST_ESCAPE <= room:
        return len(body) <= room
    return len(json.dumps(body, ensure_ascii=False).encode()) <= room


def _refusal(error: RpcError) -> dict[str, Any]:
    """The answer to an event that no app answers."""
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
