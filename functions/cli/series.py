"""`flamehouse series`: prints the totals of profiles over time, one line per series."""

from collections.abc import Sequence
from typing import Final

import click

from cli.options import Selection, json_option, selection_options, server_options
from cli.output import print_json, print_lines, print_table, waiting
from cli.server import Server, ServerError
from cli.times import duration_ms
from cli.units import scale_of
from flamehouse.pb.querier_pb2 import SelectSeriesRequest, SelectSeriesResponse
from flamehouse.pb.types_pb2 import Series

_BARS: Final = "▁▂▃▄▅▆▇█"
_NO_POINT: Final = " "
_COLUMNS: Final = 40
"""The number of points per line, unless --step is set."""


@click.command()
@selection_options
@click.option("--by", "group_by", multiple=True, help="Group by this label; may be repeated. [service_name]")
@click.option("--step", help="Distance between points, such as 1m. [a fortieth of the range]")
@server_options
@json_option
def series(
    *, selection: Selection, group_by: Sequence[str], step: str | None, server: Server, as_json: bool
) -> None:
    """Show totals over time: the sum, the largest point and a curve of each series."""
    step_ms = step_of(step, selection.within.length_ms // _COLUMNS)
    selection = selection.resolved(server)
    with waiting("querying"):
        found = select_series(server, selection, group_by or ("service_name",), step_ms)
    if not found:
        raise ServerError(f"no profiles match {selection.title} from {selection.within}")
    if as_json:
        print_json([_as_json(one) for one in found])
        return
    largest = scale_of(selection.unit, max(point.value for one in found for point in one.points))
    sums = [sum(point.value for point in one.points) for one in found]
    whole = scale_of(selection.unit, max(sums))
    print_lines([selection.title, f"{selection.within}, {step_ms / 1_000:g} s apart", ""])
    rows = [
        (
            title_of(one),
            whole.text(total),
            largest.text(max(point.value for point in one.points)),
            _curve(one, selection, step_ms),
        )
        for one, total in zip(found, sums, strict=True)
    ]
    print_table(
        ("series", "sum", "largest", "over time"),
        rows,
        right=("sum", "largest"),
        unfolded=("over time",),
        optional=("over time",),
    )


def select_series(
    server: Server, selection: Selection, group_by: Sequence[str], step_ms: int
) -> list[Series]:
    """Return the series of a selection that have points, the largest first."""
    request = SelectSeriesRequest(
        profile_typeID=selection.type_id,
        label_selector=selection.selector,
        start=selection.within.start_ms,
        end=selection.within.end_ms,
        group_by=group_by,
        step=step_ms / 1_000,
    )
    found = server.query("SelectSeries", request, SelectSeriesResponse()).series
    return [one for one in found if one.points]


def title_of(one: Series) -> str:
    """Return the labels of a series as text."""
    return ", ".join(f"{label.name}={label.value}" for label in one.labels) or "all"


def step_of(text: str | None, default_ms: int) -> int:
    """Return the step in milliseconds; the default is at least one second. Raises: UsageError for an invalid one."""
    try:
        return max(1_000, default_ms) if text is None else duration_ms(text)
    except ValueError as error:
        raise click.UsageError(str(error)) from error


def _as_json(one: Series) -> dict[str, object]:
    return {
        "labels": {label.name: label.value for label in one.labels},
        "points": [[point.timestamp, point.value] for point in one.points],
    }


def _curve(one: Series, selection: Selection, step_ms: int) -> str:
    """Return a bar for each step of the range, scaled to the largest point of the series."""
    count = min(selection.within.length_ms // step_ms + 1, 4 * _COLUMNS)
    values: list[float | None] = [None] * count
    for point in one.points:
        number = (point.timestamp - selection.within.start_ms) // step_ms
        if 0 <= number < count:
            values[number] = point.value
    largest = max(point.value for point in one.points) or 1
    return "".join(
        _NO_POINT if value is None else _BARS[max(0, min(7, round(value / largest * 7)))] for value in values
    ).rstrip()
