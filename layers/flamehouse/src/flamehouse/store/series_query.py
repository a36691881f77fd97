"""SelectSeries: totals of profiles over time, read from the table `profiles` alone."""

from flamehouse.store.client import ClickHouse, ServerSettings
from flamehouse.store.model import SeriesQuery, SeriesResult
from flamehouse.store.selection import clamp_ms, select_series
from flamehouse.timerange import TimeRange

# Few subqueries: most of what an hour's series take is the analysis of their SQL.
_SERIES = """
SELECT labels, (arraySort(groupArray((timestamp, value))) AS points).1 AS timestamps, points.2 AS values
FROM
(
    SELECT
        {labels} AS labels,
        {{first:Int64}}
            + {{step:Int64}} * intDiv(toUnixTimestamp64Milli(time) - {{first:Int64}} + {{step:Int64}} - 1, {{step:Int64}})
            AS timestamp,
        toFloat64({aggregate}(toInt128(total))) AS value
    FROM profiles
    {join}
    WHERE {rows}
        AND time >= fromUnixTimestamp64Milli({{from:Int64}}, 'UTC')
        AND time < fromUnixTimestamp64Milli({{until:Int64}}, 'UTC')
    GROUP BY labels, timestamp
)
GROUP BY labels
ORDER BY sum(value) DESC, labels
{limit}
"""

_GROUPED = {
    "labels": "present",
    "join": """ANY LEFT JOIN
    (
        SELECT
            fingerprint AS of_series,
            arrayFilter(
                label -> label.2 != '', arrayMap(name -> (name, labels[name]), {group_by:Array(String)})
            ) AS present
        FROM series
        WHERE tenant = {tenant:String} AND profile_type = {profile_type:String}
            AND day BETWEEN toDate({first_day:Int32}) AND toDate({last_day:Int32})
    ) AS groups ON fingerprint = of_series""",
}
_UNGROUPED = {"labels": "CAST([], 'Array(Tuple(String, String))')", "join": ""}


def select_series_points(
    clickhouse: ClickHouse, tenant: str, query: SeriesQuery, settings: ServerSettings
) -> list[SeriesResult]:
    """The series by descending sum of their points, then by labels."""
    first, step = query.within.start_ms, query.step_ms
    last = first + (query.within.end_ms - first) // step * step
    buckets = TimeRange(start_ms=first - step + 1, end_ms=last)
    selection = select_series(tenant, query.profile_type, query.matchers, buckets)
    parameters = {
        **selection.parameters,
        "first": first,
        "step": step,
        "from": clamp_ms(buckets.start_ms),
        "until": clamp_ms(buckets.end_ms + 1),
        "group_by": list(query.group_by),
        "limit": query.limit,
    }
    sql = _SERIES.format(
        rows=selection.rows,
        aggregate="avg" if query.average else "sum",
        limit="LIMIT {limit:UInt64}" if query.limit else "",
        **(_GROUPED if query.group_by else _UNGROUPED),
    )
    return [
        SeriesResult(labels=tuple(labels), points=list(zip(timestamps, values, strict=True)))
        for labels, timestamps, values in clickhouse.rows(sql, parameters, settings)
    ]
