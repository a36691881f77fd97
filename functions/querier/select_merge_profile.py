"""SelectMergeProfile: the samples of the selected profiles merged into one pprof, with functions, files and lines."""

from flamehouse.pb.profile_pb2 import Profile
from flamehouse.pb.querier_pb2 import SelectMergeProfileRequest
from flamehouse.serverless.http_handler import lambda_handler
from flamehouse.web.codec import Encoded
from flamehouse.web.connect import Call
from querier.common.merged_pprof import merged_pprof, profile_query, requested_pgo
from querier.common.rpc import querier_rpc
from querier.common.sample_selector import sample_selector


def select_merge_profile(call: Call, request: SelectMergeProfileRequest) -> Encoded[Profile]:
    """Returns the samples in [start, end); an empty message without any.

    `max_nodes` cuts the call tree of locations and has no maximum; 0 disables the cut.
    """
    samples = sample_selector(
        profile_ids=request.profile_id_selector,
        trace_ids=request.trace_id_selector,
        stack_trace_selector=request.stack_trace_selector,
    )
    go_pgo = requested_pgo(request.stack_trace_selector)
    return merged_pprof(call, profile_query(call, request, samples, go_pgo), go_pgo)


route = querier_rpc("SelectMergeProfile", SelectMergeProfileRequest, select_merge_profile)
handler = lambda_handler(route)
