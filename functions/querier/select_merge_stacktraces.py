"""SelectMergeStacktraces: the samples of the selected profiles merged into one call tree, in the format asked for."""

from collections.abc import Callable, Mapping
from typing import Final

from flamehouse.aws import lambda_handler
from flamehouse.call_tree import tree_bytes
from flamehouse.connect import Call
from flamehouse.flamegraph import flamegraph_of
from flamehouse.pb.querier_pb2 import (
    PROFILE_FORMAT_DOT,
    PROFILE_FORMAT_FLAMEGRAPH,
    PROFILE_FORMAT_TREE,
    PROFILE_FORMAT_UNSPECIFIED,
    ProfileFormat,
    SelectMergeStacktracesRequest,
    SelectMergeStacktracesResponse,
)
from flamehouse.store.model import SampleSelector
from querier.rpc import querier_rpc
from querier.sample_selector import drawn_samples
from querier.stacktrace_query import dot_graph_of, merged_tree, stacktrace_query
from querier.unsupported import refuse_fields, unsupported

type _Answer = Callable[[Call, SelectMergeStacktracesRequest, SampleSelector], SelectMergeStacktracesResponse]


def select_merge_stacktraces(
    call: Call, request: SelectMergeStacktracesRequest
) -> SelectMergeStacktracesResponse:
    """The samples from `start` up to but not with `end`; an empty tree if there is none."""
    refuse_fields(request, ("async",))
    answer = _ANSWERED_AS.get(request.format)
    if answer is None:
        raise unsupported("this format is not supported yet: ask for PROFILE_FORMAT_FLAMEGRAPH")
    return answer(call, request, drawn_samples(request))


def _as_flamegraph(
    call: Call, request: SelectMergeStacktracesRequest, samples: SampleSelector
) -> SelectMergeStacktracesResponse:
    return SelectMergeStacktracesResponse(flamegraph=flamegraph_of(merged_tree(call, request, samples)))


def _as_tree(
    call: Call, request: SelectMergeStacktracesRequest, samples: SampleSelector
) -> SelectMergeStacktracesResponse:
    return SelectMergeStacktracesResponse(tree=tree_bytes(merged_tree(call, request, samples)))


def _as_dot(
    call: Call, request: SelectMergeStacktracesRequest, samples: SampleSelector
) -> SelectMergeStacktracesResponse:
    query = stacktrace_query(call, request, samples)
    return SelectMergeStacktracesResponse(dot=dot_graph_of(call, query, request.max_nodes))


_ANSWERED_AS: Final[Mapping[ProfileFormat, _Answer]] = {
    PROFILE_FORMAT_UNSPECIFIED: _as_flamegraph,
    PROFILE_FORMAT_FLAMEGRAPH: _as_flamegraph,
    PROFILE_FORMAT_TREE: _as_tree,
    PROFILE_FORMAT_DOT: _as_dot,
}

route = querier_rpc("SelectMergeStacktraces", SelectMergeStacktracesRequest, select_merge_stacktraces)
handler = lambda_handler(route)
