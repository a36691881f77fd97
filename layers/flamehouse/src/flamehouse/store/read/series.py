"""SelectSeries: totals of profiles over time. Samples are read only if the query selects some of them."""

from collections.abc import Sequence
from itertools import repeat
from typing import Final

from flamehouse.deadline import in_time
from flamehouse.errors import Code, RpcError, invalid_argument
from flamehouse.identity.tenant import Tenants
from flamehouse.model.exemplar import Exemplar, PointKind
from flamehouse.model.labels import LabelSet
from flamehouse.model.sample_selector import EVERY_SAMPLE
from flamehouse.model.series import SeriesQuery, SeriesResult
from flamehouse.model.time_range import TimeRange
from flamehouse.store.connection.client import Parameters
from flamehouse.store.read.exemplars import ExemplarLabels, FoundExemplar, exemplar_of, read_labels
from flamehouse.store.read.matchers import COLUMN_OF_LABEL, Condition
from flamehouse.store.read.points import (
    exemplar_sql,
    grouping_of,
    grouping_of_profiles,
    parameters_of,
    points_sql,
    source_of,
    timestamp_sql,
    within_sql,
)
from flamehouse.store.read.reader import Reader
from flamehouse.store.read.selection import Selection, selection_of
from flamehouse.store.sql import SqlFile

_SQL: Final = SqlFile(__file__)

_MAX_EXEMPLARS = 50_000
"""The limit for a response: a few tens of megabytes."""
_MAX_POINTS = 500_000
"""The limit for a response: also a few tens of megabytes."""
_MAX_BYTES = 32 << 20
"""The limit for ClickHouse's result: 16 bytes per point, plus labels. In Python, a point takes ten times as much."""


def select_series(reader: Reader, tenants: Tenants, query: SeriesQuery) -> list[SeriesResult]:
    """The series by descending sum of their points, then by labels.

    Raises RpcError(RESOURCE_EXHAUSTED) if the response would have more than 500,000 points, and
    RpcError(INVALID_ARGUMENT) if it would have exemplars for more than 50,000 points.
    """
    buckets = _buckets(query)
    selection = selection_of(tenants, query.profile_type, query.matchers, buckets)
    bound = parameters_of(selection, buckets, query.within.start_ms, query.step_ms, query.group_by)
    results = _by_column(reader, query, selection, bound) if _has_columns(query) else None
    if results is not None:
        return results
    sql = _sql(reader, query, selection)
    parameters = {**bound, **sql.parameters, "limit": query.limit, "max_exemplars": _MAX_EXEMPLARS}
    rows = _bounded(reader).rows(sql.sql, parameters)
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
    """The times that count for any point, including both ends.

    The end of the range is excluded unless the range is an instant, which is then the only point.
    """
    first, step = query.within.start_ms, query.step_ms
    last = first + (query.within.end_ms - first) // step * step
    return TimeRange(start_ms=first - step + 1, end_ms=min(last, max(first, query.within.end_ms - 1)))


def _bounded(reader: Reader) -> Reader:
    """The reader, with the result size limited to what series may need."""
    allowed = int(reader.settings.get("max_result_bytes", 0))
    return reader.with_settings({"max_result_bytes": min(allowed, _MAX_BYTES) if allowed else _MAX_BYTES})


def _has_columns(query: SeriesQuery) -> bool:
    """Whether the table of profiles has columns for all that the query selects and groups by."""
    grouped = COLUMN_OF_LABEL.keys() >= set(query.group_by)
    return grouped and query.samples == EVERY_SAMPLE and query.exemplars is None


