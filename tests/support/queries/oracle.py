"""Grafana Pyroscope's flame graph of a set of stacks, computed in plain Python from the uncut call tree.

Written from Pyroscope's responses and slow on purpose: it shares no code with the code under test.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

type Stack = tuple[Sequence[str], int]
"""Names from root to leaf, and a value; a stack without names or without a positive value does not count."""


class OracleFlameGraph(NamedTuple):
    """A flame graph, its levels' offsets delta-encoded."""

    names: list[str]
    levels: list[list[int]]
    total: int
    max_self: int


@dataclass(kw_only=True)
class Frame:
    """A node of the uncut tree."""

    name: str
    total: int = 0
    self_: int = 0
    children: dict[str, "Frame"] = field(default_factory=dict)


def oracle_flamegraph(stacks: Sequence[Stack], max_nodes: int) -> OracleFlameGraph:
    """Returns the flame graph of `stacks`, cut to the `max_nodes` largest nodes and their ties."""
    root = call_tree(stacks)
    least = least_drawn_total(root, max_nodes)
    indexes: dict[str, int] = {}
    bars: list[list[tuple[int, Frame, int]]] = []
    pending = [(root, 0, 0)]
    while pending:
        frame, left, depth = pending.pop()
        if frame.name not in indexes:
            indexes[frame.name] = len(indexes)
        if depth == len(bars):
            bars.append([])
        bars[depth].insert(0, (left, frame, indexes[frame.name]))
        left += frame.self_
        for child in drawn_children(frame, least):
            pending.append((child, left, depth + 1))
            left += child.total
    levels = [level_values(level) for level in bars]
    max_self = max(frame.self_ for level in bars for _, frame, _ in level)
    return OracleFlameGraph(list(indexes), levels, root.total, max_self)


def call_tree(stacks: Sequence[Stack]) -> Frame:
    """Returns all stacks merged by name under a root called `total`."""
    root = Frame(name="total")
    for names, value in stacks:
        if not names or value <= 0:
            continue
        frame = root
        root.total += value
        for name in names:
            frame = frame.children.setdefault(name, Frame(name=name))
            frame.total += value
        frame.self_ += value
    return root


def frames_below(root: Frame) -> Iterator[Frame]:
    """Yields every node but the root."""
    pending = list(root.children.values())
    while pending:
        frame = pending.pop()
        yield frame
        pending.extend(frame.children.values())


def least_drawn_total(root: Frame, max_nodes: int) -> int:
    """Returns the least total of a drawn node."""
    totals = sorted((frame.total for frame in frames_below(root)), reverse=True)
    return 0 if len(totals) <= max_nodes else totals[max_nodes - 1]


def drawn_children(frame: Frame, least: int) -> list[Frame]:
    """Returns the children to draw, from left to right; the last may be an `other` for the rest."""
    in_order = sorted(frame.children.values(), key=lambda child: child.name.encode())
    drawn = [child for child in in_order if child.total >= least and child.name != "other"]
    omitted = frame.total - frame.self_ - sum(child.total for child in drawn)
    return [*drawn, Frame(name="other", total=omitted, self_=omitted)] if omitted else drawn


def level_values(level: Sequence[tuple[int, Frame, int]]) -> list[int]:
    values: list[int] = []
    end = 0
    for left, frame, name_index in level:
        values += (left - end, frame.total, frame.self_, name_index)
        end = left + frame.total
    return values


class OracleTree(NamedTuple):
    """A node of a tree in the format TREE, its children by name."""

    name: str
    self_: int
    children: list["OracleTree"]


def oracle_tree(stacks: Sequence[Stack], max_nodes: int) -> OracleTree:
    """Returns the call tree of `stacks` under a nameless root, cut to the `max_nodes` largest nodes and their ties."""
    root = call_tree(stacks)
    return oracle_node(root, least_drawn_total(root, max_nodes))._replace(name="")


def oracle_node(frame: Frame, least: int) -> OracleTree:
    """Returns a frame with its callees; an `other` among them has the cut part in its self value."""
    kept = {name: child for name, child in frame.children.items() if child.total >= least}
    nodes = {name: oracle_node(child, least) for name, child in kept.items()}
    omitted = sum(child.total for name, child in frame.children.items() if name not in kept)
    if omitted:
        own = nodes.get("other", OracleTree("other", 0, []))
        nodes["other"] = own._replace(self_=own.self_ + omitted)
    in_order = sorted(nodes.values(), key=lambda node: node.name.encode())
    return OracleTree(frame.name, frame.self_, in_order)


