"""The output of commands: tables and trees that fit the terminal, colored only there; JSON for scripts."""

import json
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Final

import click
from rich.console import Console
from rich.table import Table
from rich.text import Text

_UNBOUNDED: Final = 100_000
"""The width of files and pipes, whose lines are not cut."""


def console() -> Console:
    """Return standard output: as wide as the terminal, unbounded if it is not a terminal."""
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
) -> None:
    """Print a table; the columns in `right` are aligned to the right.

    Cells that do not fit the terminal are folded; those in `right` and `unfolded` are cut.
    """
    table = Table(box=None, pad_edge=False, header_style="bold", padding=(0, 2, 0, 0))
    for column in columns:
        numeric = column in right
        whole = numeric or column in unfolded
        table.add_column(
            column,
            justify="right" if numeric else "left",
            no_wrap=whole,
            overflow="crop" if whole else "fold",
        )
    for row in rows:
        table.add_row(*map(Text, row))
    console().print(table)


def print_lines(lines: Iterable[str | Text]) -> None:
    """Print lines, each cut with an ellipsis at the edge of the terminal."""
    out = console()
    for line in lines:
        out.print(line, no_wrap=True, overflow="ellipsis", crop=True)
