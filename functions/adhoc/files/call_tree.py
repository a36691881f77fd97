"""Builds the call tree of one or two files in memory and cuts it for drawing; their samples are not in ClickHouse.

The cut is the same as Pyroscope's and the store's (flamehouse/store/read/call_tree.py).
"""

from heapq import nlargest
from typing import Final

from flamehouse.errors import invalid_argument
from flamehouse.model.call_tree import ROOT, CutTree
from flamehouse.model.diff_tree import DiffTree
from flamehouse.units import MAX_INT64

_MAX_NODES: Final = 1 << 20
"""A pprof with this many nodes takes about 250 MB, including the file."""


class CallTree:
    """A tree with values for one or two sides. The root is node 0; each node has a higher number than its parent."""

    def __init__(self, sides: int = 1) -> None:
        self._parents = [ROOT]
        self._names = [""]
        self._children: dict[tuple[int, str], int] = {}
        self._selves = [[0] for _ in range(sides)]

    def child(self, parent: int, name: str) -> int:
        """Return the node of a callee of `parent`. Raises RpcError(INVALID_ARGUMENT) above a million nodes."""
        key = (parent, name)
        node = self._children.get(key)
        if node is None:
            node = self._children[key] = len(self._parents)
            if node > _MAX_NODES:
                raise invalid_argument(f"the profile has more than {_MAX_NODES} different call paths")
            self._parents.append(parent)
            self._names.append(name)
            for selves in self._selves:
                selves.append(0)
        return node

    def add(self, node: int, value: int, side: int = 0) -> None:
        """Add `value` to the self value of the node."""
        self._selves[side][node] += value

    def cut(self, max_nodes: int) -> CutTree:
        """Return the tree of the first side. Raises RpcError(INVALID_ARGUMENT) if its total exceeds 64 bits."""
        totals, selves = self._totals(0), self._selves[0]
        # The root does not count towards max_nodes for one side, but does for two.
        remaining = _largest(totals, max_nodes + 1)
        return CutTree(
            ids=remaining,
            parents=[self._parents[node] for node in remaining],
            names=[self._names[node] for node in remaining],
            totals=[totals[node] for node in remaining],
            selves=[selves[node] for node in remaining],
            total=totals[ROOT],
        )

    def cut_diff(self, max_nodes: int) -> DiffTree:
        """Return the tree of both sides. Raises as `cut`."""
        left, right = self._totals(0), self._totals(1)
        remaining = _largest([*map(max, left, right)], max_nodes)
        return DiffTree(
            ids=remaining,
            parents=[self._parents[node] for node in remaining],
            names=[self._names[node] for node in remaining],
            left_totals=[left[node] for node in remaining],
            left_selves=[self._selves[0][node] for node in remaining],
            right_totals=[right[node] for node in remaining],
            right_selves=[self._selves[1][node] for node in remaining],
            left_total=left[ROOT],
            right_total=right[ROOT],
        )

    def _totals(self, side: int) -> list[int]:
        totals = self._selves[side].copy()
        for node in range(len(totals) - 1, ROOT, -1):
            totals[self._parents[node]] += totals[node]
        if totals[ROOT] > MAX_INT64:
            raise invalid_argument("the profile's values add up to more than 64 bits")
        return totals


def _largest(weights: list[int], max_nodes: int) -> list[int]:
    """Return the `max_nodes` heaviest nodes and any that tie with the last one; the root counts but is not returned."""
    least = 1 if len(weights) <= max_nodes else max(nlargest(max_nodes, weights)[-1], 1)
    return [node for node in range(ROOT + 1, len(weights)) if weights[node] >= least]
