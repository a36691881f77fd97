"""ProfileTypes, LabelNames, LabelValues and Series, from the rows of the table `series` for the days of a range."""

from collections.abc import Sequence
from typing import Any, Final

from flamehouse.identity.tenant import Tenants
from flamehouse.model.labels import LabelSet
from flamehouse.model.queries import LabelSetsQuery
from flamehouse.model.selector import Matcher
from flamehouse.model.time_range import TimeRange
from flamehouse.store.connection.client import Parameters
from flamehouse.store.read.matchers import COLUMN_OF_LABEL, series_condition
from flamehouse.store.read.reader import Reader
from flamehouse.store.read.selection import days_of
from flamehouse.store.read.tenants import TenantRows
from flamehouse.store.sql import SqlFile

_SQL: Final = SqlFile(__file__)

_LEGACY_NAME = "match(label.1, '^[a-zA-Z_][a-zA-Z0-9_]*$')"


def profile_types(reader: Reader, tenants: Tenants, within: TimeRange) -> list[str]:
    """The ids of the profile types on the days that overlap the range, sorted."""
    rows = TenantRows.of(tenants)
    sql = _SQL("profile_types", tenants=rows.sql)
    return _column(reader, sql, {**rows.parameters, **days_of(within)})


def label_names(
    reader: Reader, tenants: Tenants, matchers: Sequence[Matcher], within: TimeRange
) -> list[str]:
    """The label names of the matching series on these days, including private labels, sorted."""
    return _of_series(reader, "label_names", tenants, matchers, within)


def label_values(
    reader: Reader, tenants: Tenants, name: str, matchers: Sequence[Matcher], within: TimeRange
) -> list[str]:
    """The non-empty values of label `name` in the matching series on these days, sorted."""
    return _of_series(reader, "label_values", tenants, matchers, within, {"name": name})


def label_sets(reader: Reader, tenants: Tenants, query: LabelSetsQuery) -> list[LabelSet]:
    """The distinct non-empty label sets on these days, sorted."""
    bound = {"names": list(query.names)}
    parts = _label_set(query)
    found = _of_series(reader, "label_sets", tenants, query.matchers, query.within, bound, **parts)
    return [tuple(labels) for labels in found]


def _of_series(  # the parameters of one query
    reader: Reader,
    part: str,
    tenants: Tenants,
    matchers: Sequence[Matcher],
    within: TimeRange,
    parameters: Parameters | None = None,
    **names: str,
) -> list[Any]:
    """The values of a query with one column, on the matching rows of `series` for the days of the range."""
    rows, condition = TenantRows.of(tenants), series_condition(matchers)
    sql = _SQL(
        part,
        tenants=rows.sql,
        condition=condition.sql,
        join=condition.split.join,
        settings=condition.split.settings,
        **names,
    )
    bound = {**rows.parameters, **days_of(within), **condition.parameters, **(parameters or {})}
    return _column(reader, sql, bound)


def _column(reader: Reader, sql: str, parameters: Parameters) -> list[Any]:
    """The values of a result with one column."""
    return [value for (value,) in reader.rows(sql, parameters)]


def _label_set(query: LabelSetsQuery) -> dict[str, str]:
    """The SQL that builds a label set from as few columns of `series` as possible: `labels` is wide."""
    if not query.names:
        return {
            "columns": "labels",
            "labels": "arraySort(CAST(labels, 'Array(Tuple(String, String))'))",
            "wanted": "true" if query.utf8_names else _LEGACY_NAME,
        }
    if COLUMN_OF_LABEL.keys() >= set(query.names):
        pairs = ", ".join(f"('{name}', {COLUMN_OF_LABEL[name]})" for name in query.names)
        columns = ", ".join(COLUMN_OF_LABEL[name] for name in query.names)
        return {"columns": columns, "labels": f"[{pairs}]", "wanted": "label.2 != ''"}
    return {
        "columns": "arrayMap(name -> labels[name], {names:Array(String)}) AS values",
        "labels": "arrayZip({names:Array(String)}, values)",
        "wanted": "label.2 != ''",
    }
