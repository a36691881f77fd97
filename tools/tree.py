"""A flame graph as a tree of frames, and the tree as text.

The graph's levels are flamebearer's: a level is a flat list of bars, each (offset, total, self, name index), the offset
counted from the end of the bar to its left. A bar lies under the frame that called it.
"""

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import batched, pairwise

from flamehouse.pb.querier_pb2 import FlameGraph

_NS_PER_S = 1e9
_NO_TOTAL = 1
"""What shares are counted of where there is nothing: every one of them is 0 then."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """A function on the way from the root: what it and its callees took, and what it took itself."""

    name: str
    total: int
    self_value: int
    callees: list["Frame"] = field(default_factory=list)


def tree_of(flamegraph: FlameGraph) -> Frame:
    """The root of the graph, with all that it called."""
    levels = [_bars(level.values, flamegraph.names) for level in flamegraph.levels]
    for callers, bars in pairwise(levels):
        starts = [start for start, _ in callers]
        for start, frame in bars:
            callers[bisect_right(starts, start) - 1][1].callees.append(frame)
    return levels[0][0][1]


def every_frame(root: Frame) -> Iterator[Frame]:
    """The root and all below it."""
    yield root
    for callee in root.callees:
        yield from every_frame(callee)


def text_of(root: Frame, *, least_share: float) -> Iterator[str]:
    """The tree in lines, values in nanoseconds shown as seconds; leaves out frames below `least_share` of the root."""
    yield f"{'total':>9}  {'share':>7}  {'self':>9}"
    whole = root.total or _NO_TOTAL
    for branches, frame in _drawn(root, "", "", least=least_share * whole):
        share = f"{frame.total / whole:.1%}"
        yield f"{_seconds(frame.total):>9}  {share:>7}  {_seconds(frame.self_value):>9}  {branches}{frame.name}"


def _bars(values: Sequence[int], names: Sequence[str]) -> list[tuple[int, Frame]]:
    """A level's frames with where they start, from left to right."""
    bars = []
    end = 0
    for offset, total, self_value, name in batched(values, 4, strict=True):
        start = end + offset
        end = start + total
        bars.append((start, Frame(name=names[name], total=total, self_value=self_value)))
    return bars


def _drawn(frame: Frame, branch: str, below: str, *, least: float) -> Iterator[tuple[str, Frame]]:
    """The frame and its callees, the largest first, each with the branches that lead to it."""
    yield branch, frame
    shown = sorted(
        (callee for callee in frame.callees if callee.total >= least), key=lambda callee: -callee.total
    )
    for number, callee in enumerate(shown, 1):
        last = number == len(shown)
        yield from _drawn(
            callee, below + ("└─ " if last else "├─ "), below + ("   " if last else "│  "), least=least
        )


def _seconds(nanoseconds: int) -> str:
    return f"{nanoseconds / _NS_PER_S:.2f} s"
