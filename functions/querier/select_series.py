"""SelectSeries: totals of the selected profiles over time, for graphs."""

import math
from typing import Final

from flamehouse.aws import lambda_handler
from flamehouse.connect import Call
from flamehouse.errors import invalid_argument
from flamehouse.pb.querier_pb2 import SelectSeriesRequest, SelectSeriesResponse
from flamehouse.pb.types_pb2 import (
    EXEMPLAR_TYPE_NONE,
    EXEMPLAR_TYPE_UNSPECIFIED,
    TIME_SERIES_AGGREGATION_TYPE_AVERAGE,
    LabelPair,
    Series,
)
from flamehouse.profile_type import ProfileType
from flamehouse.selector import parse_selector
from flamehouse.store.model import SeriesQuery, SeriesResult
from flamehouse.timerange import TimeRange
from querier.query_range import query_range
from querier.rpc import querier_rpc
from querier.unsupported import refuse_fields, unsupported

_SHORTEST_STEP_S: Final = 0.001
_MAX_GROUP_BY: Final = 100
"""Every series is asked for each name."""
_NO_EXEMPLARS: Final = (EXEMPLAR_TYPE_UNSPECIFIED, EXEMPLAR_TYPE_NONE)
_UNSUPPORTED_FIELDS: Final = ("stack_trace_selector",)


def select_series(call: Call, request: SelectSeriesRequest) -> SelectSeriesResponse:
    """A series per group, the largest first, with a point per step that holds a profile.

    The point at T sums or averages the profiles after T - step up to and with T; T runs from `start`.
    """
    _refuse_unsupported(request)
    profile_type = ProfileType.parse(request.profile_typeID)
    matchers = parse_selector(request.label_selector)
    within = query_range(call, request.start, request.end)
    step_s = request.step
    if not step_s >= _SHORTEST_STEP_S or math.isinf(step_s):
        raise invalid_argument("step must be >= 1ms")
    if within is None:
        return SelectSeriesResponse()
    query = SeriesQuery(
        profile_type=profile_type,
        matchers=matchers,
        within=within,
        step_ms=_step_ms(step_s, within),
        group_by=_group_by(request),
        average=request.aggregation == TIME_SERIES_AGGREGATION_TYPE_AVERAGE,
        limit=max(request.limit, 0),
    )
    results = call.services.store.select_series(call.tenant, query)
    return SelectSeriesResponse(series=[_series(result) for result in results])


def _refuse_unsupported(request: SelectSeriesRequest) -> None:
    refuse_fields(request, _UNSUPPORTED_FIELDS)
    if request.exemplar_type not in _NO_EXEMPLARS:
        raise unsupported("exemplars are not supported yet: ask for EXEMPLAR_TYPE_NONE")


def _group_by(request: SelectSeriesRequest) -> tuple[str, ...]:
    names = tuple(dict.fromkeys(request.group_by))
    if len(names) > _MAX_GROUP_BY:
        raise invalid_argument(f"group_by names {len(names)} labels, and the limit is {_MAX_GROUP_BY}")
    return names


def _step_ms(step_s: float, within: TimeRange) -> int:
    """The step in whole milliseconds; one that makes a single bucket of all there is up to `start` is long enough."""
    return int(min(step_s * 1000, max(within.start_ms, within.length_ms + 1)))


def _series(result: SeriesResult) -> Series:
    series = Series(labels=[LabelPair(name=name, value=value) for name, value in result.labels])
    for timestamp, value in result.points:
        series.points.add(timestamp=timestamp, value=value)
    return series


route = querier_rpc("SelectSeries", SelectSeriesRequest, select_series)
handler = lambda_handler(route)
