"""Builds queries for a merged call tree from the requests of several RPCs, and checks them against the settings."""

from typing import Protocol

from flamehouse.model.call_tree import NO_TREE, CutTree, StacktraceQuery
from flamehouse.model.max_nodes import nodes_limit
from flamehouse.model.profile_type import ProfileType
from flamehouse.model.sample_selector import SampleSelector
from flamehouse.model.selector import parse_selector
from flamehouse.web.connect import Call
from querier.common.query_range import NOTHING, query_range


class MergeRequest(Protocol):
    """The fields that requests for merged stacks have in common."""

    @property
    def profile_typeID(self) -> str: ...  # noqa: N802  # Pyroscope's
    @property
    def label_selector(self) -> str: ...
    @property
    def start(self) -> int: ...
    @property
    def end(self) -> int: ...
    @property
    def max_nodes(self) -> int: ...


def stacktrace_query(call: Call, request: MergeRequest, samples: SampleSelector) -> StacktraceQuery:
    """Builds the query. Its range is empty if that of the request lies before the lookback limit.

    Raises RpcError(INVALID_ARGUMENT) for an invalid request.
    """
    return StacktraceQuery(
        profile_type=ProfileType.parse(request.profile_typeID),
        matchers=parse_selector(request.label_selector),
        max_nodes=nodes_limit(request.max_nodes, call.services.settings),
        within=query_range(call, request.start, request.end) or NOTHING,
        samples=samples,
    )


def tree_of(call: Call, query: StacktraceQuery) -> CutTree:
    """Returns the merged tree; the store is not queried for an empty range."""
    if not query.within.length_ms:
        return NO_TREE
    return call.services.store.select_merge_stacktraces(call.tenants, query)
