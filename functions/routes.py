"""All routes except ad hoc profiles; on AWS, the catch-all function for paths that no route matches literally.

API Gateway compares paths literally, so it sends paths with repeated slashes (`//ingest`) or the prefix of a custom
domain (PATH_PREFIX) here. The local server mounts the same routes.
"""

from typing import Final

from starlette.routing import BaseRoute

from console import about, usage
from console import settings as tenant_settings
from flamehouse.serverless.http_handler import lambda_handler
from flamehouse.web.http_app import http_app_of
from ingest.app import routes as ingest_routes
from querier import (
    analyze_query,
    diff,
    get_profile_stats,
    label_names,
    label_values,
    profile_types,
    select_heatmap,
    select_merge_profile,
    select_merge_span_profile,
    select_merge_stacktraces,
    select_series,
    series,
)
from querier.pyroscope import label_values as render_label_values
from querier.pyroscope import render, render_diff
from ui import routes as ui

routes: Final[list[BaseRoute]] = [
    *ingest_routes,
    profile_types.route,
    label_names.route,
    label_values.route,
    series.route,
    get_profile_stats.route,
    analyze_query.route,
    select_series.route,
    select_heatmap.route,
    select_merge_stacktraces.route,
    select_merge_span_profile.route,
    select_merge_profile.route,
    diff.route,
    *render.routes,
    *render_diff.routes,
    *render_label_values.routes,
    *about.routes,
    *tenant_settings.routes,
    *usage.routes,
    *ui.routes,
]

handler = lambda_handler(*routes, app_of=http_app_of)
