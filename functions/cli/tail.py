"""`flamehouse tail`: prints new totals as they arrive."""

import json
import time
from collections.abc import Sequence
from dataclasses import replace
from typing import Final

import click

from cli.options import Range, Selection, json_option, read_selector, server_options, type_option
from cli.output import print_lines
from cli.series import select_series, step_of, title_of
from cli.server import Server, ServerError
from cli.times import clock
from cli.units import scale_of
from flamehouse.pb.types_pb2 import Series
from flamehouse.units import NS_PER_MS

_EVERY: Final = "15s"
_SETTLING_MS: Final = 15_000
"""How long a step stays open: SDKs send a profile at the end of its interval."""
_PAST_MS: Final = 120_000
"""How far before now the output starts."""


@click.command()
@click.argument("selector", default="{}", metavar="[SERVICE|SELECTOR]", callback=read_selector)
@type_option
@click.option("--by", "group_by", multiple=True, help="Group by this label; may be repeated. [service_name]")
@click.option("--every", default=_EVERY, show_default=True, help="The time that a line covers.")
@click.option("--lines", type=click.IntRange(min=1), help="Exit after this many lines. [until Ctrl-C]")
@server_options
@json_option
def tail(  # noqa: PLR0913  # a parameter per option
    *,
    selector: str,
    type_id: str,
    group_by: Sequence[str],
    every: str,
    lines: int | None,
    server: Server,
    as_json: bool,
) -> None:
    """Print the total of each series for every step of time, as profiles arrive. Starts two minutes ago."""
    step_ms = step_of(every, 0)
    now_ms = time.time_ns() // NS_PER_MS
    start_ms = (now_ms - _PAST_MS) // step_ms * step_ms
    selection = _first(server, Selection(selector=selector, type_id=type_id, within=_hour(now_ms)))
    printed = 0
    while lines is None or printed < lines:
        end_ms = start_ms + step_ms
        time.sleep(max(0.0, (end_ms + _SETTLING_MS) / 1_000 - time.time()))
        # A point at T covers (T - step, T], so a point at the range's start would cover the time before it.
        within = Range(start_ms=start_ms + 1, end_ms=end_ms)
        found = select_series(
            server, replace(selection, within=within), group_by or ("service_name",), step_ms
        )
        shown = found[: None if lines is None else lines - printed]
        for one in shown:
            if as_json:
                _print_json(one, end_ms)
            else:
                _print_line(one, start_ms, selection.unit)
        printed += len(shown)
        start_ms = end_ms


def _print_json(series: Series, end_ms: int) -> None:
    labels = {label.name: label.value for label in series.labels}
    click.echo(json.dumps({"time": end_ms, "labels": labels, "total": _total(series)}, ensure_ascii=False))


def _print_line(series: Series, start_ms: int, unit: str) -> None:
    total = _total(series)
    print_lines([f"{clock(start_ms)}  {scale_of(unit, total).text(total):>12}  {title_of(series)}"])


def _total(series: Series) -> float:
    return sum(point.value for point in series.points)


def _first(server: Server, selection: Selection) -> Selection:
    """Wait for profiles, and return the selection with its profile type.

    Raises ServerError if the type is ambiguous.
    """
    while True:
        try:
            return selection.resolved(server)
        except ServerError as error:
            if "no profiles match" not in str(error):
                raise
        time.sleep(_SETTLING_MS / 1_000)
        selection = replace(selection, within=_hour(time.time_ns() // NS_PER_MS))


def _hour(now_ms: int) -> Range:
    return Range(start_ms=now_ms - 3_600_000, end_ms=now_ms)
