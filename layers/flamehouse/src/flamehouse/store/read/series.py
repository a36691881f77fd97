"""SelectSeries: totals of profiles over time, read from the table `profiles` alone unless samples are taken apart."""

from collections.abc import Sequence
from string import Template

from flamehouse.errors import Code, RpcError, invalid_argument
from flamehouse.model.queries import (
    EVERY_SAMPLE,
    Exemplar,
    PointKind,
    SampleSelector,
    SeriesQuery,
    SeriesResult,
)
from flamehouse.model.time_range import TimeRange
from flamehouse.store.read.exemplars import ExemplarLabels, FoundExemplar, exemplar_of, read_labels
from flamehouse.store.read.matchers import Condition
from flamehouse.store.read.points import (
    EXEMPLAR,
    POINTS,
    SELECTED_TOTALS,
    SPANS,
    TIMESTAMP,
    TOTALS,
    WITHIN,
    grouping_of,
    parameters_of,
)
from flamehouse.store.read.reader import Reader
from flamehouse.store.read.selection import Selection, selection_of
from flamehouse.store.read.stack_values import sample_condition, stack_condition

# Few subqueries: most of what an hour's series take is the analysis of their SQL.
_SUMS = Template(f"""
    SELECT
        $labels AS labels,
        {TIMESTAMP} AS timestamp,
        toFloat64($aggregate(toInt128(total))) AS value
    FROM $source
    $join
    WHERE $where
    GROUP BY labels, timestamp""")

_SUMS_WITH_EXEMPLARS = Template(f"""
    SELECT labels, timestamp, $value AS value, $exemplar AS exemplar
    FROM
    ({POINTS}
    )
    GROUP BY labels, timestamp""")

_SERIES = Template("""
SELECT labels, (arraySort(groupArray($point)) AS points).1 AS timestamps, points.2 AS values$more
FROM
($sums
)
GROUP BY labels
ORDER BY sum(value) DESC, labels
$limit
""")

_SERIES_WITH_EXEMPLARS = Template("""
SELECT
    labels,
    timestamps,
    values,
    if((sum(length(exemplars)) OVER () AS exemplar_count) > {max_exemplars:UInt64}, [], exemplars) AS exemplars_if_few,
    exemplar_count
FROM
($series
)
ORDER BY series_total DESC, labels
""")

_TOTAL = "toFloat64(sumIf(toInt128(total), span_id = 0))"
"""Of several points; those of spans lie beside those of their profiles."""
_AVERAGE = f"{_TOTAL} / sumIf(parts, span_id = 0)"

_MAX_EXEMPLARS = 50_000
"""Of a whole answer: some tens of megabytes."""
_MAX_POINTS = 500_000
"""Of a whole answer: as much."""
_MAX_BYTES = 32 << 20
"""What ClickHouse hands over at most, 16 bytes a point and the labels: a point takes ten times as much here."""


def select_series(reader: Reader, tenant: str, query: SeriesQuery) -> list[SeriesResult]:
    """The series by descending sum of their points, then by labels.

    RpcError resource_exhausted for a question whose answer would have more than 500,000 points, and invalid_argument
    for one that would have exemplars for more than 50,000.
    """
    buckets = _buckets(query)
    selection = selection_of(tenant, query.profile_type, query.matchers, buckets)
    samples = _selected(selection, query.samples)
    parameters = {
        **parameters_of(selection, buckets, query.within.start_ms, query.step_ms, query.group_by),
        **samples.parameters,
        "limit": query.limit,
        "max_exemplars": _MAX_EXEMPLARS,
    }
    rows = _bounded(reader).rows(_sql(query, selection, samples.sql), parameters)
    if query.exemplars is None:
        _check_points(sum(len(timestamps) for _, timestamps, _ in rows))
        return [_result(*row) for row in rows]
    if rows:
        _check_exemplars(rows[0][-1])
    found = (exemplar for _, _, _, exemplars, _ in rows for exemplar in exemplars)
    labels_of = read_labels(reader, selection, found, query.group_by)
    return [
        _result(labels, timestamps, values, [_exemplar(found, labels_of) for found in exemplars])
        for labels, timestamps, values, exemplars, _ in rows
    ]


