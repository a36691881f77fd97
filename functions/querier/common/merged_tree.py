"""Queries for a merged call tree, built from the requests of several RPCs and checked against the settings."""

from dataclasses import replace
from typing import Final, Protocol

from flamehouse.model.call_tree import NO_TREE, CutTree
from flamehouse.model.max_nodes import nodes_limit
from flamehouse.model.profile_type import ProfileType
from flamehouse.model.queries import SampleSelector, StacktraceQuery
from flamehouse.model.selector import parse_selector
from flamehouse.render.dot import dot_of
from flamehouse.web.connect import Call
from querier.common.query_range import NOTHING, query_range

_DOT_FUNCTIONS: Final = 100
_MAX_DOT_NODES: Final = 65_536
"""Graphviz draws far fewer, and the graph of a million nodes takes a minute to compute."""


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
    """Builds the query. Its range is empty if the request lies before the lookback limit.

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


def dot_graph_of(call: Call, query: StacktraceQuery, max_functions: int) -> str:
    """Returns the tree as a call graph in DOT of at most `max_functions` functions (0: 100); no samples, no text.

    A function's value is the sum over its nodes, so the tree has at least as many nodes as a flame graph, and at most
    65,536.
    """
    least = nodes_limit(0, call.services.settings)
    max_nodes = min(max(query.max_nodes, least), _MAX_DOT_NODES)
    tree = tree_of(call, replace(query, max_nodes=max_nodes))
    return dot_of(tree, query.profile_type, max_functions or _DOT_FUNCTIONS)
