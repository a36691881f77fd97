"""Flame graphs compared with Pyroscope's: every test draws the cut tree of real stacks."""

from collections.abc import Sequence
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flamehouse.model.call_tree import CutTree
from flamehouse.pb.querier_pb2 import FlameGraph, Level
from flamehouse.render.flamegraph import flamegraph_of
from tests.support.queries.oracle import Stack, oracle_flamegraph

EVERYTHING = 1_000_000

SHAPES: dict[str, tuple[list[Stack], int, list[str], list[list[int]]]] = {
    "no data": ([], EVERYTHING, ["total"], [[0, 0, 0, 0]]),
    "names are numbered from the right": (
        [(["a", "b"], 3), (["a", "c"], 2), (["a"], 1), (["d"], 4)],
        EVERYTHING,
        ["total", "d", "a", "c", "b"],
        [[0, 10, 0, 0], [0, 6, 1, 2, 0, 4, 4, 1], [1, 3, 3, 4, 0, 2, 2, 3]],
    ),
    "the cut part is one last leaf": (
        [(["a", "b"], 3), (["a", "c"], 2), (["a"], 1), (["z"], 4), (["e"], 1), (["f", "g"], 1)],
        3,
        ["total", "other", "z", "a", "b"],
        [[0, 12, 0, 0], [0, 6, 1, 3, 0, 4, 4, 2, 0, 2, 2, 1], [1, 3, 3, 4, 0, 2, 2, 1]],
    ),
    "ties at the cut remain": (
        [(["a"], 2), (["b"], 2), (["c"], 2), (["d"], 1)],
        1,
        ["total", "other", "c", "b", "a"],
        [[0, 7, 0, 0], [0, 2, 2, 4, 0, 2, 2, 3, 0, 2, 2, 2, 0, 1, 1, 1]],
    ),
    "a frame called other is the last leaf": (
        [(["other", "x"], 5), (["z"], 1)],
        EVERYTHING,
        ["total", "other", "z"],
        [[0, 6, 0, 0], [0, 1, 1, 2, 0, 5, 5, 1]],
    ),
    "the cut part joins a frame called other": (
        [(["a", "other"], 5), (["a", "b"], 1), (["a", "c"], 4)],
        3,
        ["total", "a", "other", "c"],
        [[0, 10, 0, 0], [0, 10, 0, 1], [0, 4, 4, 3, 0, 6, 6, 2]],
    ),
    "an empty name is a name": (
        [(["", "a"], 2)],
        EVERYTHING,
        ["total", "", "a"],
        [[0, 2, 0, 0], [0, 2, 0, 1], [0, 2, 2, 2]],
    ),
    "a function called total shares the root's name": (
        [(["a", "total"], 2)],
        EVERYTHING,
        ["total", "a"],
        [[0, 2, 0, 0], [0, 2, 0, 1], [0, 2, 2, 0]],
    ),
    "siblings are in byte order": (
        [(["\U0001f600"], 1), (["\uffff"], 1), (["é"], 1), (["z"], 1), (["Z"], 1)],
        EVERYTHING,
        ["total", "\U0001f600", "\uffff", "é", "z", "Z"],
        [[0, 5, 0, 0], [0, 1, 1, 5, 0, 1, 1, 4, 0, 1, 1, 3, 0, 1, 1, 2, 0, 1, 1, 1]],
    ),
}


def cut(stacks: Sequence[Stack], max_nodes: int, random: Random | None = None) -> CutTree:
    """Returns the cut call tree of `stacks`, its rows shuffled by `random`."""
    totals: dict[tuple[str, ...], int] = {}
    selves: dict[tuple[str, ...], int] = {}
    for names, value in stacks:
        for depth in range(1, len(names) + 1):
            path = tuple(names[:depth])
            totals[path] = totals.get(path, 0) + value
        selves[tuple(names)] = selves.get(tuple(names), 0) + value
    largest = sorted(totals.values(), reverse=True)
    least = largest[max_nodes - 1] if len(largest) > max_nodes else 0
    kept = [path for path, total in totals.items() if total >= least]
    if random:
        random.shuffle(kept)
    ids = {path: number for number, path in enumerate(totals, start=1 << 63)}
    return CutTree(
        ids=[ids[path] for path in kept],
        parents=[ids.get(path[:-1], 0) for path in kept],
        names=[path[-1] for path in kept],
        totals=[totals[path] for path in kept],
        selves=[selves.get(path, 0) for path in kept],
        total=sum(value for names, value in stacks if names),
    )


