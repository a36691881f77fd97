"""Merged samples as pprof, for SelectMergeProfile and for SelectMergeStacktraces in the format PPROF."""

from flamehouse.model.max_nodes import any_nodes_limit
from flamehouse.model.profile_type import ProfileType
from flamehouse.model.queries import ProfileQuery, SampleSelector
from flamehouse.model.selector import parse_selector
from flamehouse.pb.profile_pb2 import Profile
from flamehouse.pb.types_pb2 import GoPGO
from flamehouse.render.pgo import aggregate_callees
from flamehouse.render.pprof import encoded_pprof
from flamehouse.web.codec import Encoded
from flamehouse.web.connect import Call
from querier.common.merged_tree import Asked
from querier.common.query_range import NOTHING, query_range


def profile_query(call: Call, request: Asked, samples: SampleSelector, go_pgo: GoPGO) -> ProfileQuery:
    """The question, of an empty range where the lookback lets it see nothing; `go_pgo` may want the ends of stacks alone.

    RpcError invalid_argument for a request that is no question.
    """
    return ProfileQuery(
        profile_type=ProfileType.parse(request.profile_typeID),
        matchers=parse_selector(request.label_selector),
        max_nodes=any_nodes_limit(request.max_nodes, call.services.settings),
        within=query_range(call, request.start, request.end) or NOTHING,
        leaf_locations=go_pgo.keep_locations,
        samples=samples,
    )


def merged_pprof(call: Call, query: ProfileQuery, go_pgo: GoPGO) -> Encoded[Profile]:
    """The pprof of the samples that `query` selects, with callees as `go_pgo` wants them.

    An empty message if there is none; the store is not asked of an empty range.
    """
    if not query.within.length_ms:
        return _encoded(b"")
    merged = call.services.store.select_merge_profile(call.tenant, query)
    pprof = _encoded(encoded_pprof(merged, query.profile_type, query.within))
    if not go_pgo.aggregate_callees:
        return pprof
    return _encoded(aggregate_callees(pprof.message()).SerializeToString())


def _encoded(pprof: bytes) -> Encoded[Profile]:
    return Encoded(message_type=Profile, data=pprof)
