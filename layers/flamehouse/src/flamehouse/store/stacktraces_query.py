"""SelectMergeStacktraces: the call tree of the selected samples, cut to its largest nodes."""

from flamehouse.flamegraph import NO_TREE, CutTree
from flamehouse.store.client import ClickHouse, ServerSettings
from flamehouse.store.model import StacktraceQuery
from flamehouse.store.names import FunctionNames
from flamehouse.store.stack_values import select_stack_values
from flamehouse.store.tree_sql import READING, take_root, tree_sql


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
    sql = tree_sql(values.sql, values.stacktraces, {"value": "value"})
    # The root is a node too, and not counted.
    parameters = {**values.parameters, "max_rows": query.max_nodes + 1}
    columns = clickhouse.columns(sql, parameters, {**settings, **READING})
    if not columns:
        return NO_TREE
    [total], (ids, parents, name_ids, totals, selves) = take_root(columns)
    names = names_of.of(name_ids, values.selection, settings)
    return CutTree(ids=ids, parents=parents, names=names, totals=totals, selves=selves, total=total)
