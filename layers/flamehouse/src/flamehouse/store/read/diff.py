"""Diff: the call trees of two selections as one tree; each node has total and self values for each side.

The cut is Pyroscope's for two sides: a node remains if the greater of its totals is at least that of the max_nodes-th
largest node, counting the root.
"""

from typing import Final

from flamehouse.identity.tenant import Tenants
from flamehouse.model.call_tree import StacktraceQuery
from flamehouse.model.diff_tree import NO_DIFF, DiffTree
from flamehouse.store.read.call_tree import read_tree, take_root, tree_sql
from flamehouse.store.read.function_names import FunctionNames
from flamehouse.store.read.reader import Reader
from flamehouse.store.read.selection import either
from flamehouse.store.read.stack_values import StackValues, select_stack_values
from flamehouse.store.sql import SqlFile

_SQL: Final = SqlFile(__file__)


def diff(
    reader: Reader, names: FunctionNames, tenants: Tenants, left: StacktraceQuery, right: StacktraceQuery
) -> DiffTree:
    """Both merged call trees as one, cut to the greater `max_nodes` of the two; empty if nothing matches.

    Raises RpcError(OUT_OF_RANGE) if a total exceeds 64 bits.
    """
    left_values = select_stack_values(reader, tenants, left).prefixed("left_")
    right_values = select_stack_values(reader, tenants, right).prefixed("right_")
    parameters = {**left_values.parameters, **right_values.parameters}
    max_rows = max(left.max_nodes, right.max_nodes)
    columns = read_tree(reader, _diff_sql(left_values, right_values), parameters, max_rows)
    if not columns:
        return NO_DIFF
    (left_total, right_total), (ids, parents, name_ids, *sums) = take_root(columns)
    left_totals, left_selves, right_totals, right_selves = sums
    selection = either(left_values.selection, right_values.selection)
    return DiffTree(
        ids=ids,
        parents=parents,
        names=names.of(name_ids, reader, selection),
        left_totals=left_totals,
        left_selves=left_selves,
        right_totals=right_totals,
        right_selves=right_selves,
        left_total=left_total,
        right_total=right_total,
    )


def _diff_sql(left: StackValues, right: StackValues) -> str:
    measures = {
        "left_side": _SQL("left_side", call_site=left.call_site),
        "right_side": _SQL("right_side", call_site=right.call_site),
    }
    stacktraces = _SQL("either", left=left.stacktraces, right=right.stacktraces)
    return tree_sql(_SQL("stacks", left=left.sql, right=right.sql), stacktraces, measures)
