"""The call tree of some stacks as SQL: built and cut by ClickHouse, which hands out the nodes that are kept.

A node of the tree is a path from the root, which has id 0. A path's id is the sum of one number for each (name, depth)
on the way, so that all ids of a stack are one running sum: a hash in the upper 52 bits, and below it a 1, which adds up
to the depth. From a node's id and name its parent's id follows.

The cut is Pyroscope's: every node stays whose total is at least that of the n-th largest. The root has the greatest
total of all, so it is always kept.
"""

from collections.abc import Mapping, Sequence
from string import Template

from flamehouse.errors import Code, RpcError
from flamehouse.model.call_tree import ROOT
from flamehouse.store.connection.client import ServerSettings

# Few subqueries: of what a flame graph of one service takes, half is the analysis of its SQL.
_TREE = Template("""
SELECT
    path,
    toUInt64(path - (bitShiftLeft(cityHash64(name_id, toUInt32(path % 4096)), 12) + 1)) AS parent,
    name_id,
    $sums
FROM
(
    SELECT
        path,
        any(frame) AS name_id,
        $summed
    FROM
    (
        SELECT
            $measures,
            CAST(functions, 'Array(UInt64)') AS frames,
            length(frames) AS height,
            arrayCumSum(
                arrayMap((frame, depth) -> bitShiftLeft(cityHash64(frame, depth), 12) + 1, frames, arrayEnumerate(frames))
            ) AS paths
        FROM stacktraces
        ANY INNER JOIN
        ($stacks
        ) AS values_of_stacks ON id = stack
        WHERE $stacktraces AND notEmpty(functions)
    )
    ARRAY JOIN arrayPushFront(paths, 0) AS path, arrayPushFront(frames, 0) AS frame
    GROUP BY path
    ORDER BY $largest DESC
    LIMIT {max_rows:UInt64} WITH TIES
)
""")

READING: ServerSettings = {
    # A stack is some hundred bytes wide, and a few thousand of them are work for several threads.
    "merge_tree_min_rows_for_concurrent_read": 2048,
    # The paths of 8,192 stacks are some megabytes: more of them at a time leave the processor's caches.
    "max_block_size": 8192,
    # The tables that are joined are small; dividing them among threads first costs more than it saves.
    "join_algorithm": "hash",
}
"""The settings to ask it with."""


_MAX_TOTAL = (1 << 63) - 1
_NODE_COLUMNS = 3
_COLUMNS_PER_MEASURE = 3
"""Total, self value, and the total in 128 bits."""
_BEYOND = f"toInt128('{_MAX_TOTAL + 1}')"


def tree_sql(stacks: str, stacktraces: str, measures: Mapping[str, str]) -> str:
    """The SQL of the cut tree: a row (path, parent, name_id, total and self of each measure) a node, the root among them.

    The total of each measure in 128 bits follows, of the root alone. `stacks` selects a row for each distinct stack, its id
    called `stack`; `measures` are what is summed, by name, as expressions of 128 bits on its columns, which have other names; `stacktraces` is the condition on the rows of that table. To be bound besides is
    `max_rows`: a node stays that is among so many by the greatest of its totals.
    """
    names = [f"{name}_{sum_}" for name in measures for sum_ in ("total", "self")]
    exact = [f"{name}_exact" for name in measures]
    summed = [
        f"sum({name}) AS {name}_total,\n        sum(if(path % 4096 = height, {name}, 0)) AS {name}_self"
        for name in measures
    ]
    # A sum is of 64 bits for every node: the root's alone tells whether one of them wrapped around, since no stack has less
    # than nothing. A stack with a negative sum is one that wrapped around in a roll-up.
    summed += [
        f"sumIf(if({name}_wide < 0, {_BEYOND}, {name}_wide), path = 0) AS {name}_exact" for name in measures
    ]
    totals = ", ".join(f"{name}_total" for name in measures)
    return _TREE.substitute(
        sums=",\n    ".join(names + exact),
        summed=",\n        ".join(summed),
        measures=",\n            ".join(
            f"{sql} AS {name}_wide, toInt64({name}_wide) AS {name}" for name, sql in measures.items()
        ),
        stacks=stacks,
        stacktraces=stacktraces,
        largest=f"greatest({totals})" if len(measures) > 1 else totals,
    )


def take_root(columns: Sequence[Sequence[int]]) -> tuple[list[int], list[list[int]]]:
    """The root's totals, and the columns of a tree's rows without it.

    RpcError out_of_range for a total beyond 64 bits. The root's sum may then have wrapped around and be cut.
    """
    ids = columns[0]
    measures = (len(columns) - _NODE_COLUMNS) // _COLUMNS_PER_MEASURE
    sums, exact = columns[_NODE_COLUMNS:-measures], columns[-measures:]
    root = ids.index(ROOT) if ROOT in ids else None
    if root is None or any(column[root] > _MAX_TOTAL for column in exact):
        raise beyond_64_bits()
    kept = [*columns[:_NODE_COLUMNS], *sums]
    return [column[root] for column in sums[::2]], [[*column[:root], *column[root + 1 :]] for column in kept]


def beyond_64_bits() -> RpcError:
    """The error for samples whose sum wrapped around."""
    return RpcError(
        Code.OUT_OF_RANGE,
        "the samples add up to more than 64 bits hold; ask for a shorter range or fewer series",
    )
