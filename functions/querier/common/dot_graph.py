"""A merged call tree as a call graph in DOT."""

from dataclasses import replace
from typing import Final

from flamehouse.model.call_tree import StacktraceQuery
from flamehouse.model.max_nodes import nodes_limit
from flamehouse.render.dot import dot_of
from flamehouse.web.connect import Call
from querier.common.merged_tree import tree_of

_FUNCTIONS: Final = 100
_MAX_NODES: Final = 65_536
"""Graphviz can draw far fewer, and a graph of a million nodes takes a minute to compute."""


def dot_graph_of(call: Call, query: StacktraceQuery, max_functions: int) -> str:
    """Returns the tree as a DOT call graph of at most `max_functions` functions (0 means 100); empty without samples.

    A function's value is the sum over its nodes, so the tree has at least as many nodes as a flame graph, but at most
    65,536.
    """
    least = nodes_limit(0, call.services.settings)
    max_nodes = min(max(query.max_nodes, least), _MAX_NODES)
    tree = tree_of(call, replace(query, max_nodes=max_nodes))
    return dot_of(tree, query.profile_type, max_functions or _FUNCTIONS)
