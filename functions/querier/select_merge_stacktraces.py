"""SelectMergeStacktraces: the samples of the selected profiles merged into one call tree, in the format asked for."""

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
from querier.common.async_query import come_back, question_of, say_that_it_is_done
from querier.common.merged_pprof import merged_pprof, profile_query, requested_pgo
from querier.common.merged_tree import dot_graph_of, stacktrace_query, tree_of
from querier.common.rpc import check_format, querier_rpc
from querier.common.sample_selector import drawn_samples, selected_samples

type _Answer = Callable[[], SelectMergeStacktracesResponse]
"""Asks the store a question that was checked, and answers with what it says."""
type _Check = Callable[[Call, SelectMergeStacktracesRequest], _Answer]
"""RpcError for a request that is no question."""


def select_merge_stacktraces(
    call: Call, request: SelectMergeStacktracesRequest
) -> SelectMergeStacktracesResponse:
    """The samples from `start` up to but not with `end`; an empty tree if there is none.

    A client that wants to come back for the answer is told at once where there will be none.
    """
    question = question_of(request)
    check_format(question.format)
    answer = _ANSWERED_AS[question.format](call, question)
    later = come_back(request)
    if later is not None:
        return later
    response = answer()
    say_that_it_is_done(request, response)
    return response


def _as_flamegraph(call: Call, request: SelectMergeStacktracesRequest) -> _Answer:
    query = stacktrace_query(call, request, drawn_samples(request))
    return lambda: SelectMergeStacktracesResponse(flamegraph=flamegraph_of(tree_of(call, query)))


def _as_tree(call: Call, request: SelectMergeStacktracesRequest) -> _Answer:
    query = stacktrace_query(call, request, drawn_samples(request))
    return lambda: SelectMergeStacktracesResponse(tree=tree_bytes(tree_of(call, query)))


def _as_dot(call: Call, request: SelectMergeStacktracesRequest) -> _Answer:
    query = stacktrace_query(call, request, drawn_samples(request))
    return lambda: SelectMergeStacktracesResponse(dot=dot_graph_of(call, query, request.max_nodes))


def _as_pprof(call: Call, request: SelectMergeStacktracesRequest) -> _Answer:
    # Any format has the flame graph's limit here.
    check_nodes_limit(request.max_nodes, call.services.settings)
    go_pgo = requested_pgo(request.stack_trace_selector)
    query = profile_query(call, request, selected_samples(request), go_pgo)

    def answer() -> SelectMergeStacktracesResponse:
        profile = merged_pprof(call, query, go_pgo)
        return SelectMergeStacktracesResponse(pprof=PprofProfile(profile=profile.message()))

    return answer


_ANSWERED_AS: Final[Mapping[ProfileFormat, _Check]] = {
    PROFILE_FORMAT_UNSPECIFIED: _as_flamegraph,
    PROFILE_FORMAT_FLAMEGRAPH: _as_flamegraph,
    PROFILE_FORMAT_TREE: _as_tree,
    PROFILE_FORMAT_DOT: _as_dot,
    PROFILE_FORMAT_PPROF: _as_pprof,
}

route = querier_rpc("SelectMergeStacktraces", SelectMergeStacktracesRequest, select_merge_stacktraces)
handler = lambda_handler(route)
