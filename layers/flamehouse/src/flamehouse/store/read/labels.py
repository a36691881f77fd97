"""ProfileTypes, LabelNames, LabelValues and Series, from the rows of the table `series` for the days of a range."""

from collections.abc import Sequence
from string import Template
from typing import Any

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

_PROFILE_TYPES = Template("""
SELECT DISTINCT profile_type
FROM series
WHERE $tenants AND day BETWEEN toDate({first_day:Int32}) AND toDate({last_day:Int32})
ORDER BY profile_type
""")

_LABEL_NAMES = Template("""
SELECT DISTINCT arrayJoin(mapKeys(labels)) AS name
FROM series $join
WHERE $tenants AND day BETWEEN toDate({first_day:Int32}) AND toDate({last_day:Int32})
    AND $condition
ORDER BY name
$settings
""")

_LABEL_VALUES = Template("""
SELECT DISTINCT labels[{name:String}] AS value
FROM series $join
WHERE $tenants AND day BETWEEN toDate({first_day:Int32}) AND toDate({last_day:Int32})
    AND $condition AND value != ''
ORDER BY value
$settings
""")

# There is a row for each series and day, so DISTINCT comes first: each set is built only once.
_LABEL_SETS = Template("""
SELECT arrayFilter(label -> $wanted, CAST($labels, 'Array(Tuple(String, String))')) AS label_set
FROM
(
    SELECT DISTINCT $columns
    FROM series $join
    WHERE $tenants AND day BETWEEN toDate({first_day:Int32}) AND toDate({last_day:Int32})
        AND $condition
    $settings
)
GROUP BY label_set
HAVING notEmpty(label_set)
ORDER BY label_set
""")

_LEGACY_NAME = "match(label.1, '^[a-zA-Z_][a-zA-Z0-9_]*$')"


def profile_types(reader: Reader, tenants: Tenants, within: TimeRange) -> list[str]:
    """The ids of the profile types on the days that overlap the range, sorted."""
    rows = TenantRows.of(tenants)
    sql = _PROFILE_TYPES.substitute(tenants=rows.sql)
    return _column(reader, sql, {**rows.parameters, **days_of(within)})


def label_names(
    reader: Reader, tenants: Tenants, matchers: Sequence[Matcher], within: TimeRange
) -> list[str]:
    """The label names of the matching series on these days, including private labels, sorted."""
    return _of_series(reader, _LABEL_NAMES, tenants, matchers, within)


def label_values(
    reader: Reader, tenants: Tenants, name: str, matchers: Sequence[Matcher], within: TimeRange
) -> list[str]:
    """The non-empty values of label `name` in the matching series on these days, sorted."""
    return _of_series(reader, _LABEL_VALUES, tenants, matchers, within, {"name": name})


def label_sets(reader: Reader, tenants: Tenants, query: LabelSetsQuery) -> list[LabelSet]:
    """The distinct non-empty label sets on these days, sorted."""
    bound = {"names": list(query.names)}
    parts = _label_set(query)
    found = _of_series(reader, _LABEL_SETS, tenants, query.matchers, query.within, bound, **parts)
    return [tuple(labels) for labels in found]


def _of_series(  # the parts of one statement
    reader: Reader,
    sql: Template,
    tenants: Tenants,
    matchers: Sequence[Matcher],
    within: TimeRange,
    parameters: Parameters | None = None,
    **parts: str,
) -> list[Any]:
    """The values of a result with one column, of the matching rows of `series` on the days of the range."""
    rows, condition = TenantRows.of(tenants), series_condition(matchers)
    text = sql.substitute(
        tenants=rows.sql,
        condition=condition.sql,
        join=condition.split.join,
        settings=condition.split.settings,
        **parts,
    )
    bound = {**rows.parameters, **days_of(within), **condition.parameters, **(parameters or {})}
    return _column(reader, text, bound)


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
