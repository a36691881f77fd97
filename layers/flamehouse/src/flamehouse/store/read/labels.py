"""ProfileTypes, LabelNames, LabelValues and Series, from the rows of the table `series` for the days of a range."""

from collections.abc import Sequence
from string import Template
from typing import Any

from flamehouse.model.labels import LabelSet
from flamehouse.model.queries import LabelSetsQuery
from flamehouse.model.selector import Matcher
from flamehouse.model.time_range import TimeRange
from flamehouse.store.connection.client import Parameters
from flamehouse.store.read.matchers import COLUMN_OF_LABEL, Condition, series_condition
from flamehouse.store.read.reader import Reader
from flamehouse.store.read.selection import days_of

_PROFILE_TYPES = """
SELECT DISTINCT profile_type
FROM series
WHERE tenant = {tenant:String} AND day BETWEEN toDate({first_day:Int32}) AND toDate({last_day:Int32})
ORDER BY profile_type
"""

_LABEL_NAMES = Template("""
SELECT DISTINCT arrayJoin(mapKeys(labels)) AS name
FROM series $join
WHERE tenant = {tenant:String} AND day BETWEEN toDate({first_day:Int32}) AND toDate({last_day:Int32})
    AND $condition
ORDER BY name
$settings
""")

_LABEL_VALUES = Template("""
SELECT DISTINCT labels[{name:String}] AS value
FROM series $join
WHERE tenant = {tenant:String} AND day BETWEEN toDate({first_day:Int32}) AND toDate({last_day:Int32})
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
    WHERE tenant = {tenant:String} AND day BETWEEN toDate({first_day:Int32}) AND toDate({last_day:Int32})
        AND $condition
    $settings
)
GROUP BY label_set
HAVING notEmpty(label_set)
ORDER BY label_set
""")

_LEGACY_NAME = "match(label.1, '^[a-zA-Z_][a-zA-Z0-9_]*$')"


def profile_types(reader: Reader, tenant: str, within: TimeRange) -> list[str]:
    """The ids of the profile types on the days that overlap the range, sorted."""
    return _column(reader, _PROFILE_TYPES, {"tenant": tenant, **days_of(within)})


def label_names(reader: Reader, tenant: str, matchers: Sequence[Matcher], within: TimeRange) -> list[str]:
    """The label names of the matching series on these days, including private labels, sorted."""
    condition = series_condition(matchers)
    parameters = {"tenant": tenant, **days_of(within), **condition.parameters}
    return _column(reader, _where(_LABEL_NAMES, condition), parameters)


def label_values(
    reader: Reader, tenant: str, name: str, matchers: Sequence[Matcher], within: TimeRange
) -> list[str]:
    """The non-empty values of label `name` in the matching series on these days, sorted."""
    condition = series_condition(matchers)
    parameters = {"tenant": tenant, "name": name, **days_of(within), **condition.parameters}
    return _column(reader, _where(_LABEL_VALUES, condition), parameters)


def label_sets(reader: Reader, tenant: str, query: LabelSetsQuery) -> list[LabelSet]:
    """The distinct non-empty label sets on these days, sorted."""
    condition = series_condition(query.matchers)
    parameters = {
        "tenant": tenant,
        **days_of(query.within),
        **condition.parameters,
        "names": list(query.names),
    }
    sql = _where(_LABEL_SETS, condition, **_label_set(query))
    return [tuple(labels) for labels in _column(reader, sql, parameters)]


def _where(sql: Template, condition: Condition, **parts: str) -> str:
    """The SQL with its condition on rows of `series`."""
    split = condition.split
    return sql.substitute(condition=condition.sql, join=split.join, settings=split.settings, **parts)


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
