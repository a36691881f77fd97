"""`flamehouse upload`: sends profile files to /ingest."""

import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import BinaryIO, Final

import click
from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TaskID, TextColumn, TransferSpeedColumn

from cli.options import server_options
from cli.server import Server, ServerError
from cli.times import time_ms
from flamehouse.errors import OperatorError
from flamehouse.units import NS_PER_MS

_PIECE: Final = 1 << 16
_FORMATS: Final = {
    ".jfr": "jfr",
    ".pprof": "pprof",
    ".pb.gz": "pprof",
    ".collapsed": "groups",
    ".folded": "groups",
    ".speedscope.json": "speedscope",
}
"""Formats by file extension; the server detects others by their content."""


@click.command()
@click.argument(
    "files", nargs=-1, required=True, type=click.Path(exists=True, dir_okay=False, path_type=Path)
)
@click.option("--name", required=True, help="The service, optionally with labels: 'shop{region=eu}'.")
@click.option(
    "--format",
    "format_",
    help="The format, such as pprof, jfr, groups or speedscope. [by the file's name or content]",
)
@click.option("--at", help="The time of profiles without one: 1h (ago), ISO 8601. [now]")
@server_options
def upload(*, files: Sequence[Path], name: str, format_: str | None, at: str | None, server: Server) -> None:
    """Send profile FILES, each as a separate upload. Continues after a rejected one, and then exits with status 1."""
    query = {"name": name} | ({} if at is None else _time_of(at))
    rejected = 0
    errors = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TransferSpeedColumn())
    with Progress(*columns, console=errors, disable=not errors.is_terminal) as progress:
        for file in files:
            known = format_ or _format_of(file.name)
            try:
                _send(server, file, {**query, **({"format": known} if known else {})}, progress)
            except ServerError as error:
                rejected += 1
                click.echo(f"flamehouse: {file}: {error}", err=True)
            else:
                click.echo(f"{file}: stored")
    if rejected:
        raise OperatorError(f"{rejected} of {len(files)} files were not stored")


def _send(server: Server, file: Path, query: dict[str, str], progress: Progress) -> None:
    try:
        with file.open("rb") as opened:
            size = file.stat().st_size
            task = progress.add_task(file.name, total=size)
            server.upload(query, _pieces(opened, progress, task), size)
    except OSError as error:
        raise OperatorError(f"cannot read {file}: {error.strerror}") from error


def _pieces(opened: BinaryIO, progress: Progress, task: TaskID) -> Iterator[bytes]:
    while piece := opened.read(_PIECE):
        yield piece
        progress.update(task, advance=len(piece))


def _format_of(name: str) -> str:
    return next((format_ for end, format_ in _FORMATS.items() if name.endswith(end)), "")


def _time_of(text: str) -> dict[str, str]:
    try:
        seconds = time_ms(text, time.time_ns() // NS_PER_MS) // 1_000
    except ValueError as error:
        raise click.UsageError(str(error)) from error
    return {"from": str(seconds), "until": str(seconds + 10)}
