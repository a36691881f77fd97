"""Python's work on a large tree ends at the time limit of its query."""

from collections.abc import Callable

import pytest

from flamehouse.deadline import time_limit
from flamehouse.errors import Code, RpcError
from flamehouse.model.call_tree import CutTree
from flamehouse.model.diff_tree import DiffTree
from flamehouse.model.profile_type import ProfileType
from flamehouse.render.dot import dot_of
from flamehouse.render.flamegraph import flamegraph_of
from flamehouse.render.flamegraph_diff import flamegraph_diff_of
from flamehouse.render.tree_bytes import tree_bytes
from flamehouse.settings import Settings
from flamehouse.web.codec import JSON
from flamehouse.web.response_limits import within_budget

NODES = 10_000
IDS = range(1, NODES + 1)
NAMES = [f"f{id_}" for id_ in IDS]
# A chain of calls: each node is within the one before it.
TREE = CutTree(ids=IDS, parents=range(NODES), names=NAMES, totals=[1] * NODES, selves=[0] * NODES, total=1)
DIFF = DiffTree(
    ids=IDS,
    parents=range(NODES),
    names=NAMES,
    left_totals=[1] * NODES,
    left_selves=[0] * NODES,
    right_totals=[1] * NODES,
    right_selves=[0] * NODES,
    left_total=1,
    right_total=1,
)
TYPE = ProfileType.parse("process_cpu:cpu:nanoseconds:cpu:nanoseconds")
GRAPH = flamegraph_of(TREE)
WORK: dict[str, Callable[[], object]] = {
    "flame graph": lambda: flamegraph_of(TREE),
    "diff": lambda: flamegraph_diff_of(DIFF),
    "tree": lambda: tree_bytes(TREE),
    "dot": lambda: dot_of(TREE, TYPE, 100),
    "JSON": lambda: within_budget(JSON.pieces(GRAPH), Settings()),
}


@pytest.mark.parametrize("work", WORK.values(), ids=WORK)
def test_work_ends_at_the_time_limit(work: Callable[[], object]) -> None:
    assert work()
    with time_limit(0), pytest.raises(RpcError) as raised:
        work()
    assert raised.value.code is Code.DEADLINE_EXCEEDED
