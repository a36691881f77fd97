"""Lays out cut call trees as flame graphs: the levels that Grafana draws.

The layout is flamebearer's, as Grafana's Pyroscope datasource reads it: a level is a flat list of bars, each
(offset, total, self, name index), with the offset counted from the end of the bar to its left.
"""

from itertools import chain
from operator import add, sub

from flamehouse.deadline import drained
from flamehouse.model.call_tree import NO_NODE, OTHER, ROOT, TOTAL, CutTree, children_by_name
from flamehouse.pb import querier_pb2

_BAR_FIELDS = 4
_SELF_FIELD = 2


def flamegraph_of(tree: CutTree) -> querier_pb2.FlameGraph:
    """Lay the tree out under a root called `total`, children in the byte order of their names.

    The cut part of a node becomes its last child, a leaf called `other`. A frame of that name is merged into the
    leaf, with all its callees. `names` are in the order of a walk that visits the last child first.
    """
    names, levels = _bars(tree)
    for level in levels:
        delta_encode(level, 0, _BAR_FIELDS)
    return querier_pb2.FlameGraph(
        names=names,
        levels=[querier_pb2.Level(values=level) for level in levels],
        total=tree.total,
        max_self=max(max(level[_SELF_FIELD::_BAR_FIELDS]) for level in levels),
    )


def _bars(tree: CutTree) -> tuple[list[str], list[list[int]]]:
    """Return the names, and each level's bars from left to right, with offsets counted from the graph's left edge."""
    ids, names, totals, selves = tree.ids, tree.names, tree.totals, tree.selves
    children = children_by_name(tree.parents, names)
    name_indexes = {TOTAL: 0}
    levels: list[list[int]] = []
    pending = [(0, 0, tree.total, 0, TOTAL, ROOT)]
    for depth, left, total, self_, name, node in drained(pending):
        if depth == len(levels):
            levels.append([])
        # The walk visits a level's bars from right to left: they are appended in reverse, and reversed at the end.
        levels[depth] += (name_indexes.setdefault(name, len(name_indexes)), self_, total, left)
        if self_ == total:
            continue
        offset, end = left + self_, left + total
        for row in children.get(node, ()):
            if names[row] != OTHER:
                pending.append((depth + 1, offset, totals[row], selves[row], names[row], ids[row]))
                offset += totals[row]
        if offset < end:
            pending.append((depth + 1, offset, end - offset, end - offset, OTHER, NO_NODE))
    for level in levels:
        level.reverse()
    return list(name_indexes), levels


def delta_encode(level: list[int], first: int, width: int) -> None:
    """Make each bar's offset relative to the end of the previous bar.

    A bar has `width` numbers; the one at `first` is its offset, and the next one its total.
    """
    offsets, totals = level[first::width], level[first + 1 :: width]
    level[first::width] = map(sub, offsets, chain((0,), map(add, offsets, totals)))
