"""SelectMergeStacktraces: the samples of the selected profiles merged into one call tree, in the requested format.

DOT and pprof are requested only by hand: a Lambda function starts faster without their modules.
"""

from collections.abc import Callable, Mapping
from typing import Final

from flamehouse.model.max_nodes import check_nodes_limit
from flamehouse.pb.querier_pb2 import (
    PROFILE_FORMAT_DOT,
    PROFILE_FORMAT_FLAMEGRAPH,
    PROFILE_FORMAT_PPROF,
    PROFILE_FORMAT_TREE,
    PROFILE_FORMAT_UNSPECIFIED,
    PprofProfile,
    ProfileFormat,
    SelectMergeStacktracesRequest,
    SelectMergeStacktracesResponse,
)
from flamehouse.render.flamegraph import flamegraph_of
from flamehouse.render.tree_bytes import tree_bytes
from flamehouse.serverless.http_handler import lambda_handler
from flamehouse.web.connect import Call
from querier.common.async_query import accepted_async_query, mark_done, requested_query
from querier.common.merged_tree import stacktrace_query, tree_of
from querier.common.rpc import check_format, querier_rpc
from querier.common.sample_selector import drawn_samples, selected_samples

type _Run = Callable[[], SelectMergeStacktracesResponse]
"""Runs a checked query and builds its response."""
type _Check = Callable[[Call, SelectMergeStacktracesRequest], _Run]
"""Raises RpcError(INVALID_ARGUMENT) for an invalid request."""


def select_merge_stacktraces(
    call: Call, request: SelectMergeStacktracesRequest
) -> SelectMergeStacktracesResponse:
    """Returns the samples in [start, end); an empty tree without any.

    An invalid async query fails at once, not when the client polls.
    """
    query = requested_query(request)
    check_format(query.format)
    run = _RUN_AS[query.format](call, query)
    pending = accepted_async_query(request)
    if pending is not None:
        return pending
    response = run()
    mark_done(request, response)
    return response


def _as_flamegraph(call: Call, request: SelectMergeStacktracesRequest) -> _Run:
    query = stacktrace_query(call, request, drawn_samples(request))
    return lambda: SelectMergeStacktracesResponse(flamegraph=flamegraph_of(tree_of(call, query)))


def _as_tree(call: Call, request: SelectMergeStacktracesRequest) -> _Run:
    query = stacktrace_query(call, request, drawn_samples(request))
    return lambda: SelectMergeStacktracesResponse(tree=tree_bytes(tree_of(call, query)))


def _as_dot(call: Call, request: SelectMergeStacktracesRequest) -> _Run:
    from querier.common.dot_graph import dot_graph_of  # noqa: PLC0415  # see above

    query = stacktrace_query(call, request, drawn_samples(request))
    return lambda: SelectMergeStacktracesResponse(dot=dot_graph_of(call, query, request.max_nodes))


def _as_pprof(call: Call, request: SelectMergeStacktracesRequest) -> _Run:
    from querier.common.merged_pprof import merged_pprof, profile_query, requested_pgo  # noqa: PLC0415  # see above

    # Pyroscope applies the flame graph limit to every format of this RPC.
    check_nodes_limit(request.max_nodes, call.services.settings)
    go_pgo = requested_pgo(request.stack_trace_selector)
    query = profile_query(call, request, selected_samples(request), go_pgo)

    def run() -> SelectMergeStacktracesResponse:
        profile = merged_pprof(call, query, go_pgo)
        return SelectMergeStacktracesResponse(pprof=PprofProfile(profile=profile.message()))

    return run


_RUN_AS: Final[Mapping[ProfileFormat, _Check]] = {
    PROFILE_FORMAT_UNSPECIFIED: _as_flamegraph,
    PROFILE_FORMAT_FLAMEGRAPH: _as_flamegraph,
    PROFILE_FORMAT_TREE: _as_tree,
    PROFILE_FORMAT_DOT: _as_dot,
    PROFILE_FORMAT_PPROF: _as_pprof,
}

route = querier_rpc("SelectMergeStacktraces", SelectMergeStacktracesRequest, select_merge_stacktraces)
handler = lambda_handler(route)
