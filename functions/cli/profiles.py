"""`flamehouse top` and `flame`: show the merged profile of a selection, by function or as a tree."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import click

from cli.options import Selection, json_option, selection_options, server_options
from cli.output import print_json, print_lines, print_table, waiting
from cli.server import Server, ServerError
from cli.tree import Frame, text_of, tree_of
from cli.units import scale_of
from flamehouse.pb.querier_pb2 import (
    FlameGraph,
    SelectMergeStacktracesRequest,
    SelectMergeStacktracesResponse,
)

_NODES: Final = 16_384
"""Enough nodes to include every function with at least a thousandth of the total."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FunctionTotal:
    """The self value of a function, and its total including callees; recursion counts once."""

    name: str
    self_value: int
    total: int


@click.command()
@selection_options
@click.option(
    "--limit", "-n", default=20, show_default=True, type=click.IntRange(min=1), help="Functions to list."
)
@click.option("--cumulative", is_flag=True, help="Sort by total, which includes callees.")
@server_options
@json_option
def top(*, selection: Selection, limit: int, cumulative: bool, server: Server, as_json: bool) -> None:
    """List the functions with the largest self values."""
    selection = selection.resolved(server)
    root = merged_tree(server, selection)
    functions = sorted(
        _functions(root), key=lambda one: (-(one.total if cumulative else one.self_value), one.name)
    )[:limit]
    if as_json:
        print_json([{"name": one.name, "self": one.self_value, "total": one.total} for one in functions])
        return
    scale = scale_of(selection.unit, root.total)
    rows = [
        (
            scale.text(one.self_value),
            f"{one.self_value / root.total:.1%}",
            scale.text(one.total),
            f"{one.total / root.total:.1%}",
            one.name,
        )
        for one in functions
    ]
    print_lines([selection.title, f"{selection.within}, {scale.text(root.total)} in total", ""])
    columns = ("self", "share", "total", "share of total", "function")
    print_table(columns, rows, right=columns[:4], optional=("share", "share of total"))


@click.command()
@selection_options
@click.option(
    "--least",
    default=1.0,
    show_default=True,
    type=click.FloatRange(min=0, max=100),
    help="Omit frames below this percentage of the total.",
)
@click.option("--max-nodes", type=click.IntRange(min=1), help="Nodes to request. [16384]")
@server_options
@json_option
def flame(
    *, selection: Selection, least: float, max_nodes: int | None, server: Server, as_json: bool
) -> None:
    """Print the flame graph as a tree, the largest frames first."""
    selection = selection.resolved(server)
    root = merged_tree(server, selection, max_nodes or _NODES)
    if as_json:
        print_json(_as_json(root))
        return
    print_lines([selection.title, str(selection.within), ""])
    print_lines(text_of(root, scale_of(selection.unit, root.total), least_share=least / 100))


def merged_tree(server: Server, selection: Selection, max_nodes: int = _NODES) -> Frame:
    """Return the merged call tree of a resolved selection.

    Raises: ServerError if no profile matches.
    """
    with waiting("querying"):
        flamegraph = merged_flamegraph(server, selection, max_nodes)
    if not flamegraph.total:
        raise ServerError(f"no profiles match {selection.title} from {selection.within}")
    return tree_of(flamegraph)


def merged_flamegraph(server: Server, selection: Selection, max_nodes: int = _NODES) -> FlameGraph:
    """Return the flame graph of a resolved selection; empty if no profile matches."""
    request = SelectMergeStacktracesRequest(
        profile_typeID=selection.type_id,
        label_selector=selection.selector,
        start=selection.within.start_ms,
        end=selection.within.end_ms,
        max_nodes=max_nodes,
    )
    return server.query("SelectMergeStacktraces", request, SelectMergeStacktracesResponse()).flamegraph


def _functions(root: Frame) -> Iterator[FunctionTotal]:
    """Return all functions below the root, unordered."""
    selves: dict[str, int] = {}
    totals: dict[str, int] = {}
    waiting_frames: list[tuple[Frame, frozenset[str]]] = [(callee, frozenset()) for callee in root.callees]
    while waiting_frames:
        frame, callers = waiting_frames.pop()
        selves[frame.name] = selves.get(frame.name, 0) + frame.self_value
        if frame.name not in callers:
            totals[frame.name] = totals.get(frame.name, 0) + frame.total
            callers |= {frame.name}
        waiting_frames += [(callee, callers) for callee in frame.callees]
    return (FunctionTotal(name=name, self_value=selves[name], total=total) for name, total in totals.items())


def _as_json(frame: Frame) -> dict[str, object]:
    return {
        "name": frame.name,
        "total": frame.total,
        "self": frame.self_value,
        "callees": [_as_json(callee) for callee in frame.callees],
    }
