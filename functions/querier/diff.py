"""Diff: the merged call trees of two selections side by side, as one flame graph."""

from dataclasses import replace
from typing import Final

from flamehouse.model.call_tree import StacktraceQuery
from flamehouse.model.max_nodes import nodes_limit
from flamehouse.pb.querier_pb2 import (
    PROFILE_FORMAT_FLAMEGRAPH,
    PROFILE_FORMAT_UNSPECIFIED,
    DiffRequest,
    DiffResponse,
    SelectMergeStacktracesRequest,
)
from flamehouse.render.flamegraph_diff import flamegraph_diff_of
from flamehouse.serverless.http_handler import lambda_handler
from flamehouse.web.connect import Call
from querier.common.merged_tree import stacktrace_query
from querier.common.rpc import check_format, querier_rpc, unsupported
from querier.common.sample_selector import drawn_samples

_FORMATS: Final = (PROFILE_FORMAT_UNSPECIFIED, PROFILE_FORMAT_FLAMEGRAPH)


def diff(call: Call, request: DiffRequest) -> DiffResponse:
    """Compares both sides, each in its [start, end), and cuts the result to the greater `max_nodes`.

    The default applies if neither side sets it. Raises RpcError(INVALID_ARGUMENT) for a missing side, as for one
    without a profile type.
    """
    left, right = _query(call, request.left), _query(call, request.right)
    max_nodes = nodes_limit(max(request.left.max_nodes, request.right.max_nodes), call.services.settings)
    tree = call.services.store.diff(
        call.tenants, replace(left, max_nodes=max_nodes), replace(right, max_nodes=max_nodes)
    )
    return DiffResponse(flamegraph=flamegraph_diff_of(tree))


def _query(call: Call, side: SelectMergeStacktracesRequest) -> StacktraceQuery:
    check_format(side.format)
    if side.format not in _FORMATS:
        raise unsupported("a comparison is always a flame graph: request PROFILE_FORMAT_FLAMEGRAPH")
    return stacktrace_query(call, side, drawn_samples(side))


route = querier_rpc("Diff", DiffRequest, diff)
handler = lambda_handler(route)
