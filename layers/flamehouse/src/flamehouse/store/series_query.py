"""SelectSeries: totals of profiles over time, read from the table `profiles` alone where no spans are asked for."""

from collections.abc import Sequence

from flamehouse.store.client import ClickHouse, ServerSettings
from flamehouse.store.exemplars import exemplar_of, read_labels
from flamehouse.store.model import Exemplar, PointKind, SeriesQuery, SeriesResult
from flamehouse.store.points import (
    EXEMPLAR,
    POINTS,
    SPANS,
    TIMESTAMP,
    TOTALS,
    WITHIN,
    grouping_of,
    parameters_of,
)
from flamehouse.store.selection import Selection, select_series
from flamehouse.timerange import TimeRange

# Few subqueries: most of what an hour's series take is the analysis of their SQL.
_SUMS = f"""
    SELECT
        {{labels}} AS labels,
        {TIMESTAMP} AS timestamp,
        toFloat64({{aggregate}}(toInt128(total))) AS value
    FROM profiles
    {{join}}
    WHERE {{rows}} AND {WITHIN}
    GROUP BY labels, timestamp"""

_SUMS_WITH_EXEMPLARS = f"""
    SELECT labels, timestamp, {{value}} AS value, {{exemplar}} AS exemplar
    FROM
    ({POINTS}
    )
    GROUP BY labels, timestamp"""

_SERIES = """
SELECT labels, (arraySort(groupArray({point})) AS points).1 AS timestamps, points.2 AS values{exemplars}
FROM
({sums}
)
GROUP BY labels
ORDER BY sum(value) DESC, labels
{limit}
"""

_TOTAL = "toFloat64(sumIf(toInt128(total), span_id = 0))"
_EXEMPLARS = {
    PointKind.PROFILE: (TOTALS, f"min({EXEMPLAR})"),
    PointKind.SPAN: (f"{TOTALS}\n            UNION ALL{SPANS}", f"minIf({EXEMPLAR}, span_id != 0)"),
}
"""The rows that points are made of, the totals being those without a span, and the exemplar of several points."""


def select_series_points(
    clickhouse: ClickHouse, tenant: str, query: SeriesQuery, settings: ServerSettings
) -> list[SeriesResult]:
    """The series by descending sum of their points, then by labels."""
    first, step = query.within.start_ms, query.step_ms
    last = first + (query.within.end_ms - first) // step * step
    buckets = TimeRange(start_ms=first - step + 1, end_ms=last)
    selection = select_series(tenant, query.profile_type, query.matchers, buckets)
    parameters = {**parameters_of(selection, buckets, first, step, query.group_by), "limit": query.limit}
    rows = clickhouse.rows(_sql(query, selection), parameters, settings)
    if query.exemplars is None:
        return [_result(*row) for row in rows]
    found = (exemplar for _, _, _, exemplars in rows for exemplar in exemplars)
    labels_of = read_labels(clickhouse, selection, found, query.group_by, settings)
    return [
        _result(labels, timestamps, values, [exemplar_of(found, labels_of) for found in exemplars])
        for labels, timestamps, values, exemplars in rows
    ]


def _result(
    labels: Sequence[tuple[str, str]],
    timestamps: Sequence[int],
    values: Sequence[float],
    exemplars: Sequence[Exemplar | None] = (),
) -> SeriesResult:
    points = list(zip(timestamps, values, strict=True))
    return SeriesResult(labels=tuple(labels), points=points, exemplars=exemplars)


def _sql(query: SeriesQuery, selection: Selection) -> str:
    grouping = grouping_of(query.group_by)
    if query.exemplars is None:
        point, exemplars = "(timestamp, value)", ""
        aggregate = "avg" if query.average else "sum"
        sums = _SUMS.format(rows=selection.rows, aggregate=aggregate, **grouping)
    else:
        point, exemplars = "(timestamp, value, exemplar)", ", points.3 AS exemplars"
        source, exemplar = _EXEMPLARS[query.exemplars]
        sums = _SUMS_WITH_EXEMPLARS.format(
            source=source.format(rows=selection.rows),
            value=f"{_TOTAL} / sumIf(parts, span_id = 0)" if query.average else _TOTAL,
            exemplar=exemplar,
            **grouping,
        )
    limit = "LIMIT {limit:UInt64}" if query.limit else ""
    return _SERIES.format(sums=sums, point=point, exemplars=exemplars, limit=limit)
