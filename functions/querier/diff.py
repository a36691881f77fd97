"""Diff: the merged call trees of two selections side by side, as one flame graph."""

from dataclasses import replace
from typing import Final

from flamehouse.model.max_nodes import nodes_limit
from flamehouse.model.queries import StacktraceQuery
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
    """Both sides from their `start` up to but not with their `end`, cut to the greater `max_nodes`.

    The default is for a request that names it on neither side. RpcError invalid_argument for a side that is missing, as
    one without a profile type.
    """
    left, right = _question(call, request.left), _question(call, request.right)
    max_nodes = nodes_limit(max(request.left.max_nodes, request.right.max_nodes), call.services.settings)
    tree = call.services.store.diff(
        call.tenant, replace(left, max_nodes=max_nodes), replace(right, max_nodes=max_nodes)
    )
    return DiffResponse(flamegraph=flamegraph_diff_of(tree))


def _question(call: Call, side: SelectMergeStacktracesRequest) -> StacktraceQuery:
    check_format(side.format)
    if side.format not in _FORMATS:
        raise unsupported("a comparison is a flame graph: ask for PROFILE_FORMAT_FLAMEGRAPH")
    return stacktrace_query(call, side, drawn_samples(side))


route = querier_rpc("Diff", DiffRequest, diff)
handler = lambda_handler(route)
