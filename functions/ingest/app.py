"""The write path over HTTP: the endpoints for uploads, and readiness.

Locally the routes are part of `all_in_one`; on AWS `handler` is the function behind them.
"""

from starlette.routing import BaseRoute

from flamehouse.serverless.http_handler import lambda_handler
from ingest.endpoints import ingest, otlp, push, ready

routes: list[BaseRoute] = [*ingest.routes, ready.route, push.route, *otlp.routes]

handler = lambda_handler(*routes)
