"""Prints the output of commands: tables and trees that fit the terminal, in color only there; JSON for scripts."""

import json
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Final, Literal

import click
from rich.cells import cell_len
from rich.console import Console
from rich.table import Table
from rich.text import Text

_UNBOUNDED: Final = 100_000
"""The width for files and pipes, where lines are not cut."""
_GAP: Final = 2
"""The number of spaces between two columns."""
_LEAST_TEXT: Final = 12
"""Folded text is unreadable below this width."""


def console() -> Console:
    """Return standard output, as wide as the terminal, or unbounded if it is not a terminal."""
    width = None if sys.stdout.isatty() else _UNBOUNDED
    return Console(width=width, highlight=False, soft_wrap=False, emoji=False, markup=False)


@contextmanager
def waiting(text: str) -> Iterator[None]:
    """Show progress on a terminal, and nothing elsewhere."""
    errors = Console(stderr=True)
    if not errors.is_terminal:
        yield
        return
    with errors.status(Text(text)):
        yield


def print_json(value: object) -> None:
    """Print a value as JSON."""
    click.echo(json.dumps(value, ensure_ascii=False, indent=2))


def print_table(
    columns: Sequence[str],
    rows: Iterable[Sequence[str]],
    *,
    right: Sequence[str] = (),
    unfolded: Sequence[str] = (),
    optional: Sequence[str] = (),
) -> None:
    """Print a table; the columns in `right` are aligned to the right.

    On a narrow terminal, cells are folded, except in the columns `right` and `unfolded`. If the table still does not
    fit, the columns in `optional` are omitted. As a last resort, each row becomes a block with one line per column.
    """
    out, cells = console(), [*rows]
    widest = [max(map(cell_len, column)) for column in zip(columns, *cells, strict=True)]
    shown = [*range(len(columns))]
    whole = {*right, *unfolded}
    least = [
        width if name in whole else min(width, _LEAST_TEXT)
        for name, width in zip(columns, widest, strict=True)
    ]
    if not _fit(least, out.width):
        shown = [index for index in shown if columns[index] not in optional]
    if not _fit([least[index] for index in shown], out.width):
        for line in _blocks(columns, cells):
            out.print(Text(line), overflow="fold")
        return
    table = Table(box=None, pad_edge=False, header_style="bold", padding=(0, _GAP, 0, 0))
    for index in shown:
        name = columns[index]
        justify: Literal["left", "right"] = "right" if name in right else "left"
        table.add_column(
            name, justify=justify, no_wrap=name in whole, overflow="fold", min_width=least[index]
        )
    for row in cells:
        table.add_row(*(Text(row[index]) for index in shown))
    out.print(table)


def _fit(widths: Sequence[int], terminal: int) -> bool:
    return sum(widths) + _GAP * len(widths) <= terminal


def _blocks(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[str]:
    """Yield each row as a line per column, with an empty line between rows."""
    names = max(map(cell_len, columns))
    for number, row in enumerate(rows):
        if number:
            yield ""
        for column, cell in zip(columns, row, strict=True):
            yield f"{column:<{names}}  {cell}"


def print_lines(lines: Iterable[str | Text]) -> None:
    """Print lines, each cut at the edge of the terminal with an ellipsis."""
    out = console()
    for line in lines:
        out.print(line, no_wrap=True, overflow="ellipsis", crop=True)
