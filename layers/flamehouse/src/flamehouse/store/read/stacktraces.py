"""SelectMergeStacktraces: the call tree of the selected samples, cut to its largest nodes."""

from flamehouse.identity.tenant import Tenants
from flamehouse.model.call_tree import NO_TREE, CutTree, StacktraceQuery
from flamehouse.store.read.call_tree import read_tree, take_root, tree_sql
from flamehouse.store.read.function_names import FunctionNames
from flamehouse.store.read.reader import Reader
from flamehouse.store.read.stack_values import select_stack_values


def select_merge_stacktraces(
    reader: Reader, names: FunctionNames, tenants: Tenants, query: StacktraceQuery
) -> CutTree:
    """The merged call tree; empty if nothing matches.

    Raises RpcError(OUT_OF_RANGE) if a total exceeds 64 bits.
    """
    values = select_stack_values(reader, tenants, query)
    sql = tree_sql(values.sql, values.stacktraces, {"side": "value"})
    # The root is a node too, but does not count towards max_nodes.
    columns = read_tree(reader, sql, values.parameters, query.max_nodes + 1)
    if not columns:
        return NO_TREE
    [total], (ids, parents, name_ids, totals, selves) = take_root(columns)
    return CutTree(
        ids=ids,
        parents=parents,
        names=names.of(name_ids, reader, values.selection),
        totals=totals,
        selves=selves,
        total=total,
    )
