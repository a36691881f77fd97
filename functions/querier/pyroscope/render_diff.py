"""/pyroscope/render-diff: two selections compared in one flame graph, as flamebearer JSON, for Drilldown."""

from typing import Annotated

from fastapi import Query
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from flamehouse.errors import invalid_argument
from flamehouse.model.sample_selector import EVERY_SAMPLE
from flamehouse.render.flamebearer import flamebearer_diff_of, shown_as
from flamehouse.render.flamegraph_diff import flamegraph_diff_of
from flamehouse.serverless.http_handler import lambda_handler
from flamehouse.web.connect import Call
from flamehouse.web.http_app import http_app_of, http_router
from querier.common.merged_tree import stacktrace_query
from querier.pyroscope.endpoint import Content, Selection, json_content, request_of, respond
from querier.pyroscope.parameters import DiffParameters


def render_diff(call: Call, parameters: DiffParameters) -> Content:
    """Compares both sides, each in its [From, Until).

    Raises RpcError(INVALID_ARGUMENT) for sides of different profile types.
    """
    left, right = (
        stacktrace_query(call, request_of(side, parameters), EVERY_SAMPLE) for side in _sides(parameters)
    )
    if left.profile_type != right.profile_type:
        raise invalid_argument("profile types must match")
    graph = flamegraph_diff_of(call.services.store.diff(call.tenants, left, right))
    profile_type = left.profile_type
    shown = shown_as(profile_type.sample_type, profile_type.sample_unit)
    return json_content(flamebearer_diff_of(graph, shown))


def _sides(parameters: DiffParameters) -> tuple[Selection, Selection]:
    left = Selection(
        query=parameters.left_query,
        from_=parameters.left_from,
        until=parameters.left_until,
        side="left",
    )
    right = Selection(
        query=parameters.right_query,
        from_=parameters.right_from,
        until=parameters.right_until,
        side="right",
    )
    return left, right


router = http_router()


@router.get(
    "/pyroscope/render-diff", tags=["pages"], summary="Compare two selections", response_class=JSONResponse
)
async def render_diff_page(request: Request, parameters: Annotated[DiffParameters, Query()]) -> Response:
    """Two selections of one profile type in one flame graph, as flamebearer JSON."""
    return await respond(request, lambda call: render_diff(call, parameters))


routes = router.routes
handler = lambda_handler(*routes, app_of=http_app_of)
