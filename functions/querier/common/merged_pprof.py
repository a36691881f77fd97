"""Merged samples as pprof, for SelectMergeProfile and for SelectMergeStacktraces in the format PPROF."""

from flamehouse.model.max_nodes import any_nodes_limit
from flamehouse.model.profile_query import ProfileQuery
from flamehouse.model.profile_type import ProfileType
from flamehouse.model.sample_selector import EVERY_SAMPLE, SampleSelector
from flamehouse.model.selector import parse_selector
from flamehouse.pb.profile_pb2 import Profile
from flamehouse.pb.types_pb2 import GoPGO, StackTraceSelector
from flamehouse.render.pgo import aggregate_callees, with_shapes
from flamehouse.render.pprof import encoded_pprof, pprof_without_samples
from flamehouse.web.codec import Encoded
from flamehouse.web.connect import Call
from querier.common.merged_tree import MergeRequest
from querier.common.query_range import NOTHING, query_range


def profile_query(
    call: Call, request: MergeRequest, samples: SampleSelector, go_pgo: GoPGO | None
) -> ProfileQuery:
    """Builds the query. `go_pgo` may limit the stack depth.

    The query's range is empty if that of the request lies before the lookback limit.

    Raises RpcError(INVALID_ARGUMENT) for an invalid request.
    """
    return ProfileQuery(
        profile_type=ProfileType.parse(request.profile_typeID),
        matchers=parse_selector(request.label_selector),
        max_nodes=any_nodes_limit(request.max_nodes, call.services.settings),
        within=query_range(call, request.start, request.end) or NOTHING,
        leaf_locations=go_pgo.keep_locations if go_pgo else 0,
        samples=samples,
    )


def requested_pgo(selector: StackTraceSelector) -> GoPGO | None:
    """Returns the selector's `go_pgo` options, or None."""
    return selector.go_pgo if selector.HasField("go_pgo") else None


def merged_pprof(call: Call, query: ProfileQuery, go_pgo: GoPGO | None) -> Encoded[Profile]:
    """Merges the samples that `query` selects into a pprof; with `go_pgo`, in the form that Go's PGO reads.

    If no sample matches, the message is empty. If `query` narrows the samples, for example by an unknown profile id, it
    is a pprof without samples. The store is not queried for an empty range.
    """
    if not query.within.length_ms:
        return _encoded(b"")
    merged = call.services.store.select_merge_profile(call.tenants, query)
    if not merged.samples and query.samples != EVERY_SAMPLE:
        return _encoded(pprof_without_samples(query.profile_type, query.within))
    pprof = _encoded(encoded_pprof(merged, query.profile_type, query.within))
    if go_pgo is None or not merged.samples:
        return pprof
    named = with_shapes(pprof.message())
    return _encoded((aggregate_callees(named) if go_pgo.aggregate_callees else named).SerializeToString())


def _encoded(pprof: bytes) -> Encoded[Profile]:
    return Encoded(message_type=Profile, data=pprof)