def as_message(
    names: Sequence[str], levels: Sequence[Sequence[int]], total: int, max_self: int
) -> FlameGraph:
    return FlameGraph(
        names=names, levels=[Level(values=values) for values in levels], total=total, max_self=max_self
    )


def stacks_of(graph: FlameGraph) -> list[Stack]:
    """Returns the stacks of a flame graph, found as Grafana finds them: a bar's caller is the bar that encloses it."""
    found: list[Stack] = []
    below: list[tuple[int, int, list[str]]] = [(0, graph.total, [])]
    for level in graph.levels:
        bars: list[tuple[int, int, list[str]]] = []
        end = 0
        for i in range(0, len(level.values), 4):
            left, width, self_, name = level.values[i : i + 4]
            left += end
            end = left + width
            [path] = [names for start, stop, names in below if start <= left and end <= stop]
            bars.append((left, end, [*path, graph.names[name]]))
            if self_:
                found.append((bars[-1][2][1:], self_))
        below = bars
    return found


@pytest.mark.parametrize(("stacks", "max_nodes", "names", "levels"), SHAPES.values(), ids=SHAPES)
def test_a_tree_is_drawn_as_pyroscope_draws_it(
    stacks: list[Stack], max_nodes: int, names: list[str], levels: list[list[int]]
) -> None:
    graph = flamegraph_of(cut(stacks, max_nodes))
    assert list(graph.names) == names
    assert [list(level.values) for level in graph.levels] == levels
    assert graph.total == sum(value for _, value in stacks)
    assert graph == as_message(*oracle_flamegraph(stacks, max_nodes))


FRAMES = st.lists(st.sampled_from(["", "a", "b", "é", "other", "total"]), min_size=1, max_size=6)
STACKS = st.lists(st.tuples(FRAMES, st.integers(1, 4) | st.integers(1, 1 << 40)), max_size=25)


@given(STACKS, st.integers(1, 30), st.randoms(use_true_random=False))
def test_any_tree_is_drawn_as_pyroscope_draws_it(stacks: list[Stack], max_nodes: int, random: Random) -> None:
    graph = flamegraph_of(cut(stacks, max_nodes, random))
    assert graph == as_message(*oracle_flamegraph(stacks, max_nodes))


PLAIN_FRAMES = st.lists(st.sampled_from("abcd"), min_size=1, max_size=6)


@given(st.dictionaries(PLAIN_FRAMES.map(tuple), st.integers(1, 100), max_size=25))
def test_the_offsets_of_an_uncut_tree_yield_its_stacks(values: dict[tuple[str, ...], int]) -> None:
    stacks: list[Stack] = [(list(names), value) for names, value in values.items()]
    assert sorted(stacks_of(flamegraph_of(cut(stacks, EVERYTHING)))) == sorted(stacks)


def test_a_stack_may_be_a_thousand_frames_deep() -> None:
    stacks: list[Stack] = [([f"f{depth}" for depth in range(1_000)], 3), (["f0", "g"], 1)]
    graph = flamegraph_of(cut(stacks, EVERYTHING))
    assert len(graph.levels) == 1_001
    assert graph == as_message(*oracle_flamegraph(stacks, EVERYTHING))


def test_values_may_be_as_large_as_int64_allows() -> None:
    largest = (1 << 63) - 1
    graph = flamegraph_of(cut([(["a"], largest)], EVERYTHING))
    assert (graph.total, graph.max_self) == (largest, largest)
