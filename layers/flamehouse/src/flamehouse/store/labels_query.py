"""ProfileTypes, LabelNames and LabelValues: what the table `series` knows of the days a range touches."""

from collections.abc import Sequence

from flamehouse.selector import Matcher
from flamehouse.store.client import ClickHouse, ServerSettings
from flamehouse.store.matching import series_condition
from flamehouse.store.selection import days_of
from flamehouse.timerange import TimeRange

_PROFILE_TYPES = """
SELECT DISTINCT profile_type
FROM series
WHERE tenant = {tenant:String} AND day BETWEEN toDate({first_day:Int32}) AND toDate({last_day:Int32})
ORDER BY profile_type
"""

_LABEL_NAMES = """
SELECT DISTINCT arrayJoin(mapKeys(labels)) AS name
FROM series
WHERE tenant = {{tenant:String}} AND day BETWEEN toDate({{first_day:Int32}}) AND toDate({{last_day:Int32}})
    AND {condition}
ORDER BY name
"""

_LABEL_VALUES = """
SELECT DISTINCT labels[{{name:String}}] AS value
FROM series
WHERE tenant = {{tenant:String}} AND day BETWEEN toDate({{first_day:Int32}}) AND toDate({{last_day:Int32}})
    AND {condition} AND value != ''
ORDER BY value
"""


def profile_types(
    clickhouse: ClickHouse, tenant: str, within: TimeRange, settings: ServerSettings
) -> list[str]:
    """The ids of the profile types, sorted."""
    rows = clickhouse.rows(_PROFILE_TYPES, {"tenant": tenant, **days_of(within)}, settings)
    return [id_ for (id_,) in rows]


def label_names(
    clickhouse: ClickHouse,
    tenant: str,
    matchers: Sequence[Matcher],
    within: TimeRange,
    settings: ServerSettings,
) -> list[str]:
    """The names of the labels of the matching series, private ones included, sorted."""
    condition = series_condition(matchers)
    parameters = {"tenant": tenant, **days_of(within), **condition.parameters}
    return [
        name
        for (name,) in clickhouse.rows(_LABEL_NAMES.format(condition=condition.sql), parameters, settings)
    ]


def label_values(
    clickhouse: ClickHouse,
    tenant: str,
    name: str,
    matchers: Sequence[Matcher],
    within: TimeRange,
    settings: ServerSettings,
) -> list[str]:
    """The values of label `name` among the matching series, sorted; a series without the label adds none."""
    condition = series_condition(matchers)
    parameters = {"tenant": tenant, "name": name, **days_of(within), **condition.parameters}
    return [
        value
        for (value,) in clickhouse.rows(_LABEL_VALUES.format(condition=condition.sql), parameters, settings)
    ]
