"""Lays out a cut call tree of two sides as a flame graph: the levels that Grafana draws as a comparison.

A level is a flat list of bars, each (left offset, left total, left self, right offset, right total, right self, name
index), with the offsets of each side counted from the end of the bar to its left.
"""

from flamehouse.deadline import drained
from flamehouse.errors import Code, RpcError
from flamehouse.model.call_tree import NO_NODE, OTHER, ROOT, TOTAL, children_by_name
from flamehouse.model.diff_tree import DiffTree
from flamehouse.pb import querier_pb2
from flamehouse.render.flamegraph import delta_encode
from flamehouse.units import MAX_INT64

_BAR_FIELDS = 7
_OFFSETS = (0, 3)
_SELVES = (2, 5)
"""The position of each side's numbers in a bar."""


def flamegraph_diff_of(tree: DiffTree) -> querier_pb2.FlameGraphDiff:
    """Lay the tree out under a root called `total`, children in the byte order of their names.

    The cut part of a node becomes its last child, a leaf called `other`, even if there is a frame of that name.
    Raises RpcError(OUT_OF_RANGE) if both sides together exceed 64 bits.
    """
    total = tree.left_total + tree.right_total
    if total > MAX_INT64:
        raise RpcError(Code.OUT_OF_RANGE, "both sides add up to more than 64 bits; request shorter ranges")
    names, levels = _bars(tree)
    for level in levels:
        for offset in _OFFSETS:
            delta_encode(level, offset, _BAR_FIELDS)
    return querier_pb2.FlameGraphDiff(
        names=names,
        levels=[querier_pb2.Level(values=level) for level in levels],
        total=total,
        max_self=max(max(level[self_::_BAR_FIELDS]) for level in levels for self_ in _SELVES),
        leftTicks=tree.left_total,
        rightTicks=tree.right_total,
    )


def _bars(tree: DiffTree) -> tuple[list[str], list[list[int]]]:
    """Return the names, and each level's bars from left to right, with offsets counted from the graph's left edge."""
    names = tree.names
    columns = (tree.left_totals, tree.left_selves, tree.right_totals, tree.right_selves, tree.ids)
    rows = [*zip(*columns, strict=True)]
    children = children_by_name(tree.parents, names)
    name_indexes = {TOTAL: 0}
    levels: list[list[int]] = []
    pending = [(0, TOTAL, 0, 0, (tree.left_total, 0, tree.right_total, 0, ROOT))]
    for depth, name, left_start, right_start, node in drained(pending):
        left_total, left_self, right_total, right_self, id_ = node
        if depth == len(levels):
            levels.append([])
        # The walk visits a level's bars from right to left: they are appended in reverse, and reversed at the end.
        levels[depth] += (
            name_indexes.setdefault(name, len(name_indexes)),
            *(right_self, right_total, right_start),
            *(left_self, left_total, left_start),
        )
        left, left_end = left_start + left_self, left_start + left_total
        right, right_end = right_start + right_self, right_start + right_total
        for row in children.get(id_, ()):
            pending.append((depth + 1, names[row], left, right, rows[row]))
            left += rows[row][0]
            right += rows[row][2]
        if left < left_end or right < right_end:
            left_cut, right_cut = left_end - left, right_end - right
            other = (left_cut, left_cut, right_cut, right_cut, NO_NODE)
            pending.append((depth + 1, OTHER, left, right, other))
    for level in levels:
        level.reverse()
    return list(name_indexes), levels
