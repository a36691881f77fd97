"""Renders call graphs in Graphviz's language DOT, labelled as google/pprof labels its graphs.

Language: graphviz.org/doc/info/lang.html; labels: graphviz.org/docs/attr-types/escString
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from math import ceil, sqrt
from typing import Final

from flamehouse.deadline import in_time
from flamehouse.model.call_tree import CutTree
from flamehouse.model.profile_type import ProfileType
from flamehouse.render.call_graph import Called, CallEdge, CallGraph, call_graph_of

_SMALLEST_FONT: Final = 8
_FONT_RANGE: Final = 16
_MAX_WEIGHT: Final = 100
_MAX_PEN: Final = 5
_UNNAMED: Final = "(no name)"
# Control characters are invisible and may end the text, so each becomes a space.
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f]")
_UNITS: Final[Mapping[str, Sequence[tuple[int, str]]]] = {
    "nanoseconds": (
        (3_600_000_000_000, "hrs"),
        (60_000_000_000, "mins"),
        (1_000_000_000, "s"),
        (1_000_000, "ms"),
        (1_000, "us"),
        (1, "ns"),
    ),
    "bytes": ((1 << 40, "TB"), (1 << 30, "GB"), (1 << 20, "MB"), (1 << 10, "kB"), (1, "B")),
}
"""The profile units that are scaled to larger ones, the largest first, named as in google/pprof."""


def dot_of(tree: CutTree, profile_type: ProfileType, max_nodes: int) -> str:
    """Return the graph of the tree's `max_nodes` largest functions; an empty text for a tree without nodes.

    A box is a function with its self value and its total. An edge is a call, dotted if it passes through functions that
    are not shown.
    """
    if not tree.total:
        return ""
    graph = call_graph_of(tree, max_nodes)
    lines = [
        f"digraph {_quoted(profile_type.sample_type)} {{",
        'node [style=filled fillcolor="#f8f8f8"]',
        _legend(graph, profile_type),
        *_boxes(graph, profile_type.sample_unit),
        *_arrows(graph, profile_type.sample_unit),
        "}\n",
    ]
    return "\n".join(lines)


def _legend(graph: CallGraph, profile_type: ProfileType) -> str:
    shown = sum(each.flat for each in graph.functions)
    total = _measured(graph.total, profile_type.sample_unit)
    accounted = _share(shown, graph.total, profile_type.sample_unit)
    texts = (
        f"Type: {profile_type.sample_type}",
        f"Showing nodes accounting for {accounted} of {total} total",
        f"Showing top {len(graph.functions)} nodes out of {len(graph.functions) + graph.omitted}",
    )
    label = "".join(f"{_escaped(text)}\\l" for text in texts)
    return f'subgraph cluster_L {{ "legend" [shape=box fontsize=16 label="{label}"] }}'


def _boxes(graph: CallGraph, unit: str) -> Iterator[str]:
    largest = max(each.flat for each in graph.functions)
    for number, each in enumerate(in_time(graph.functions), start=1):
        name = each.name or _UNNAMED
        label = "\\n".join(map(_escaped, (name, *_figures(each, graph.total, unit))))
        font = _SMALLEST_FONT + ceil(_FONT_RANGE * sqrt(each.flat / largest)) if largest else _SMALLEST_FONT
        tooltip = _quoted(f"{name} ({_measured(each.cum, unit)})")
        share = each.cum / graph.total
        yield (
            f'N{number} [label="{label}" id="node{number}" fontsize={font} shape=box tooltip={tooltip}'
            f' color="{_color(share, 0.7)}" fillcolor="{_color(share, 0.1)}"]'
        )


def _figures(function: Called, total: int, unit: str) -> Iterator[str]:
    yield _share(function.flat, total, unit) if function.flat else "0"
    if function.cum != function.flat:
        yield f"of {_share(function.cum, total, unit)}"


def _arrows(graph: CallGraph, unit: str) -> Iterator[str]:
    numbers = {each.name: number for number, each in enumerate(graph.functions, start=1)}
    for edge in in_time(graph.edges):
        share = edge.weight / graph.total
        label = _quoted(f" {_measured(edge.weight, unit)}")
        yield (
            f"N{numbers[edge.caller]} -> N{numbers[edge.callee]} [label={label}"
            f" weight={1 + int(share * _MAX_WEIGHT)} penwidth={1 + int(share * _MAX_PEN)}"
            f' color="{_color(share, 0.7)}" tooltip={_tooltip(edge, unit)}{_style(edge)}]'
        )


def _tooltip(edge: CallEdge, unit: str) -> str:
    way = "..." if edge.residual else "->"
    caller, callee = edge.caller or _UNNAMED, edge.callee or _UNNAMED
    return _quoted(f"{caller} {way} {callee} ({_measured(edge.weight, unit)})")


def _style(edge: CallEdge) -> str:
    return ' style="dotted"' if edge.residual else ""


def _share(value: int, total: int, unit: str) -> str:
    return f"{_measured(value, unit)} ({100 * value / total:.2f}%)"


def _measured(value: int, unit: str) -> str:
    """Return the value in the largest unit in which it is at least 1."""
    for size, name in _UNITS.get(unit, ()):
        if value >= size:
            return f"{f'{value / size:.2f}'.rstrip('0').rstrip('.')}{name}"
    return str(value)


def _color(share: float, saturation: float) -> str:
    """Return a color from grey (0) to red (1), paler with less saturation."""
    weight = sqrt(min(max(share, 0), 1))
    strong = round(255 * (1 - saturation * 0.4))
    weak = round(strong * (1 - saturation * weight))
    return f"#{strong:02x}{weak:02x}{weak:02x}"


def _quoted(text: str) -> str:
    return f'"{_escaped(text)}"'


def _escaped(text: str) -> str:
    r"""Return the text escaped for quotes; `\` too, because Graphviz replaces sequences that begin with it."""
    return _CONTROL.sub(" ", text).replace("\\", "\\\\").replace('"', '\\"')
