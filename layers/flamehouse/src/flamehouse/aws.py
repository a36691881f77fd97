"""Routes as AWS Lambda functions: the same ASGI code that serves locally, behind Mangum.

Events are those of an API Gateway HTTP API, payload format 2.0: docs.aws.amazon.com/apigateway,
"Create AWS Lambda proxy integrations for HTTP APIs".
"""

import asyncio
import os
from collections.abc import Callable
from functools import cache
from typing import Any

from mangum import Mangum
from starlette.applications import Starlette
from starlette.routing import BaseRoute

from flamehouse.auth import RequireCredential
from flamehouse.connect import unknown_path
from flamehouse.paths import CleanPaths
from flamehouse.services import Services
from flamehouse.settings import Settings
from flamehouse.store import open_store

type LambdaHandler = Callable[[dict[str, Any], Any], dict[str, Any]]
"""Answers one event; the second argument is Lambda's context object."""


def lambda_handler(*routes: BaseRoute) -> LambdaHandler:
    """The handler that serves `routes`; it reads the environment and builds everything at its first event."""

    @cache
    def adapter() -> Mangum:
        app = Starlette(routes=routes)
        app.state.services = _services
        app.router.default = unknown_path
        settings = _services().settings
        guarded = RequireCredential(app=app, credential=settings.api_credential)
        return Mangum(CleanPaths(guarded, settings.path_prefix), lifespan="off")

    def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:  # noqa: ANN401  # Lambda's own
        # Mangum runs on the thread's current loop and no longer makes one where there is none.
        asyncio.set_event_loop(_loop())
        return adapter()(event, context)

    return handler


@cache
def _services() -> Services:
    settings = Settings.from_env(os.environ)
    return Services(settings=settings, store=open_store(settings))


@cache
def _loop() -> asyncio.AbstractEventLoop:
    return asyncio.new_event_loop()
