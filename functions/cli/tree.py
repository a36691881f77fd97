"""Converts a flame graph to a tree of frames, and the tree to text.

The graph has the levels of flamebearer: a level is a flat list of bars, each (offset, total, self, name index), where
the offset is the distance from the end of the bar to its left. In a diff, a bar has the first three for each side. A
bar is below the bar of its caller.
"""

from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import batched, pairwise

from cli.units import Scale
from flamehouse.pb.querier_pb2 import FlameGraph, FlameGraphDiff

_NO_TOTAL = 1
"""The divisor for shares in an empty graph, where all shares are 0."""

type _Bar = tuple[int, "Frame"]
"""A frame and the position where it starts."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """A function on the path from the root, with its total including callees and its self value.

    In a diff, `total` and `self_value` are those of the right side.
    """

    name: str
    total: int
    self_value: int
    left_total: int = 0
    left_self: int = 0
    callees: list["Frame"] = field(default_factory=list)


def tree_of(flamegraph: FlameGraph) -> Frame:
    """Return the root of the graph, with all its callees."""
    return _joined(_bars(level.values, flamegraph.names) for level in flamegraph.levels)


def diff_tree_of(flamegraph: FlameGraphDiff) -> Frame:
    """Return the root of the diff, with all its callees on either side."""
    return _joined(_diff_bars(level.values, flamegraph.names) for level in flamegraph.levels)


def every_frame(root: Frame) -> Iterator[Frame]:
    """Yield the root and all frames below it."""
    yield root
    for callee in root.callees:
        yield from every_frame(callee)


def text_of(root: Frame, scale: Scale, *, least_share: float) -> Iterator[str]:
    """Return the tree as lines, without frames below `least_share` of the root."""
    yield f"{'total':>9}  {'share':>7}  {'self':>9}"
    whole = root.total or _NO_TOTAL
    for branches, frame in _drawn(root, lambda one: one.total, least_share * whole):
        share = f"{frame.total / whole:.1%}"
        yield f"{scale.text(frame.total):>9}  {share:>7}  {scale.text(frame.self_value):>9}  {branches}{frame.name}"


def diff_text_of(root: Frame, scale: Scale, *, least_share: float) -> Iterator[str]:
    """Return the diff as lines: both totals, and the change in the frame's share of its side."""
    yield f"{'left':>9}  {'right':>9}  {'change':>9}"
    left, right = root.left_total or _NO_TOTAL, root.total or _NO_TOTAL
    for branches, frame in _drawn(
        root, lambda one: max(one.left_total / left, one.total / right), least_share
    ):
        change = f"{(frame.total / right - frame.left_total / left) * 100:+.1f} pp"
        yield f"{scale.text(frame.left_total):>9}  {scale.text(frame.total):>9}  {change:>9}  {branches}{frame.name}"


def _joined(levels: Iterable[list[_Bar]]) -> Frame:
    """Return the root frame of the levels, with each frame below its caller."""
    all_levels = [*levels]
    if not all_levels:
        return Frame(name="total", total=0, self_value=0)
    for callers, bars in pairwise(all_levels):
        starts = [start for start, _ in callers]
        for start, frame in bars:
            callers[bisect_right(starts, start) - 1][1].callees.append(frame)
    return all_levels[0][0][1]


def _bars(values: Sequence[int], names: Sequence[str]) -> list[_Bar]:
    """Return a level's frames with their starts, from left to right."""
    bars = []
    end = 0
    for offset, total, self_value, name in batched(values, 4, strict=True):
        start = end + offset
        end = start + total
        bars.append((start, Frame(name=names[name], total=total, self_value=self_value)))
    return bars


def _diff_bars(values: Sequence[int], names: Sequence[str]) -> list[_Bar]:
    """As `_bars`. The sum of the starts on both sides orders the frames, even those that only one side has."""
    bars = []
    left_end = end = 0
    for left_offset, left_total, left_self, offset, total, self_value, name in batched(
        values, 7, strict=True
    ):
        left_start, start = left_end + left_offset, end + offset
        left_end, end = left_start + left_total, start + total
        frame = Frame(
            name=names[name], total=total, self_value=self_value, left_total=left_total, left_self=left_self
        )
        bars.append((left_start + start, frame))
    return bars


def _drawn(
    frame: Frame, size: Callable[[Frame], float], least: float, branch: str = "", below: str = ""
) -> Iterator[tuple[str, Frame]]:
    """Yield the frame and its callees of at least that size, largest first, each with the branches drawn before it."""
    yield branch, frame
    shown = sorted((callee for callee in frame.callees if size(callee) >= least), key=lambda one: -size(one))
    for number, callee in enumerate(shown, 1):
        last = number == len(shown)
        yield from _drawn(
            callee, size, least, below + ("└─ " if last else "├─ "), below + ("   " if last else "│  ")
        )
