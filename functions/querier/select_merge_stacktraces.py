"""SelectMergeStacktraces: the samples of the selected profiles merged into one call tree, in the format asked for."""

from collections.abc import Callable, Mapping
from typing import Final

from flamehouse.aws import lambda_handler
from flamehouse.call_tree import tree_bytes
from flamehouse.connect import Call
from flamehouse.flamegraph import CutTree, flamegraph_of
from flamehouse.pb.querier_pb2 import (
    PROFILE_FORMAT_FLAMEGRAPH,
    PROFILE_FORMAT_TREE,
    PROFILE_FORMAT_UNSPECIFIED,
    ProfileFormat,
    SelectMergeStacktracesRequest,
    SelectMergeStacktracesResponse,
)
from querier.rpc import querier_rpc
from querier.sample_selector import drawn_samples
from querier.stacktrace_query import merged_tree
from querier.unsupported import refuse_fields, unsupported

type _Draw = Callable[[CutTree], SelectMergeStacktracesResponse]


def select_merge_stacktraces(
    call: Call, request: SelectMergeStacktracesRequest
) -> SelectMergeStacktracesResponse:
    """The samples from `start` up to but not with `end`; an empty tree if there is none."""
    refuse_fields(request, ("async",))
    draw = _DRAWN_AS.get(request.format)
    if draw is None:
        raise unsupported("this format is not supported yet: ask for PROFILE_FORMAT_FLAMEGRAPH")
    return draw(merged_tree(call, request, drawn_samples(request)))


def _as_flamegraph(tree: CutTree) -> SelectMergeStacktracesResponse:
    return SelectMergeStacktracesResponse(flamegraph=flamegraph_of(tree))


def _as_tree(tree: CutTree) -> SelectMergeStacktracesResponse:
    return SelectMergeStacktracesResponse(tree=tree_bytes(tree))


_DRAWN_AS: Final[Mapping[ProfileFormat, _Draw]] = {
    PROFILE_FORMAT_UNSPECIFIED: _as_flamegraph,
    PROFILE_FORMAT_FLAMEGRAPH: _as_flamegraph,
    PROFILE_FORMAT_TREE: _as_tree,
}

route = querier_rpc("SelectMergeStacktraces", SelectMergeStacktracesRequest, select_merge_stacktraces)
handler = lambda_handler(route)
