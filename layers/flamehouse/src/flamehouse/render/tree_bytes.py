"""Encodes call trees in Pyroscope's format TREE, which profilecli and Pyroscope's servers read.

A node is its length-prefixed name, its self value and the number of its children; numbers are in LEB128. Nodes are in
the order of a walk that starts at a nameless root and visits the last child first.
"""

from flamehouse.deadline import drained
from flamehouse.model.call_tree import CutTree, children_by_name
from flamehouse.render.tree_walk import children_of, root_of
from flamehouse.varint import length_prefixed, uvarint


def tree_bytes(tree: CutTree) -> bytes:
    """Return the encoded tree, with children in the byte order of their names; empty for a tree without nodes."""
    if not tree.total:
        return b""
    rows = children_by_name(tree.parents, tree.names)
    written: list[bytes] = []
    pending = [root_of(tree)]
    for node in drained(pending):
        children = children_of(node, tree, rows)
        written += (length_prefixed(node.name), uvarint(node.self_), uvarint(len(children)))
        pending += children
    return b"".join(written)
