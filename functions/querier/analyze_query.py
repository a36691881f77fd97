"""AnalyzeQuery: how much data a query covers. Profiles Drilldown shows the result next to the query."""

from typing import Final

from flamehouse.model.analysis import Analysis
from flamehouse.model.selector import METRIC_NAME, Matcher, parse_selector
from flamehouse.pb.querier_pb2 import AnalyzeQueryRequest, AnalyzeQueryResponse, QueryImpact, QueryScope
from flamehouse.serverless.http_handler import lambda_handler
from flamehouse.web.connect import Call
from querier.common.query_range import query_range_or_last_hour
from querier.common.rpc import querier_rpc

_COMPONENT: Final = "store"
"""The only component of a query scope: ClickHouse serves every query."""
_PROFILE_TYPE: Final = "__profile_type__"
_NOTHING: Final = Analysis()


def analyze_query(call: Call, request: AnalyzeQueryRequest) -> AnalyzeQueryResponse:
    """Returns the size of what `query` selects in [start, end); an empty query selects everything.

    `query` is a selector; the profile type is its metric name or a matcher. Without a range it covers the last hour.
    """
    matchers = tuple(_of_profile_type(each) for each in parse_selector(request.query or "{}"))
    within = query_range_or_last_hour(call, request.start, request.end)
    analysis = _NOTHING if within is None else call.services.store.analyze(call.tenants, matchers, within)
    return AnalyzeQueryResponse(query_scopes=[_scope(analysis)], query_impact=_impact(analysis))


def _of_profile_type(matcher: Matcher) -> Matcher:
    """Converts a matcher on a metric name that is a profile type id to a matcher on the profile type."""
    if matcher.name == METRIC_NAME and ":" in matcher.value:
        return Matcher(name=_PROFILE_TYPE, op=matcher.op, value=matcher.value)
    return matcher


def _scope(analysis: Analysis) -> QueryScope:
    return QueryScope(
        component_type=_COMPONENT,
        component_count=1,
        block_count=analysis.parts,
        series_count=analysis.series,
        profile_count=analysis.profiles,
        sample_count=analysis.samples,
        index_bytes=analysis.index_bytes,
        profile_bytes=analysis.profile_bytes,
        symbol_bytes=analysis.symbol_bytes,
    )


def _impact(analysis: Analysis) -> QueryImpact:
    """Returns the impact. `deduplication_needed` is always false, as nothing is stored twice."""
    return QueryImpact(
        total_bytes_in_time_range=analysis.index_bytes + analysis.profile_bytes + analysis.symbol_bytes,
        total_queried_series=analysis.series,
        deduplication_needed=False,
    )


route = querier_rpc("AnalyzeQuery", AnalyzeQueryRequest, analyze_query)
handler = lambda_handler(route)
