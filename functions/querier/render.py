"""/pyroscope/render: a flame graph with its timeline as flamebearer JSON, or a call graph as DOT."""

from collections.abc import Sequence
from typing import Any, Final

from starlette.datastructures import QueryParams

from flamehouse.answer import check_answer_size
from flamehouse.aws import lambda_handler
from flamehouse.connect import Call
from flamehouse.flamebearer import flamebearer_of, shown_as
from flamehouse.flamegraph import flamegraph_of
from flamehouse.store.model import EVERY_SAMPLE, SeriesQuery, SeriesResult, StacktraceQuery
from querier.http_query import Content, Names, http_query, json_content, selection_of
from querier.over_time import check_series_count, series_to_ask_for
from querier.stacktrace_query import dot_graph_of, stacktrace_query, tree_of
from querier.timeline import on_steps, point_count, step_of, timeline_of

_NAMES: Final = Names(query="query", from_="from", until="until")
_DOT: Final = "dot"
_LEAST_POINT_BYTES: Final = 2
"""What a zero takes in JSON."""
_WITHOUT_LABEL: Final = "*"
"""What the group of the profiles without the label is called, as Pyroscope calls it."""
_NO_VALUE: Final = ""
"""What it is called beside a group of profiles whose label is `*`: no label has an empty value."""


def render(call: Call, parameters: QueryParams) -> Content:
    """The samples from `from` up to but not with `until`; the timeline by the first `groupBy` where there is one."""
    request = selection_of(parameters, _NAMES)
    question = stacktrace_query(call, request, EVERY_SAMPLE)
    if parameters.get("format") == _DOT:
        dot = dot_graph_of(call, question, request.max_nodes)
        return Content(body=dot.encode(), media_type="text/plain")
    graph = flamegraph_of(tree_of(call, question))
    profile_type = question.profile_type
    flamebearer = flamebearer_of(graph, shown_as(profile_type.sample_type, profile_type.sample_unit))
    return json_content(flamebearer | _timelines(call, question, parameters))


def _timelines(call: Call, question: StacktraceQuery, parameters: QueryParams) -> dict[str, Any]:
    """`timeline`, where the series is one, and `groups`, where they are grouped."""
    step_s = step_of(question.within)
    within = on_steps(question.within, step_s)
    group_by = tuple(parameters.getlist("groupBy")[:1])
    query = SeriesQuery(
        profile_type=question.profile_type,
        matchers=question.matchers,
        within=within,
        step_ms=step_s * 1_000,
        group_by=group_by,
        average=parameters.get("aggregation") == "avg",
        limit=series_to_ask_for(0, call.services.settings),
    )
    series = call.services.store.select_series(call.tenant, query)
    check_series_count(len(series), call.services.settings)
    check_answer_size(len(series) * point_count(within, step_s) * _LEAST_POINT_BYTES, call.services.settings)
    names = _group_names(series)
    timelines = {
        name: timeline_of(each.points, within, step_s) for name, each in zip(names, series, strict=True)
    }
    return {
        "timeline": next(iter(timelines.values())) if len(series) == 1 else None,
        "groups": timelines if group_by else None,
    }


def _group_names(series: Sequence[SeriesResult]) -> list[str]:
    """The value of each series's label, of which there is one or none."""
    values = [next((value for _, value in each.labels), None) for each in series]
    without = _NO_VALUE if _WITHOUT_LABEL in values else _WITHOUT_LABEL
    return [without if value is None else value for value in values]


route = http_query("/pyroscope/render", render)
handler = lambda_handler(route)
