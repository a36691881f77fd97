"""SelectMergeStacktraces: the call tree of the selected samples, built and cut by ClickHouse.

Values are summed by stack first (stack_values.py). A node of the tree is a path from the root, which has id 0. A path's
id is the sum of one number for each (name, depth) on the way, so that all ids of a stack are one running sum: a hash in
the upper 52 bits, and below it a 1, which adds up to the depth. From a node's id and name its parent's id follows.

The cut is Pyroscope's: every node stays whose total is at least that of the max_nodes-th largest. The root has the
greatest total of all, so it is always kept.
"""

from collections.abc import Sequence

from flamehouse.errors import Code, RpcError
from flamehouse.flamegraph import NO_TREE, CutTree
from flamehouse.store.client import ClickHouse, ServerSettings
from flamehouse.store.model import StacktraceQuery
from flamehouse.store.names import FunctionNames
from flamehouse.store.stack_values import select_stack_values

_ROOT = 0

# Few subqueries: of what a flame graph of one service takes, half is the analysis of its SQL.
_TREE = """
SELECT
    path,
    toUInt64(path - (bitShiftLeft(cityHash64(name_id, toUInt32(path % 4096)), 12) + 1)) AS parent,
    name_id,
    total,
    self
FROM
(
    SELECT
        path,
        any(frame) AS name_id,
        sum(value) AS total,
        sum(if(path % 4096 = height, value, 0)) AS self
    FROM
    (
        SELECT
            value,
            CAST(functions, 'Array(UInt64)') AS frames,
            length(frames) AS height,
            arrayCumSum(
                arrayMap((frame, depth) -> bitShiftLeft(cityHash64(frame, depth), 12) + 1, frames, arrayEnumerate(frames))
            ) AS paths
        FROM stacktraces
        ANY INNER JOIN
        ({values}
        ) AS values_of_stacks ON id = stack
        WHERE {stacktraces} AND notEmpty(functions)
    )
    ARRAY JOIN arrayPushFront(paths, 0) AS path, arrayPushFront(frames, 0) AS frame
    GROUP BY path
    ORDER BY total DESC
    LIMIT {{max_rows:UInt64}} WITH TIES
)
"""

_READING: ServerSettings = {
    # A stack is some hundred bytes wide, and a few thousand of them are work for several threads.
    "merge_tree_min_rows_for_concurrent_read": 2048,
    # The paths of 8,192 stacks are some megabytes: more of them at a time leave the processor's caches.
    "max_block_size": 8192,
    # The tables that are joined are small; dividing them among threads first costs more than it saves.
    "join_algorithm": "hash",
}


def select_merge_stacktraces(
    clickhouse: ClickHouse,
    names_of: FunctionNames,
    tenant: str,
    query: StacktraceQuery,
    settings: ServerSettings,
) -> CutTree:
    """Ask for the merged tree; one that has no node where nothing matches.

    RpcError out_of_range where the total is seen to be beyond 64 bits.
    """
    values = select_stack_values(tenant, query.profile_type, query.matchers, query.within, query.samples)
    sql = _TREE.format(values=values.sql, stacktraces=values.stacktraces)
    parameters = {**values.parameters, "max_rows": query.max_nodes + 1}
    rows = clickhouse.columns(sql, parameters, {**settings, **_READING})
    if not rows:
        return NO_TREE
    root = _root_of(rows[0], rows[3])
    total = rows[3][root]
    ids, parents, name_ids, totals, selves = ([*column[:root], *column[root + 1 :]] for column in rows)
    names = names_of.of(name_ids, values.selection, settings)
    return CutTree(ids=ids, parents=parents, names=names, totals=totals, selves=selves, total=total)


def _root_of(ids: Sequence[int], totals: Sequence[int]) -> int:
    """The row of the root. Sums wrap around at 64 bits: then it has not the greatest total, and may itself be cut."""
    if _ROOT in ids and totals[root := ids.index(_ROOT)] >= max(0, *totals):
        return root
    raise RpcError(
        Code.OUT_OF_RANGE,
        "the samples add up to more than 64 bits hold; ask for a shorter range or fewer series",
    )
