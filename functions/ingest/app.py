"""The write path over HTTP: the endpoints for uploads, and readiness.

Locally, the routes are part of `all_in_one`; on AWS, `handler` is their function.
"""

from starlette.routing import BaseRoute

from flamehouse.serverless.http_handler import lambda_handler
from flamehouse.web.http_app import http_app_of
from ingest.endpoints import ingest, otlp, push, ready

routes: list[BaseRoute] = [*ingest.router.routes, *ready.router.routes, push.route, *otlp.router.routes]

handler = lambda_handler(*routes, app_of=http_app_of)
