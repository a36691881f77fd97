"""`flamehouse diff`: compares two selections, or one selection in two time ranges."""

from dataclasses import replace
from typing import Final

import click

from cli.options import (
    Range,
    Selection,
    json_option,
    range_of,
    selection_options,
    selector_of,
    server_options,
)
from cli.output import print_json, print_lines, waiting
from cli.server import Server, ServerError
from cli.tree import Frame, diff_text_of, diff_tree_of
from cli.units import scale_of
from flamehouse.pb.querier_pb2 import DiffRequest, DiffResponse, SelectMergeStacktracesRequest

_NODES: Final = 16_384


@click.command()
@selection_options
@click.option("--against", metavar="SERVICE|SELECTOR", help="The left side's selector. [the same]")
@click.option("--left-from", help="The left side's range. [the previous range, or the same with --against]")
@click.option("--left-until", help="In the format of --left-from.")
@click.option(
    "--least",
    default=1.0,
    show_default=True,
    type=click.FloatRange(0, 100),
    help="Omit frames below this percentage of both totals.",
)
@server_options
@json_option
def diff(  # noqa: PLR0913  # a parameter per option
    *,
    selection: Selection,
    against: str | None,
    left_from: str | None,
    left_until: str | None,
    least: float,
    server: Server,
    as_json: bool,
) -> None:
    """Compare profiles with those of the previous range, another range, or another selector."""
    within = _left_range(selection.within, left_from, left_until, moved=against is None)
    right = selection.resolved(server)
    selector = right.selector if against is None else selector_of(against)
    left = replace(right, selector=selector, within=within)
    with waiting("querying"):
        request = DiffRequest(left=_side(left), right=_side(right))
        graph = server.query("Diff", request, DiffResponse()).flamegraph
    if not graph.leftTicks and not graph.rightTicks:
        raise ServerError(
            f"no profiles match {left.title} from {left.within}, or {right.title} from {right.within}"
        )
    root = diff_tree_of(graph)
    if as_json:
        print_json(_as_json(root))
        return
    print_lines(_heading(left, right))
    scale = scale_of(right.unit, max(root.total, root.left_total))
    print_lines(diff_text_of(root, scale, least_share=least / 100))


def _left_range(right: Range, start: str | None, end: str | None, *, moved: bool) -> Range:
    if start is not None:
        return range_of(start, end or "now")
    if end is not None:
        raise click.UsageError("--left-until needs --left-from")
    return Range(start_ms=right.start_ms - right.length_ms, end_ms=right.start_ms) if moved else right


def _side(selection: Selection) -> SelectMergeStacktracesRequest:
    return SelectMergeStacktracesRequest(
        profile_typeID=selection.type_id,
        label_selector=selection.selector,
        start=selection.within.start_ms,
        end=selection.within.end_ms,
        max_nodes=_NODES,
    )


def _heading(left: Selection, right: Selection) -> list[str]:
    """Return the lines above the tree, which describe the two sides."""
    return [
        f"left:  {left.title}",
        f"       {left.within}",
        f"right: {right.title}",
        f"       {right.within}",
        "",
    ]


def _as_json(frame: Frame) -> dict[str, object]:
    return {
        "name": frame.name,
        "left": {"total": frame.left_total, "self": frame.left_self},
        "right": {"total": frame.total, "self": frame.self_value},
        "callees": [_as_json(callee) for callee in frame.callees],
    }
