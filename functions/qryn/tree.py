"""Converts qryn's `tree` and `functions` to a pprof message, the content of its flame graphs: no files or lines."""

from collections.abc import Mapping, Sequence
from typing import Final

from flamehouse.errors import invalid_argument
from flamehouse.pb import profile_pb2
from ingest.profile.pprof import shorten
from qryn.row import Node, Row

_UNKNOWN: Final = "n/a"
_MAX_FRAMES: Final = 4_000_000
"""The limit for all stacks of a profile together: in a deep tree, few nodes yield many frames."""


def pprof_of_tree(row: Row) -> profile_pb2.Profile:
    """Return the profile, with a sample for each node with a self value.

    Raises: RpcError `invalid_argument` for nodes that are their own ancestors, and for more than 4,000,000 frames.
    """
    nodes = row.tree or ()
    names = row.functions or {}
    ids = {
        function: number for number, function in enumerate(dict.fromkeys(node.function for node in nodes), 1)
    }
    pprof = profile_pb2.Profile(string_table=["", *(shorten(names.get(id_, _UNKNOWN)) for id_ in ids)])
    for number in ids.values():
        pprof.function.add(id=number, name=number, system_name=number)
        pprof.location.add(id=number).line.add(function_id=number)
    _add_samples(pprof, nodes, ids, [f"{type_}:{unit}" for type_, unit in row.sample_types])
    return pprof


def _add_samples(
    pprof: profile_pb2.Profile, nodes: Sequence[Node], ids: Mapping[int, int], types: Sequence[str]
) -> None:
    by_id = {node.id: node for node in nodes}
    frames_left = _MAX_FRAMES
    for node in nodes:
        own = {type_: self_value for type_, self_value, _ in node.values}
        values = [own.get(type_, 0) for type_ in types]
        if not any(values):
            continue
        stack = _stack_of(node, by_id)
        frames_left -= len(stack)
        if frames_left < 0:
            raise invalid_argument(f"the stacks of the tree have more than {_MAX_FRAMES} frames")
        pprof.sample.add(location_id=[ids[function] for function in stack], value=values)


def _stack_of(node: Node, by_id: Mapping[int, Node]) -> list[int]:
    """Return the functions from the node to the root; a node with a missing parent is a root."""
    stack: list[int] = []
    at: Node | None = node
    while at is not None:
        if len(stack) > len(by_id):
            raise invalid_argument(f"node {node.id} of the tree is its own ancestor")
        stack.append(at.function)
        at = by_id.get(at.parent) if at.parent else None
    return stack
