"""Computes call graphs from cut call trees: each function once, and the calls between functions with their weights.

The sums are those of google/pprof's graphs: a function that is on a stack several times counts once in `cum`, and a
repeated call counts once in its `weight`.
"""

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from flamehouse.deadline import drained
from flamehouse.model.call_tree import CutTree, children_by_name
from flamehouse.render.tree_walk import Node, children_of, root_of


class Called(NamedTuple):
    """A function, with its own value (`flat`) and its value including callees (`cum`)."""

    name: str
    flat: int
    cum: int


class CallEdge(NamedTuple):
    """A call and its value; a `residual` call passes, at least once, through omitted functions."""

    caller: str
    callee: str
    weight: int
    residual: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class CallGraph:
    """`functions` by descending `cum`, `edges` by descending `weight`; `omitted` is the number of omitted functions."""

    functions: Sequence[Called]
    edges: Sequence[CallEdge]
    total: int
    omitted: int


def call_graph_of(tree: CutTree, max_nodes: int) -> CallGraph:
    """Return the graph of the `max_nodes` functions with the greatest `cum`; ties are sorted by name.

    The cut part of the tree counts as a function `other`, called by the parents of the cut nodes.
    """
    rows = children_by_name(tree.parents, tree.names)
    functions = sorted(_functions(tree, rows), key=lambda each: (-each.cum, -each.flat, each.name))
    included = functions[:max_nodes]
    return CallGraph(
        functions=included,
        edges=_edges(tree, rows, {each.name for each in included}),
        total=tree.total,
        omitted=len(functions) - len(included),
    )


def _functions(tree: CutTree, rows: Mapping[int, Sequence[int]]) -> list[Called]:
    flat: Counter[str] = Counter()
    cum: Counter[str] = Counter()
    on_stack: Counter[str] = Counter()
    for node, entered in _walk(tree, rows):
        if entered:
            if not on_stack[node.name]:
                cum[node.name] += node.total
            flat[node.name] += node.self_
        on_stack[node.name] += 1 if entered else -1
    return [Called(name, flat[name], total) for name, total in cum.items()]


def _edges(tree: CutTree, rows: Mapping[int, Sequence[int]], included: Collection[str]) -> list[CallEdge]:
    weights: Counter[tuple[str, str]] = Counter()
    residual: set[tuple[str, str]] = set()
    on_stack: Counter[tuple[str, str]] = Counter()
    # The included functions on the path from the root, each with its depth.
    callers: list[tuple[str, int]] = []
    depth = 0
    for node, entered in _walk(tree, rows):
        depth += 1 if entered else -1
        if node.name not in included:
            continue
        if not entered:
            callers.pop()
        caller, caller_depth = callers[-1] if callers else (node.name, 0)
        call = (caller, node.name)
        if caller != node.name:
            if entered and not on_stack[call]:
                weights[call] += node.total
            if entered and caller_depth < depth - 1:
                residual.add(call)
            on_stack[call] += 1 if entered else -1
        if entered:
            callers.append((node.name, depth))
    edges = [CallEdge(*call, weight, call in residual) for call, weight in weights.items()]
    return sorted(edges, key=lambda edge: (-edge.weight, edge.caller, edge.callee))


def _walk(tree: CutTree, rows: Mapping[int, Sequence[int]]) -> Iterator[tuple[Node, bool]]:
    """Yield each node twice: on entry (True) and on exit."""
    pending = [(node, True) for node in children_of(root_of(tree), tree, rows)]
    for node, entering in drained(pending):
        yield node, entering
        if entering:
            pending.append((node, False))
            pending += ((callee, True) for callee in children_of(node, tree, rows))