def read_tree(data: bytes) -> OracleTree:
    """Decodes a tree in the format TREE."""
    root, rest = _read_node(data)
    assert rest == b""
    return root


def _read_node(data: bytes) -> tuple[OracleTree, bytes]:
    length, data = _read_number(data)
    name, data = data[:length].decode(), data[length:]
    self_, data = _read_number(data)
    count, data = _read_number(data)
    children: list[OracleTree] = []
    for _ in range(count):
        child, data = _read_node(data)
        children.insert(0, child)
    return OracleTree(name, self_, children), data


def _read_number(data: bytes) -> tuple[int, bytes]:
    number = 0
    for index, byte in enumerate(data):
        number |= (byte & 0x7F) << (7 * index)
        if byte < 0x80:
            return number, data[index + 1 :]
    raise AssertionError("the bytes end within a number")


class OracleDiff(NamedTuple):
    """A flame graph of two sides, the offsets of each side delta-encoded."""

    names: list[str]
    levels: list[list[int]]
    total: int
    max_self: int
    left_ticks: int
    right_ticks: int


type Pair = tuple[Frame, Frame]
"""The same frame on the left and on the right, empty on a side that does not have it."""


def oracle_diff(left: Sequence[Stack], right: Sequence[Stack], max_nodes: int) -> OracleDiff:
    """Returns the comparison of two sets of stacks, cut to the `max_nodes` largest nodes (root included) and ties."""
    root = (call_tree(left), call_tree(right))
    greatest = sorted((larger_total(pair) for pair in pairs_of(root)), reverse=True)
    least = 0 if len(greatest) <= max_nodes else greatest[max_nodes - 1]
    indexes: dict[str, int] = {}
    bars: list[list[tuple[int, int, Pair, int]]] = []
    pending = [(root, 0, 0, 0)]
    while pending:
        pair, left_at, right_at, depth = pending.pop()
        index = indexes.setdefault(pair[0].name, len(indexes))
        if depth == len(bars):
            bars.append([])
        bars[depth].insert(0, (left_at, right_at, pair, index))
        left_at, right_at = left_at + pair[0].self_, right_at + pair[1].self_
        for child in drawn_pairs(pair, least):
            pending.append((child, left_at, right_at, depth + 1))
            left_at, right_at = left_at + child[0].total, right_at + child[1].total
    shown = [frame for level in bars for _, _, pair, _ in level for frame in pair]
    levels = [pair_values(level) for level in bars]
    ticks = (root[0].total, root[1].total)
    return OracleDiff(list(indexes), levels, sum(ticks), max(frame.self_ for frame in shown), *ticks)


def larger_total(pair: Pair) -> int:
    return max(pair[0].total, pair[1].total)


def child_pairs(pair: Pair) -> list[Pair]:
    """Returns the callees of either side, by name."""
    left, right = pair[0].children, pair[1].children
    names = sorted({*left, *right}, key=str.encode)
    return [(left.get(name, Frame(name=name)), right.get(name, Frame(name=name))) for name in names]


def pairs_of(root: Pair) -> Iterator[Pair]:
    """Yields the root and every pair below it."""
    pending = [root]
    while pending:
        pair = pending.pop()
        yield pair
        pending.extend(child_pairs(pair))


def drawn_pairs(pair: Pair, least: int) -> list[Pair]:
    """Returns the children to draw; the last may be an `other` for the rest, in addition to a frame of that name."""
    children = child_pairs(pair)
    kept = [child for child in children if larger_total(child) >= least]
    cut = [child for child in children if larger_total(child) < least]
    if not cut:
        return kept
    totals = [sum(child[side].total for child in cut) for side in (0, 1)]
    left, right = (Frame(name="other", total=total, self_=total) for total in totals)
    return [*kept, (left, right)]


def pair_values(level: Sequence[tuple[int, int, Pair, int]]) -> list[int]:
    values: list[int] = []
    left_end = right_end = 0
    for left_at, right_at, (left, right), name_index in level:
        values += (left_at - left_end, left.total, left.self_)
        values += (right_at - right_end, right.total, right.self_, name_index)
        left_end, right_end = left_at + left.total, right_at + right.total
    return values
