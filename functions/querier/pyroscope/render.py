"""/pyroscope/render: a flame graph with its timeline as flamebearer JSON, a call graph as DOT, or a merged pprof."""

from collections.abc import Sequence
from typing import Annotated, Any, Final

from fastapi import Query
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from flamehouse.model.call_tree import StacktraceQuery
from flamehouse.model.labels import LabelSet
from flamehouse.model.sample_selector import EVERY_SAMPLE
from flamehouse.model.series import SeriesQuery, SeriesResult
from flamehouse.model.time_range import TimeRange
from flamehouse.pb.querier_pb2 import SelectMergeStacktracesRequest
from flamehouse.pb.types_pb2 import GoPGO
from flamehouse.render.flamebearer import flamebearer_of, shown_as
from flamehouse.render.flamegraph import flamegraph_of
from flamehouse.serverless.http_handler import lambda_handler
from flamehouse.web.connect import Call
from flamehouse.web.http_app import http_app_of, http_router
from flamehouse.web.response_limits import check_answer_size
from querier.common.dot_graph import dot_graph_of
from querier.common.merged_pprof import merged_pprof, profile_query
from querier.common.merged_tree import stacktrace_query, tree_of
from querier.common.time_series import check_series_count, series_limit
from querier.pyroscope.endpoint import Content, Selection, json_content, request_of, respond
from querier.pyroscope.parameters import RenderParameters
from querier.pyroscope.timeline import Timeline, on_steps, point_count, step_of, timeline_of

_DOT: Final = "dot"
_PPROF: Final = "pprof"
_EVERY_CALLEE: Final = GoPGO()
_OTHER_FORMS: Final = {
    "text/plain": {"schema": {"type": "string"}},
    "application/octet-stream": {"schema": {"type": "string", "format": "binary"}},
}
_LEAST_POINT_BYTES: Final = 2
"""The bytes of a zero and its comma in JSON."""
_WITHOUT_LABEL: Final = "*"
"""The name of the group of profiles without the label, as in Pyroscope."""
_NO_VALUE: Final = ""
"""The name of that group if `*` is a label value; no label value is empty."""


def render(call: Call, parameters: RenderParameters) -> Content:
    """Returns the page for the samples in [from, until), with their timeline."""
    selection = Selection(query=parameters.query, from_=parameters.from_, until=parameters.until)
    request = request_of(selection, parameters)
    if parameters.format == _PPROF:
        return _pprof(call, request)
    tree_query = stacktrace_query(call, request, EVERY_SAMPLE)
    if parameters.format == _DOT:
        dot = dot_graph_of(call, tree_query, request.max_nodes)
        return Content(body=dot.encode(), media_type="text/plain")
    graph = flamegraph_of(tree_of(call, tree_query))
    profile_type = tree_query.profile_type
    flamebearer = flamebearer_of(graph, shown_as(profile_type.sample_type, profile_type.sample_unit))
    return json_content(flamebearer | _timelines(call, request, tree_query, parameters))


def _pprof(call: Call, request: SelectMergeStacktracesRequest) -> Content:
    """Returns the message of SelectMergeProfile; `go tool pprof` and speedscope read it from the URL."""
    query = profile_query(call, request, EVERY_SAMPLE, _EVERY_CALLEE)
    return Content(body=merged_pprof(call, query, _EVERY_CALLEE).data, media_type="application/octet-stream")


def _timelines(
    call: Call,
    request: SelectMergeStacktracesRequest,
    tree_query: StacktraceQuery,
    parameters: RenderParameters,
) -> dict[str, Any]:
    """Builds the `timeline` of the selection, and its `groups` by the first `groupBy`, over the requested range.

    Steps before the lookback limit and steps without profiles are zeros.
    """
    group_by = tuple(parameters.group_by[:1])
    average = parameters.aggregation == "avg"
    requested = TimeRange(start_ms=request.start, end_ms=request.end)
    step_s = step_of(requested)
    shown = on_steps(requested, step_s)

    def lines_of(group_by: tuple[str, ...]) -> list[tuple[LabelSet, Timeline]]:
        series = _series(call, tree_query, step_s, group_by, average=average)
        check_answer_size(
            len(series) * point_count(shown, step_s) * _LEAST_POINT_BYTES, call.services.settings
        )
        return [(each.labels, timeline_of(each.points, shown, step_s)) for each in series]

    whole = [line for _, line in lines_of(())]
    return {
        "timeline": whole[0] if whole else timeline_of((), shown, step_s),
        "groups": _named(lines_of(group_by)) if group_by else None,
    }


def _series(
    call: Call, tree_query: StacktraceQuery, step_s: int, group_by: tuple[str, ...], *, average: bool
) -> Sequence[SeriesResult]:
    """Returns the series of the flame graph's selection, on steps; the store is not queried for an empty range."""
    if not tree_query.within.length_ms:
        return ()
    query = SeriesQuery(
        profile_type=tree_query.profile_type,
        matchers=tree_query.matchers,
        within=on_steps(tree_query.within, step_s),
        step_ms=step_s * 1_000,
        group_by=group_by,
        average=average,
        limit=series_limit(0, call.services.settings),
    )
    series = call.services.store.select_series(call.tenants, query)
    check_series_count(len(series), call.services.settings)
    return series


def _named(lines: Sequence[tuple[LabelSet, Timeline]]) -> dict[str, Timeline]:
    """Returns the timelines by label value; a series has at most one value of the label."""
    values = [next((value for _, value in labels), None) for labels, _ in lines]
    without = _NO_VALUE if _WITHOUT_LABEL in values else _WITHOUT_LABEL
    names = [without if value is None else value for value in values]
    return dict(zip(names, (line for _, line in lines), strict=True))


router = http_router()


@router.get(
    "/pyroscope/render",
    tags=["pages"],
    summary="A flame graph with its timeline",
    response_class=JSONResponse,
    responses={200: {"content": _OTHER_FORMS}},
)
async def render_page(request: Request, parameters: Annotated[RenderParameters, Query()]) -> Response:
    """A flame graph with its timeline as flamebearer JSON, a call graph as DOT, or a merged pprof."""
    return await respond(request, lambda call: render(call, parameters))


routes = router.routes
handler = lambda_handler(*routes, app_of=http_app_of)
