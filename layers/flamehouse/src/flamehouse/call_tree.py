"""Call trees as bytes: Pyroscope's format TREE, which profilecli and its own servers read.

A node is its name with the length in front, its self value and the number of its children, the numbers in LEB128.
Nodes come in the order of a walk from a nameless root that takes the last child first.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from flamehouse.flamegraph import NO_NODE, OTHER, ROOT, CutTree, children_by_name
from flamehouse.varint import length_prefixed, uvarint


class _Node(NamedTuple):
    id: int
    name: str
    total: int
    self_: int


def tree_bytes(tree: CutTree) -> bytes:
    """The tree with its children in the byte order of their names; nothing for a tree without nodes.

    What was cut from a node is in the self value of its child `other`: of one that is a frame of its own, which keeps its
    children, or of a leaf that is made at its sorted place.
    """
    if not tree.total:
        return b""
    rows = children_by_name(tree.parents, tree.names)
    written: list[bytes] = []
    pending = [_Node(ROOT, "", tree.total, 0)]
    while pending:
        node = pending.pop()
        children = _children(tree, rows, node)
        written += (length_prefixed(node.name), uvarint(node.self_), uvarint(len(children)))
        pending += children
    return b"".join(written)


def _children(tree: CutTree, rows: Mapping[int, Sequence[int]], node: _Node) -> list[_Node]:
    children = [
        _Node(tree.ids[row], tree.names[row], tree.totals[row], tree.selves[row])
        for row in rows.get(node.id, ())
    ]
    cut = node.total - node.self_ - sum(child.total for child in children)
    if cut:
        own = next((child for child in children if child.name == OTHER), _Node(NO_NODE, OTHER, 0, 0))
        others = [child for child in children if child.name != OTHER]
        grown = _Node(own.id, OTHER, own.total + cut, own.self_ + cut)
        children = sorted([*others, grown], key=lambda child: child.name)
    return children
