"""Walks a cut call tree node by node; the cut part of a node is a child called `other`."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from flamehouse.model.call_tree import NO_NODE, OTHER, ROOT, CutTree


class Node(NamedTuple):
    """A node, with its value including all its callees (`total`) and its own value (`self_`)."""

    id: int
    name: str
    total: int
    self_: int


def root_of(tree: CutTree) -> Node:
    """Return the nameless root, whose children are the outermost frames."""
    return Node(ROOT, "", tree.total, 0)


def children_of(node: Node, tree: CutTree, rows: Mapping[int, Sequence[int]]) -> list[Node]:
    """Return the node's children, sorted by name; `rows` are the tree's `children_by_name`.

    The cut part is added to the self value of its child `other`: a real frame of that name, with its children, or a new
    leaf at its sorted place.
    """
    children = [
        Node(tree.ids[row], tree.names[row], tree.totals[row], tree.selves[row])
        for row in rows.get(node.id, ())
    ]
    cut = node.total - node.self_ - sum(child.total for child in children)
    if cut:
        own = next((child for child in children if child.name == OTHER), Node(NO_NODE, OTHER, 0, 0))
        others = [child for child in children if child.name != OTHER]
        grown = Node(own.id, OTHER, own.total + cut, own.self_ + cut)
        children = sorted([*others, grown], key=lambda child: child.name)
    return children
