"""SelectMergeSpanProfile: the samples of some spans merged into one call tree, for Grafana's traces to profiles."""

from flamehouse.pb.querier_pb2 import (
    PROFILE_FORMAT_TREE,
    SelectMergeSpanProfileRequest,
    SelectMergeSpanProfileResponse,
)
from flamehouse.render.flamegraph import flamegraph_of
from flamehouse.render.tree_bytes import tree_bytes
from flamehouse.serverless.http_handler import lambda_handler
from flamehouse.web.connect import Call
from querier.common.merged_tree import stacktrace_query, tree_of
from querier.common.rpc import querier_rpc
from querier.common.sample_selector import sample_selector


def select_merge_span_profile(
    call: Call, request: SelectMergeSpanProfileRequest
) -> SelectMergeSpanProfileResponse:
    """Returns the samples of the spans in `span_selector`, or all samples if it is empty.

    Every format except TREE returns a flame graph, as in Pyroscope.
    """
    query = stacktrace_query(call, request, sample_selector(span_ids=request.span_selector))
    tree = tree_of(call, query)
    if request.format == PROFILE_FORMAT_TREE:
        return SelectMergeSpanProfileResponse(tree=tree_bytes(tree))
    return SelectMergeSpanProfileResponse(flamegraph=flamegraph_of(tree))


route = querier_rpc("SelectMergeSpanProfile", SelectMergeSpanProfileRequest, select_merge_span_profile)
handler = lambda_handler(route)
