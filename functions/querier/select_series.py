"""SelectSeries: totals of the selected profiles over time, for graphs."""

from flamehouse.deadline import in_time
from flamehouse.model.profile_type import ProfileType
from flamehouse.model.selector import parse_selector
from flamehouse.model.series import SeriesQuery, SeriesResult
from flamehouse.pb.querier_pb2 import SelectSeriesRequest, SelectSeriesResponse
from flamehouse.pb.types_pb2 import TIME_SERIES_AGGREGATION_TYPE_AVERAGE, Series
from flamehouse.serverless.http_handler import lambda_handler
from flamehouse.web.connect import Call
from querier.common.labels import label_pairs, requested_labels
from querier.common.query_range import query_range
from querier.common.rpc import querier_rpc
from querier.common.sample_selector import reject_go_pgo, sample_selector
from querier.common.time_series import (
    ExemplarMessages,
    check_series_count,
    check_step,
    exemplar_kind,
    series_limit,
    step_ms,
)


def select_series(call: Call, request: SelectSeriesRequest) -> SelectSeriesResponse:
    """Returns a series per group, the largest first, with a point per step that holds a profile.

    The point at T sums or averages profiles in (T - step, T]; T starts at `start`, and profiles at or after `end` do
    not count. `stack_trace_selector` narrows their samples. A point's exemplar is its profile, or span, of the
    highest value.
    """
    reject_go_pgo(request.stack_trace_selector)
    profile_type = ProfileType.parse(request.profile_typeID)
    matchers = parse_selector(request.label_selector)
    samples = sample_selector(stack_trace_selector=request.stack_trace_selector)
    exemplars = exemplar_kind(request.exemplar_type)
    within = query_range(call, request.start, request.end)
    check_step(request.step)
    if within is None:
        return SelectSeriesResponse()
    query = SeriesQuery(
        profile_type=profile_type,
        matchers=matchers,
        within=within,
        step_ms=step_ms(request.step, within),
        group_by=requested_labels("group_by", request.group_by),
        average=request.aggregation == TIME_SERIES_AGGREGATION_TYPE_AVERAGE,
        limit=series_limit(request.limit, call.services.settings),
        samples=samples,
        exemplars=exemplars,
    )
    results = call.services.store.select_series(call.tenants, query)
    check_series_count(len(results), call.services.settings)
    messages = ExemplarMessages()
    return SelectSeriesResponse(series=[_series(result, messages) for result in results])


def _series(result: SeriesResult, messages: ExemplarMessages) -> Series:
    series = Series(labels=label_pairs(result.labels))
    for timestamp, value in in_time(result.points):
        series.points.add(timestamp=timestamp, value=value)
    for point, exemplar in zip(series.points, result.exemplars, strict=False):
        if exemplar is not None:
            point.exemplars.append(messages.message(exemplar))
    return series


route = querier_rpc("SelectSeries", SelectSeriesRequest, select_series)
handler = lambda_handler(route)
