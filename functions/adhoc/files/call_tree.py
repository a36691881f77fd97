"""The call tree of a file, or of two: built in memory, as a file's samples are not in ClickHouse, and cut for drawing.

The cut is Pyroscope's, as the store makes it (flamehouse/store/read/call_tree.py).
"""

from heapq import nlargest
from typing import Final

from flamehouse.errors import invalid_argument
from flamehouse.model.call_tree import ROOT, CutTree, DiffTree

_MAX_NODES: Final = 1 << 20
"""A pprof that reaches it takes some 250 MB, itself included."""
_MAX_INT64: Final = (1 << 63) - 1


class CallTree:
    """Nodes numbered from the root, which is 0, each after its parent; values of one side or of two."""

    def __init__(self, sides: int = 1) -> None:
        self._parents = [ROOT]
        self._names = [""]
        self._children: dict[tuple[int, str], int] = {}
        self._selves = [[0] for _ in range(sides)]

    def child(self, parent: int, name: str) -> int:
        """The node of a function called by `parent`. RpcError invalid_argument for a tree of more than a million."""
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
        """Add what was spent in the node itself."""
        self._selves[side][node] += value

    def cut(self, max_nodes: int) -> CutTree:
        """The tree of the first side. RpcError invalid_argument where it adds up to more than 64 bits hold."""
        totals, selves = self._totals(0), self._selves[0]
        # The root does not count in a flame graph of one side, and does in one of two.
        kept = _kept(totals, max_nodes + 1)
        return CutTree(
            ids=kept,
            parents=[self._parents[node] for node in kept],
            names=[self._names[node] for node in kept],
            totals=[totals[node] for node in kept],
            selves=[selves[node] for node in kept],
            total=totals[ROOT],
        )

    def cut_diff(self, max_nodes: int) -> DiffTree:
        """The tree of both sides. RpcError as `cut`."""
        left, right = self._totals(0), self._totals(1)
        kept = _kept([*map(max, left, right)], max_nodes)
        return DiffTree(
            ids=kept,
            parents=[self._parents[node] for node in kept],
            names=[self._names[node] for node in kept],
            left_totals=[left[node] for node in kept],
            left_selves=[self._selves[0][node] for node in kept],
            right_totals=[right[node] for node in kept],
            right_selves=[self._selves[1][node] for node in kept],
            left_total=left[ROOT],
            right_total=right[ROOT],
        )

    def _totals(self, side: int) -> list[int]:
        totals = self._selves[side].copy()
        for node in range(len(totals) - 1, ROOT, -1):
            totals[self._parents[node]] += totals[node]
        if totals[ROOT] > _MAX_INT64:
            raise invalid_argument("the profile's values add up to more than 64 bits hold")
        return totals


def _kept(weights: list[int], max_nodes: int) -> list[int]:
    """The nodes among the `max_nodes` heaviest, the root counted and left out, and those as heavy as the last of them."""
    least = 1 if len(weights) <= max_nodes else max(nlargest(max_nodes, weights)[-1], 1)
    return [node for node in range(ROOT + 1, len(weights)) if weights[node] >= least]