def _by_column(
    reader: Reader, query: SeriesQuery, selection: Selection, parameters: Parameters
) -> list[SeriesResult] | None:
    """The series from one simple SELECT: for the series of an hour, most of the time goes into analyzing the SQL.

    Returns None if all series together have too many points: ClickHouse must then apply the limit on series.
    """
    sql = _SQL(
        "by_column",
        groups="".join(f"{COLUMN_OF_LABEL[name]}, " for name in query.group_by),
        aggregate=_aggregate(query),
        profiles=reader.profiles,
        where=f"{selection.rows} AND {within_sql()}",
    )
    first, step = query.within.start_ms, query.step_ms
    bound = {**parameters, "first": first - step + 1, "max_rows": _MAX_POINTS + 1}
    *groups, numbers, values = reader.columns(sql, bound) or ((), ())
    if len(numbers) > _MAX_POINTS:
        return None
    points_of: dict[tuple[str, ...], list[tuple[int, float]]] = {}
    group_of_row = zip(*groups, strict=True) if groups else repeat((), len(values))
    for group, number, value in in_time(zip(group_of_row, numbers, values, strict=True)):
        points_of.setdefault(group, []).append((first + number * step, value))
    results = [
        SeriesResult(labels=_labels(query.group_by, group), points=sorted(points))
        for group, points in points_of.items()
    ]
    results.sort(key=lambda each: (-sum(value for _, value in each.points), each.labels))
    return results[: query.limit or None]


def _labels(names: Sequence[str], values: Sequence[str]) -> LabelSet:
    return tuple((name, value) for name, value in zip(names, values, strict=True) if value)


def _aggregate(query: SeriesQuery) -> str:
    return "avg" if query.average else "sum"


def _check_points(points: int) -> None:
    if points > _MAX_POINTS:
        raise RpcError(
            Code.RESOURCE_EXHAUSTED,
            f"the series would have {points} points, and the limit is {_MAX_POINTS}:"
            " request a longer step or a shorter range, group by fewer labels, or limit the number of series",
        )


def _check_exemplars(exemplars: int) -> None:
    if exemplars > _MAX_EXEMPLARS:
        raise invalid_argument(
            f"the series would have {exemplars} exemplars, and the limit is {_MAX_EXEMPLARS}:"
            " request a longer step, group by fewer labels, limit the number of series, or request no exemplars"
        )


def _exemplar(found: FoundExemplar, labels_of: ExemplarLabels) -> Exemplar | None:
    """The exemplar of a point; None if the point has no span."""
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


def _sql(reader: Reader, query: SeriesQuery, selection: Selection) -> Condition:
    limit = "LIMIT {limit:UInt64}" if query.limit else ""
    if query.exemplars is None:
        sums = _sums(reader, query, selection)
        sql = _SQL("series", sums=sums.sql, point="(timestamp, value)", more="", limit=limit)
        return Condition(sql=sql, parameters=sums.parameters)
    sums = _sums_with_exemplars(reader, query, selection)
    series = _SQL(
        "series",
        sums=sums.sql,
        point="(timestamp, value, exemplar)",
        more=", points.3 AS exemplars, sum(value) AS series_total",
        limit=limit,
    )
    return Condition(sql=_SQL("series_with_exemplars", series=series), parameters=sums.parameters)


def _sums(reader: Reader, query: SeriesQuery, selection: Selection) -> Condition:
    names = {"timestamp": timestamp_sql(), "aggregate": _aggregate(query)}
    if query.samples == EVERY_SAMPLE:
        where = f"{selection.rows} AND {within_sql()}"
        grouping = grouping_of_profiles(selection, query.group_by)
        sql = _SQL("sums", source=reader.profiles, where=where, **grouping, **names)
        return Condition(sql=sql, parameters={})
    source = source_of(reader, selection, PointKind.PROFILE, query.samples)
    grouping = grouping_of(selection, query.group_by)
    sql = _SQL("sums", source=f"(\n{source.sql}\n    ) AS taken", where="true", **grouping, **names)
    return Condition(sql=sql, parameters=source.parameters)


def _sums_with_exemplars(reader: Reader, query: SeriesQuery, selection: Selection) -> Condition:
    kinds = {PointKind.PROFILE, query.exemplars or PointKind.PROFILE}
    sources = [source_of(reader, selection, kind, query.samples) for kind in PointKind if kind in kinds]
    exemplar = f"min({exemplar_sql()})"
    if query.exemplars is PointKind.SPAN:
        exemplar = f"minIf({exemplar_sql()}, span_id != 0)"
    source = "\n            UNION ALL\n".join(each.sql for each in sources)
    sql = _SQL(
        "sums_with_exemplars",
        points=points_sql(source, selection, query.group_by),
        value=_SQL("average" if query.average else "total"),
        exemplar=exemplar,
    )
    return Condition(
        sql=sql, parameters={key: value for each in sources for key, value in each.parameters.items()}
    )
