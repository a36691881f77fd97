"""Merged samples as pprof, for SelectMergeProfile and for SelectMergeStacktraces in the format PPROF."""

from flamehouse.codec import Encoded
from flamehouse.connect import Call
from flamehouse.merged_profile import encoded_pprof
from flamehouse.nodes_limit import any_nodes_limit
from flamehouse.pb.profile_pb2 import Profile
from flamehouse.pb.types_pb2 import GoPGO
from flamehouse.pgo import aggregate_callees
from flamehouse.profile_type import ProfileType
from flamehouse.selector import parse_selector
from flamehouse.store.model import ProfileQuery, SampleSelector
from querier.query_range import query_range
from querier.stacktrace_query import Asked


def merged_pprof(call: Call, request: Asked, samples: SampleSelector, go_pgo: GoPGO) -> Encoded[Profile]:
    """The pprof of the samples that `samples` selects; `go_pgo` says what a Go compiler wants of their stacks.

    An empty message if there is none. RpcError invalid_argument for a request that is no question.
    """
    profile_type = ProfileType.parse(request.profile_typeID)
    matchers = parse_selector(request.label_selector)
    max_nodes = any_nodes_limit(request.max_nodes, call.services.settings)
    within = query_range(call, request.start, request.end)
    if within is None or not within.length_ms:
        return _encoded(b"")
    query = ProfileQuery(
        profile_type=profile_type,
        matchers=matchers,
        within=within,
        max_nodes=max_nodes,
        leaf_locations=go_pgo.keep_locations,
        samples=samples,
    )
    merged = call.services.store.select_merge_profile(call.tenant, query)
    pprof = _encoded(encoded_pprof(merged, profile_type, within))
    if not go_pgo.aggregate_callees:
        return pprof
    return _encoded(aggregate_callees(pprof.message()).SerializeToString())


def _encoded(pprof: bytes) -> Encoded[Profile]:
    return Encoded(message_type=Profile, data=pprof)
