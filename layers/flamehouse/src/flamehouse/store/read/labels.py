"""ProfileTypes, LabelNames, LabelValues and Series, from the rows of the table `series` for the days of a range."""

from collections.abc import Sequence
from typing import Any, Final

from flamehouse.identity.tenant import Tenants
from flamehouse.model.label_sets import LabelSetsQuery
from flamehouse.model.labels import LabelSet
from flamehouse.model.selector import Matcher
from flamehouse.model.time_range import TimeRange
from flamehouse.store.connection.client import Parameters
from flamehouse.store.read.matchers import COLUMN_OF_LABEL, Condition, series_condition
from flamehouse.store.read.reader import Reader
from flamehouse.store.read.selection import days_of
from flamehouse.store.read.tenants import TenantRows
from flamehouse.store.sql import SqlFile

_SQL: Final = SqlFile(__file__)

_LEGACY_NAME = "match(label.1, '^[a-zA-Z_][a-zA-Z0-9_]*$')"
_NOT_EMPTY = "label.2 != ''"


def profile_types(reader: Reader, tenants: Tenants, within: TimeRange) -> list[str]:
    """The ids of the profile types on the days that overlap the range, sorted."""
    return sorted(_distinct(reader, "profile_type", tenants, (), within))


def label_names(
    reader: Reader, tenants: Tenants, matchers: Sequence[Matcher], within: TimeRange
) -> list[str]:
    """The label names, including private ones, of the matching series on the days that overlap the range, sorted."""
    return sorted(_distinct(reader, "arrayJoin(labels.keys)", tenants, matchers, within))


def label_values(
    reader: Reader, tenants: Tenants, name: str, matchers: Sequence[Matcher], within: TimeRange
) -> list[str]:
    """The non-empty values of label `name` in the matching series on the days that overlap the range, sorted."""
    column = COLUMN_OF_LABEL.get(name)
    if column:
        values = _distinct(reader, column, tenants, matchers, within)
    else:
        values = _distinct(reader, "labels[{name:String}]", tenants, matchers, within, {"name": name})
    return sorted(filter(None, values))


def label_sets(reader: Reader, tenants: Tenants, query: LabelSetsQuery) -> list[LabelSet]:
    """The distinct non-empty label sets on the days that overlap the range, sorted."""
    columns, labels, wanted = _label_set(query)
    distinct = _distinct_sql(columns, tenants, query.matchers, query.within)
    sql = _SQL("label_sets", distinct=distinct.sql, labels=labels, wanted=wanted)
    found = reader.rows(sql, {**distinct.parameters, "names": list(query.names)})
    return [tuple(labels) for (labels,) in found]


def _distinct(  # the parameters of one query
    reader: Reader,
    column: str,
    tenants: Tenants,
    matchers: Sequence[Matcher],
    within: TimeRange,
    parameters: Parameters | None = None,
) -> list[Any]:
    """The distinct values of a column in the matching rows of `series` for the days of the range, in any order.

    There are few values, so ClickHouse would take longer to analyze an ORDER BY than to sort them.
    """
    distinct = _distinct_sql(column, tenants, matchers, within)
    return [value for (value,) in reader.rows(distinct.sql, {**distinct.parameters, **(parameters or {})})]


def _distinct_sql(
    columns: str, tenants: Tenants, matchers: Sequence[Matcher], within: TimeRange
) -> Condition:
    """SQL of the distinct values of `columns` in the matching rows of `series` for the days of the range."""
    rows, condition = TenantRows.of(tenants), series_condition(matchers)
    sql = _SQL(
        "distinct",
        columns=columns,
        tenants=rows.sql,
        condition=condition.after_prewhere if matchers else "",
        join=condition.split.join,
        settings=condition.split.settings,
    )
    return Condition(sql=sql, parameters={**rows.parameters, **days_of(within), **condition.parameters})


def _label_set(query: LabelSetsQuery) -> tuple[str, str, str]:
    """SQL of a label set: the columns to read of `series` (few: `labels` is wide), the set, and the wanted labels."""
    if not query.names:
        labels = "arraySort(CAST(labels, 'Array(Tuple(String, String))'))"
        return "labels", labels, "true" if query.utf8_names else _LEGACY_NAME
    if COLUMN_OF_LABEL.keys() >= set(query.names):
        pairs = ", ".join(f"('{name}', {COLUMN_OF_LABEL[name]})" for name in query.names)
        columns = ", ".join(COLUMN_OF_LABEL[name] for name in query.names)
        return columns, f"[{pairs}]", _NOT_EMPTY
    columns = "arrayMap(name -> labels[name], {names:Array(String)}) AS values"
    return columns, "arrayZip({names:Array(String)}, values)", _NOT_EMPTY
