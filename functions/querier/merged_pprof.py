"""Merged samples as pprof, for SelectMergeProfile and for SelectMergeStacktraces in the format PPROF."""

from flamehouse.connect import Call
from flamehouse.merged_profile import pprof_of
from flamehouse.nodes_limit import nodes_limit
from flamehouse.pb.profile_pb2 import Profile
from flamehouse.pb.types_pb2 import GoPGO
from flamehouse.pgo import aggregate_callees
from flamehouse.store.model import ProfileQuery, SampleSelector
from querier.stacktrace_query import Asked, stacktrace_query


def merged_pprof(call: Call, request: Asked, samples: SampleSelector, go_pgo: GoPGO) -> Profile:
    """The pprof of the samples that `samples` selects; `go_pgo` says what a Go compiler wants of their stacks.

    An empty message if there is none. RpcError invalid_argument for a request that is no question.
    """
    question = stacktrace_query(call, request, samples)
    if not question.within.length_ms:
        return Profile()
    query = ProfileQuery(
        profile_type=question.profile_type,
        matchers=question.matchers,
        within=question.within,
        max_nodes=nodes_limit(request.max_nodes, call.services.settings) if request.max_nodes else 0,
        leaf_locations=go_pgo.keep_locations,
        samples=samples,
    )
    merged = call.services.store.select_merge_profile(call.tenant, query)
    pprof = pprof_of(merged, query.profile_type, query.within)
    return aggregate_callees(pprof) if go_pgo.aggregate_callees else pprof
