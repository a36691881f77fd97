"""/pyroscope/render-diff: two selections compared in one flame graph, as flamebearer JSON. Drilldown's comparison."""

from typing import Final

from starlette.datastructures import QueryParams

from flamehouse.errors import invalid_argument
from flamehouse.model.queries import EVERY_SAMPLE
from flamehouse.render.flamebearer import flamebearer_diff_of, shown_as
from flamehouse.render.flamegraph_diff import flamegraph_diff_of
from flamehouse.serverless.http_handler import lambda_handler
from flamehouse.web.connect import Call
from querier.common.merged_tree import stacktrace_query
from querier.pyroscope.endpoint import Content, Names, http_query, json_content, selection_of

_SIDES: Final = (
    Names(query="leftQuery", from_="leftFrom", until="leftUntil"),
    Names(query="rightQuery", from_="rightFrom", until="rightUntil"),
)


def render_diff(call: Call, parameters: QueryParams) -> Content:
    """Both sides from their `From` up to but not with their `Until`. RpcError for sides of different profile types."""
    left, right = (stacktrace_query(call, selection_of(parameters, names), EVERY_SAMPLE) for names in _SIDES)
    if left.profile_type != right.profile_type:
        raise invalid_argument("profile types must match")
    graph = flamegraph_diff_of(call.services.store.diff(call.tenant, left, right))
    profile_type = left.profile_type
    shown = shown_as(profile_type.sample_type, profile_type.sample_unit)
    return json_content(flamebearer_diff_of(graph, shown))


route = http_query("/pyroscope/render-diff", render_diff)
handler = lambda_handler(route)