def _buckets(query: SeriesQuery) -> TimeRange:
    """From what counts for the first point to what counts for the last, both included.

    The range's end is not in it, unless the range is an instant: then it is what the one point is about.
    """
    first, step = query.within.start_ms, query.step_ms
    last = first + (query.within.end_ms - first) // step * step
    return TimeRange(start_ms=first - step + 1, end_ms=min(last, max(first, query.within.end_ms - 1)))


def _bounded(reader: Reader) -> Reader:
    """The reader, of an answer that is no larger than one of series has to be."""
    allowed = int(reader.settings.get("max_result_bytes", 0))
    return reader.with_settings({"max_result_bytes": min(allowed, _MAX_BYTES) if allowed else _MAX_BYTES})


def _check_points(points: int) -> None:
    if points > _MAX_POINTS:
        raise RpcError(
            Code.RESOURCE_EXHAUSTED,
            f"the series would have {points} points, and the limit is {_MAX_POINTS}:"
            " ask for a longer step, a shorter range, fewer labels to group by, or a limit of series",
        )


def _check_exemplars(exemplars: int) -> None:
    if exemplars > _MAX_EXEMPLARS:
        raise invalid_argument(
            f"the series would have {exemplars} exemplars, and the limit is {_MAX_EXEMPLARS}:"
            " ask for a longer step, fewer labels to group by, a limit of series, or no exemplars"
        )


def _exemplar(found: FoundExemplar, labels_of: ExemplarLabels) -> Exemplar | None:
    """The exemplar of a point; None for one that has no span."""
    *_, fingerprints = found
    return exemplar_of(found, labels_of) if fingerprints else None


def _result(
    labels: Sequence[tuple[str, str]],
    timestamps: Sequence[int],
    values: Sequence[float],
    exemplars: Sequence[Exemplar | None] = (),
) -> SeriesResult:
    points = list(zip(timestamps, values, strict=True))
    return SeriesResult(labels=tuple(labels), points=points, exemplars=exemplars)


def _selected(selection: Selection, samples: SampleSelector) -> Condition:
    """The condition on rows of `samples`."""
    condition, call_site = sample_condition(samples), stack_condition(samples, selection.symbols)
    if samples == EVERY_SAMPLE:
        return condition
    stacks = f"SELECT id FROM stacktraces WHERE {selection.symbols} AND {call_site.sql}"
    sql = f"{condition.sql} AND stacktrace_id IN ({stacks})"
    return Condition(sql=sql, parameters={**condition.parameters, **call_site.parameters})


def _sql(query: SeriesQuery, selection: Selection, samples: str) -> str:
    limit = "LIMIT {limit:UInt64}" if query.limit else ""
    if query.exemplars is None:
        sums = _sums(query, selection, samples)
        return _SERIES.substitute(sums=sums, point="(timestamp, value)", more="", limit=limit)
    series = _SERIES.substitute(
        sums=_sums_with_exemplars(query, selection, samples),
        point="(timestamp, value, exemplar)",
        more=", points.3 AS exemplars, sum(value) AS series_total",
        limit=limit,
    )
    return _SERIES_WITH_EXEMPLARS.substitute(series=series)


def _sums(query: SeriesQuery, selection: Selection, samples: str) -> str:
    source, where = "profiles", f"{selection.rows} AND {WITHIN}"
    if query.samples != EVERY_SAMPLE:
        source = f"({SELECTED_TOTALS.substitute(rows=selection.rows, samples=samples)}\n    ) AS taken"
        where = "true"
    return _SUMS.substitute(
        source=source,
        where=where,
        aggregate="avg" if query.average else "sum",
        **grouping_of(query.group_by),
    )


def _sums_with_exemplars(query: SeriesQuery, selection: Selection, samples: str) -> str:
    sources = [TOTALS if query.samples == EVERY_SAMPLE else SELECTED_TOTALS]
    exemplar = f"min({EXEMPLAR})"
    if query.exemplars is PointKind.SPAN:
        sources.append(SPANS)
        exemplar = f"minIf({EXEMPLAR}, span_id != 0)"
    rows = [source.substitute(rows=selection.rows, samples=samples) for source in sources]
    return _SUMS_WITH_EXEMPLARS.substitute(
        source="\n            UNION ALL".join(rows),
        value=_AVERAGE if query.average else _TOTAL,
        exemplar=exemplar,
        **grouping_of(query.group_by),
    )
