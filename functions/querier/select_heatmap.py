"""SelectHeatmap: the distribution over time of the values of the selected profiles, or of their spans."""

from collections.abc import Mapping
from typing import Final

from flamehouse.errors import invalid_argument
from flamehouse.model.exemplar import PointKind
from flamehouse.model.heatmap import Heatmap, HeatmapQuery, HeatmapSeries
from flamehouse.model.profile_type import ProfileType
from flamehouse.model.selector import parse_selector
from flamehouse.pb import types_pb2
from flamehouse.pb.querier_pb2 import (
    HEATMAP_QUERY_TYPE_INDIVIDUAL,
    HEATMAP_QUERY_TYPE_SPAN,
    HEATMAP_QUERY_TYPE_UNSPECIFIED,
    SelectHeatmapRequest,
    SelectHeatmapResponse,
)
from flamehouse.serverless.http_handler import lambda_handler
from flamehouse.web.connect import Call
from querier.common.labels import label_pairs, requested_labels
from querier.common.query_range import query_range
from querier.common.rpc import querier_rpc
from querier.common.time_series import (
    ExemplarMessages,
    check_series_count,
    check_step,
    exemplar_kind,
    series_limit,
    step_ms,
)

_POINTS: Final[Mapping[int, PointKind]] = {
    HEATMAP_QUERY_TYPE_UNSPECIFIED: PointKind.PROFILE,
    HEATMAP_QUERY_TYPE_INDIVIDUAL: PointKind.PROFILE,
    HEATMAP_QUERY_TYPE_SPAN: PointKind.SPAN,
}


def select_heatmap(call: Call, request: SelectHeatmapRequest) -> SelectHeatmapResponse:
    """Returns a series per group, the one with the most points first, with a slot per step that holds a point.

    The slot at T counts points in (T - step, T]; T starts at `start`, and points at or after `end` do not count.
    """
    profile_type = ProfileType.parse(request.profile_typeID)
    matchers = parse_selector(request.label_selector)
    points = _points(request.query_type)
    exemplars = exemplar_kind(request.exemplar_type)
    if exemplars not in (None, points):
        raise invalid_argument("exemplar_type must match query_type (INDIVIDUAL or SPAN) or be NONE")
    if request.limit < 0:
        raise invalid_argument(f"limit must be non-negative, got {request.limit}")
    within = query_range(call, request.start, request.end)
    if request.start == request.end:
        raise invalid_argument("start time must be before end time")
    check_step(request.step)
    if within is None:
        return SelectHeatmapResponse()
    query = HeatmapQuery(
        profile_type=profile_type,
        matchers=matchers,
        within=within,
        step_ms=step_ms(request.step, within),
        points=points,
        group_by=requested_labels("group_by", request.group_by),
        exemplars=exemplars is not None,
        limit=series_limit(request.limit, call.services.settings),
    )
    heatmap = call.services.store.select_heatmap(call.tenants, query)
    check_series_count(len(heatmap.series), call.services.settings)
    messages = ExemplarMessages()
    return SelectHeatmapResponse(series=[_series(heatmap, series, messages) for series in heatmap.series])


def _points(query_type: int) -> PointKind:
    if query_type not in _POINTS:
        raise invalid_argument(f"unknown query type: {query_type}")
    return _POINTS[query_type]


def _series(heatmap: Heatmap, series: HeatmapSeries, messages: ExemplarMessages) -> types_pb2.HeatmapSeries:
    message = types_pb2.HeatmapSeries(labels=label_pairs(series.labels))
    for slot in series.slots:
        message.slots.add(
            timestamp=slot.timestamp,
            y_min=heatmap.y_min,
            counts=slot.counts,
            exemplars=[messages.message(exemplar) for exemplar in slot.exemplars],
        )
    return message


route = querier_rpc("SelectHeatmap", SelectHeatmapRequest, select_heatmap)
handler = lambda_handler(route)
