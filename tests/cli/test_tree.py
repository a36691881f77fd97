"""Flame graphs as trees, and trees as text."""

import pytest

from cli.tree import Frame, text_of, tree_of
from cli.units import scale_of
from flamehouse.model.call_tree import CutTree
from flamehouse.pb.querier_pb2 import FlameGraph
from flamehouse.render.flamegraph import flamegraph_of

S = 1_000_000_000
SECONDS = scale_of("nanoseconds", 10 * S)

TREE = CutTree(
    ids=(1, 2, 3, 4, 5),
    parents=(0, 1, 1, 0, 4),
    names=("main", "parse", "render", "worker", "parse"),
    totals=(6 * S, 2 * S, 3 * S, 4 * S, S),
    selves=(S, 2 * S, 3 * S, 2 * S, S),
    total=10 * S,
)
"""1 s of worker's 4 s is cut."""

EMPTY = CutTree(ids=(), parents=(), names=(), totals=(), selves=(), total=0)


@pytest.fixture
def graph() -> FlameGraph:
    return flamegraph_of(TREE)


def shape(frame: Frame) -> tuple[object, ...]:
    return (
        frame.name,
        frame.total // S,
        frame.self_value // S,
        *(shape(callee) for callee in frame.callees),
    )


def test_a_frame_is_below_its_caller(graph: FlameGraph) -> None:
    assert shape(tree_of(graph)) == (
        "total",
        10,
        0,
        ("main", 6, 1, ("parse", 2, 2), ("render", 3, 3)),
        ("worker", 4, 2, ("parse", 1, 1), ("other", 1, 1)),
    )


def test_the_text_lists_the_largest_frames_first_and_omits_small_ones(graph: FlameGraph) -> None:
    assert [*text_of(tree_of(graph), SECONDS, least_share=0.2)] == [
        "    total    share       self",
        "  10.00 s   100.0%     0.00 s  total",
        "   6.00 s    60.0%     1.00 s  ├─ main",
        "   3.00 s    30.0%     3.00 s  │  ├─ render",
        "   2.00 s    20.0%     2.00 s  │  └─ parse",
        "   4.00 s    40.0%     2.00 s  └─ worker",
    ]


def test_an_empty_graph_is_a_root_of_value_0() -> None:
    root = tree_of(flamegraph_of(EMPTY))
    assert [*text_of(root, SECONDS, least_share=0.01)][1:] == ["   0.00 s     0.0%     0.00 s  total"]
