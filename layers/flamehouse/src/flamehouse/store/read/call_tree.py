"""Builds and cuts the call tree in SQL; ClickHouse returns only the nodes that remain.

A node of the tree is a path from the root; the root's id is 0. The id of a path is the sum of one number for each
(name, depth) on it, so one running sum yields all ids of a stack. That number is a hash in the upper 52 bits and a 1
below it, so the lower bits add up to the depth. The id and name of a node determine the id of its parent.

The cut is Pyroscope's: a node remains if its total is at least that of the n-th largest node. The root has the largest
total, so it always remains. If too many nodes tie at the cut, those beyond a bound are dropped.
"""

from collections.abc import Mapping, Sequence
from typing import Final

from flamehouse.errors import Code, RpcError
from flamehouse.model.call_tree import ROOT
from flamehouse.store.connection.client import Parameters, ServerSettings
from flamehouse.store.read.reader import Reader
from flamehouse.store.sql import SqlFile
from flamehouse.units import MAX_INT64

_SQL: Final = SqlFile(__file__)

READING: ServerSettings = {
    # A stack has a few hundred bytes, so a few thousand stacks are enough work for several threads.
    "merge_tree_min_rows_for_concurrent_read": 2048,
    # The paths of 8,192 stacks take a few megabytes: larger blocks exceed the CPU caches.
    "max_block_size": 8192,
    # The joined tables are small: partitioning them among threads costs more than it saves.
    "join_algorithm": "hash",
}
"""The settings for this query."""

_MAX_TIES = 65_536
"""The bound on nodes beyond `max_nodes`: a million nodes of equal total take seconds and a few hundred megabytes."""
_NODE_COLUMNS = 3
_COLUMNS_PER_MEASURE = 3
"""Total, self value, and whether the total exceeds 64 bits."""
_LIMITS: Final = {"max_int64": str(MAX_INT64), "beyond": str(MAX_INT64 + 1)}


def tree_sql(stacks: str, stacktraces: str, measures: Mapping[str, str]) -> str:
    """The SQL of the cut tree: one row (path, parent, name_id, total and self of each measure) for each node and the root.

    One more column for each measure is true if the root's total exceeds 64 bits.

    `stacks` selects one row for each distinct stack, with its id as `stack`. `measures` maps names to the 128-bit
    expressions to sum; the names must differ from the columns of `stacks`. `stacktraces` is the condition on rows of
    that table. With several measures, the cut uses the greatest total of each node. `read_tree` runs the SQL.
    """
    sums = [_SQL("sums", name=name) for name in measures]
    sums += [_SQL("exceeds", name=name, **_LIMITS) for name in measures]
    totals = ", ".join(f"{name}_total" for name in measures)
    return _SQL(
        "tree",
        sums=",\n    ".join(sums),
        measures=",\n        ".join(_SQL("measure", name=name, value=sql) for name, sql in measures.items()),
        stacks=stacks,
        stacktraces=stacktraces,
        largest=f"greatest({totals})" if len(measures) > 1 else totals,
    )


def read_tree(reader: Reader, sql: str, parameters: Parameters, max_rows: int) -> Sequence[Sequence[int]]:
    """The columns of `tree_sql`, cut to the nodes with the `max_rows` largest totals and those that tie with the last."""
    settings = {**READING, "limit": max_rows + _MAX_TIES}
    return reader.with_settings(settings).columns(sql, {**parameters, "max_rows": max_rows})


def take_root(columns: Sequence[Sequence[int]]) -> tuple[list[int], list[list[int]]]:
    """The totals of the root, and the columns of the tree's rows without the root.

    Raises RpcError(OUT_OF_RANGE) if a total exceeds 64 bits. The root's sum may then have wrapped around,
    and the cut may have removed the root.
    """
    ids = columns[0]
    measures = (len(columns) - _NODE_COLUMNS) // _COLUMNS_PER_MEASURE
    sums, exceeds = columns[_NODE_COLUMNS:-measures], columns[-measures:]
    root = ids.index(ROOT) if ROOT in ids else None
    if root is None or any(column[root] for column in exceeds):
        raise beyond_64_bits()
    kept = [*columns[:_NODE_COLUMNS], *sums]
    return [column[root] for column in sums[::2]], [[*column[:root], *column[root + 1 :]] for column in kept]


def beyond_64_bits() -> RpcError:
    """The error for samples whose sum exceeds 64 bits."""
    return RpcError(
        Code.OUT_OF_RANGE,
        "the samples add up to more than 64 bits; request a shorter range or fewer series",
    )
