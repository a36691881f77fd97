"""SelectHeatmap: counts profiles or spans by time and value. ClickHouse does the counting; no Python code runs per point.

Values fall into 20 buckets of equal width between the least and the greatest value of all series. As in Pyroscope, the
bounds of the buckets are truncated to integers, so with few distinct values several buckets are empty. The last bucket
includes the greatest value.
"""

from collections.abc import Sequence
from itertools import groupby
from operator import itemgetter
from typing import Final

from flamehouse.errors import invalid_argument
from flamehouse.identity.tenant import Tenants
from flamehouse.model.heatmap import Heatmap, HeatmapQuery, HeatmapSeries, HeatmapSlot
from flamehouse.model.time_range import TimeRange
from flamehouse.store.read.exemplars import ExemplarLabels, FoundExemplar, exemplar_of, read_labels
from flamehouse.store.read.points import exemplar_sql, parameters_of, points_sql, source_of
from flamehouse.store.read.reader import Reader
from flamehouse.store.read.selection import Selection, selection_of
from flamehouse.store.sql import SqlFile

type _Cell = tuple[int, int, int, *tuple[FoundExemplar, ...]]
"""The timestamp of a slot, a bucket of values, its number of points, and their exemplar if requested."""

_BUCKETS = 20
_MAX_CELLS = 50_000
"""The limit of non-empty cells in a response: at most ten megabytes, or a few tens of megabytes with exemplars."""

_SQL: Final = SqlFile(__file__)


def select_heatmap(reader: Reader, tenants: Tenants, query: HeatmapQuery) -> Heatmap:
    """The series by descending number of points, then by labels.

    Raises RpcError(INVALID_ARGUMENT) if the response would have more than 50,000 non-empty cells.
    """
    first = query.within.start_ms
    within = TimeRange(start_ms=first - query.step_ms + 1, end_ms=query.within.end_ms - 1)
    selection = selection_of(tenants, query.profile_type, query.matchers, within)
    source = source_of(reader, selection, query.points)
    parameters = {
        **parameters_of(selection, within, first, query.step_ms, query.group_by),
        "limit": query.limit,
        "max_cells": _MAX_CELLS,
    }
    rows = reader.rows(_sql(query, selection, source.sql), parameters)
    if not rows:
        return Heatmap(y_min=(), series=())
    _, _, cell_count, lowest, width = rows[0]
    _check_cells(cell_count)
    found = (exemplar[0] for _, cells, *_ in rows for _, _, _, *exemplar in cells if exemplar)
    labels_of = read_labels(reader, selection, found, query.group_by)
    return Heatmap(
        y_min=[float(lowest + int(number * width)) for number in range(_BUCKETS)],
        series=[
            HeatmapSeries(labels=tuple(labels), slots=_slots(cells, labels_of)) for labels, cells, *_ in rows
        ],
    )


def _check_cells(cells: int) -> None:
    if cells > _MAX_CELLS:
        raise invalid_argument(
            f"the heatmap would have {cells} cells, and the limit is {_MAX_CELLS}:"
            " request a longer step, group by fewer labels, or limit the number of series"
        )


def _slots(cells: Sequence[_Cell], labels_of: ExemplarLabels) -> list[HeatmapSlot]:
    """Group the cells of a series, which are sorted by slot and then by bucket, into slots."""
    slots = []
    for timestamp, of_slot in groupby(cells, key=itemgetter(0)):
        counts = [0] * _BUCKETS
        exemplars = []
        for _, bucket, points, *found in of_slot:
            counts[bucket] = points
            exemplars += [exemplar_of(exemplar, labels_of) for exemplar in found]
        slots.append(HeatmapSlot(timestamp=timestamp, counts=counts, exemplars=exemplars))
    return slots


def _sql(query: HeatmapQuery, selection: Selection, source: str) -> str:
    return _SQL(
        "heatmap",
        buckets=str(_BUCKETS),
        points_rows=points_sql(source, selection, query.group_by),
        least_exemplar=exemplar_sql(),
        exemplar=", exemplar" if query.exemplars else "",
        limit="LIMIT {limit:UInt64}" if query.limit else "",
    )
