"""Call trees as bytes: Pyroscope's format TREE, which profilecli and its own servers read.

A node is its name with the length in front, its self value and the number of its children, the numbers in LEB128.
Nodes come in the order of a walk from a nameless root that takes the last child first.
"""

from flamehouse.model.call_tree import CutTree, children_by_name
from flamehouse.render.tree_walk import children_of, root_of
from flamehouse.varint import length_prefixed, uvarint


def tree_bytes(tree: CutTree) -> bytes:
    """The tree with its children in the byte order of their names; nothing for a tree without nodes."""
    if not tree.total:
        return b""
    rows = children_by_name(tree.parents, tree.names)
    written: list[bytes] = []
    pending = [root_of(tree)]
    while pending:
        node = pending.pop()
        children = children_of(node, tree, rows)
        written += (length_prefixed(node.name), uvarint(node.self_), uvarint(len(children)))
        pending += children
    return b"".join(written)
