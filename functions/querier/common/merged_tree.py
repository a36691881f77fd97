"""The question for a merged call tree, as the RPCs that answer one ask it: checked against the settings."""

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


class Asked(Protocol):
    """What the requests for merged stacks have in common."""

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


def stacktrace_query(call: Call, request: Asked, samples: SampleSelector) -> StacktraceQuery:
    """The question, of an empty range where the lookback lets it see nothing.

    RpcError invalid_argument for one that is none.
    """
    return StacktraceQuery(
        profile_type=ProfileType.parse(request.profile_typeID),
        matchers=parse_selector(request.label_selector),
        max_nodes=nodes_limit(request.max_nodes, call.services.settings),
        within=query_range(call, request.start, request.end) or NOTHING,
        samples=samples,
    )


def tree_of(call: Call, query: StacktraceQuery) -> CutTree:
    """The answer to the question; the store is not asked of an empty range."""
    if not query.within.length_ms:
        return NO_TREE
    return call.services.store.select_merge_stacktraces(call.tenant, query)


def dot_graph_of(call: Call, query: StacktraceQuery, max_functions: int) -> str:
    """The answer as a call graph in DOT, of `max_functions` or, for 0, of 100; no text where there is nothing to draw.

    A function is summed over the tree's nodes: the tree is cut no shorter than a flame graph would be.
    """
    least = nodes_limit(0, call.services.settings)
    tree = tree_of(call, replace(query, max_nodes=max(query.max_nodes, least)))
    return dot_of(tree, query.profile_type, max_functions or _DOT_FUNCTIONS)
