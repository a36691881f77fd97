"""`flamehouse import`: imports profiles from another database."""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Final

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from cli.database import existing_database
from cli.options import json_option
from cli.output import print_json, print_table
from cli.times import clock, time_ms
from flamehouse.disk import Disk
from flamehouse.errors import OperatorError
from flamehouse.identity.tenant import ANONYMOUS, CHARACTERS, is_tenant
from flamehouse.settings import Settings
from flamehouse.store.connection.client import ClickHouse, uses_embedded
from flamehouse.store.connection.data_folder import STOP_SERVER, locked
from flamehouse.store.connection.embedded import embedded_path
from flamehouse.store.connection.errors import exit_on_failure
from flamehouse.store.maintenance import maintenance_client
from flamehouse.store.schema.retention import opened, recorded
from flamehouse.store.schema.state import as_argument, in_words
from flamehouse.store.write.inserts import nothing
from flamehouse.units import MS_PER_DAY, NS_PER_MS
from qryn.comparison import Compared, compare
from qryn.history import Counts, History, Receipt
from qryn.source import Bounds, Range, Source, open_source

_SOURCE_TIMEOUT_S: Final = 600
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


@click.group()
def import_() -> None:
    """Import profiles from another database into ./data, DATA_DIR or CLICKHOUSE_DSN."""


@import_.command()
@click.option(
    "--from-dsn", required=True, metavar="DSN", help="qryn's ClickHouse: https://user:password@host:8443."
)
@click.option("--database", default="qryn", show_default=True, help="qryn's database there.")
@click.option("--from", "start", help="Only profiles from this time on: 30d (ago) or ISO 8601. [all]")
@click.option("--until", "end", help="Only profiles before this time, in the format of --from. [all]")
@click.option("--service", "services", multiple=True, help="Only this service; may be repeated. [all]")
@click.option("--tenant", default=ANONYMOUS, show_default=True, help="The tenant to store them for.")
@json_option
def qryn(  # noqa: PLR0913  # a parameter per option
    *,
    from_dsn: str,
    database: str,
    start: str | None,
    end: str | None,
    services: Sequence[str],
    tenant: str,
    as_json: bool,
) -> None:
    """Import the profiles of a qryn or gigapipe database, and compare the totals. May be interrupted and run again.

    Exits with status 1 if a total differs. Stored profiles are not stored again.
    """
    now_ns = time.time_ns()
    within = _range(start, end, services, now_ns // NS_PER_MS)
    with exit_on_failure():
        receipt = Receipt(tenant=_checked(tenant), received_ns=now_ns)
        settings = existing_database()
        with locked(settings, STOP_SERVER), _opened_source(from_dsn, database) as source:
            bounds = source.bounds(within)
            if bounds is None:
                raise OperatorError(f"the database {database!r} has no such profiles")
            _check_retention(settings, bounds, now_ns // NS_PER_MS)
            within = replace(within, until_ns=min(within.until_ns, bounds.last_ns + 1))
            with closing(maintenance_client(settings)) as clickhouse:
                history = History(
                    source=source,
                    clickhouse=clickhouse,
                    settings=settings,
                    receipt=receipt,
                    sync=_sync_of(settings),
                )
                _run(history, within, bounds)
                compared = compare(source, clickhouse, tenant, within, source.windows(within, bounds))
    _report(history.counts, compared, as_json=as_json)


def _range(start: str | None, end: str | None, services: Sequence[str], now_ms: int) -> Range:
    try:
        from_ms = 0 if start is None else time_ms(start, now_ms)
        until_ns = (1 << 63) - 1 if end is None else time_ms(end, now_ms) * NS_PER_MS
    except (ValueError, OverflowError) as error:
        raise click.UsageError(str(error)) from error
    if not 0 <= from_ms * NS_PER_MS < until_ns:
        raise click.UsageError(f"the range from {start} until {end} is empty, or begins before 1970")
    return Range(from_ns=from_ms * NS_PER_MS, until_ns=until_ns, services=tuple(services))


def _checked(tenant: str) -> str:
    """Return the tenant. Raises OperatorError if it is invalid."""
    if tenant and not is_tenant(tenant):
        raise OperatorError(f"--tenant: invalid tenant {tenant!r}: use up to 150 {CHARACTERS}")
    return tenant or ANONYMOUS


@contextmanager
def _opened_source(dsn: str, database: str) -> Iterator[Source]:
    """Open the source that --from-dsn and --database name. Raises OperatorError unless it is qryn's, on a server."""
    if dsn.startswith("chdb:"):
        raise OperatorError("--from-dsn must name a ClickHouse server: https://user:password@host:8443")
    try:
        settings = Settings(
            clickhouse_dsn=dsn, clickhouse_database=database, query_timeout_s=_SOURCE_TIMEOUT_S
        )
    except ValueError as error:
        raise OperatorError(str(error).replace("CLICKHOUSE_DSN", "--from-dsn")) from None
    with closing(ClickHouse(settings)) as clickhouse:
        yield open_source(clickhouse, database)


def _check_retention(settings: Settings, bounds: Bounds, now_ms: int) -> None:
    """Raises OperatorError if some of the profiles are older than the retention."""
    with opened(settings) as client:
        days = recorded(client).days
    first_ms = bounds.first_ns // NS_PER_MS
    age_days = (now_ms - first_ms) // MS_PER_DAY + 1
    if days and age_days > days:
        raise OperatorError(
            f"the first profile is from {clock(first_ms)}, but this database retains profiles {in_words(days)}: import "
            f"--from {days}d, or first run: flamehouse retention set {as_argument(age_days + days)}"
        )


def _sync_of(settings: Settings) -> Callable[[], None]:
    """Return a function that makes writes to a data folder durable; a ClickHouse server does so itself."""
    if not uses_embedded(settings):
        return nothing
    return partial(Disk().sync_file_system, Path(embedded_path(settings.clickhouse_dsn)))


def _run(history: History, within: Range, bounds: Bounds) -> None:
    """Import the rows, with a progress bar on a terminal."""
    errors = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=errors, disable=not errors.is_terminal) as progress:
        task = progress.add_task("profiles", total=bounds.rows)
        history.run(
            within,
            history.source.windows(within, bounds),
            lambda: progress.update(task, completed=history.counts.read),
        )


def _report(counts: Counts, compared: Sequence[Compared], *, as_json: bool) -> None:
    """Print how many rows were imported, and the totals. Raises OperatorError if a total differs."""
    for reason, times in counts.rejected.most_common():
        click.echo(f"flamehouse: {times:,} profiles were not imported: {_printable(reason)}", err=True)
    differing = [each for each in compared if each.differs]
    if as_json:
        print_json([_as_json(each) for each in compared])
    else:
        columns = ("day", "service", "profile type", "qryn", "repeated", "flamehouse", "difference")
        print_table(columns, map(_cells, compared), right=columns[3:])
        click.echo(
            f"{counts.read:,} profiles read: {counts.stored:,} stored, {counts.stored_before:,} stored before or repeated, "
            f"{counts.empty:,} without values, {counts.rejected.total():,} rejected"
        )
    if differing:
        raise OperatorError(f"{len(differing)} of {len(compared)} totals differ")


def _day(each: Compared) -> str:
    return (_EPOCH + timedelta(days=each.key.day)).strftime("%F")


def _printable(text: str) -> str:
    """Return the text with a question mark for every byte that is not UTF-8."""
    return text.encode(errors="replace").decode()


def _cells(each: Compared) -> Sequence[str]:
    difference = f"{each.ours - each.theirs:+,}" if each.differs else ""
    repeated = f"{each.repeated:,}" if each.repeated else ""
    return (
        _day(each),
        _printable(each.key.service),
        _printable(each.key.profile_type),
        f"{each.theirs:,}",
        repeated,
        f"{each.ours:,}",
        difference,
    )


def _as_json(each: Compared) -> dict[str, object]:
    return {
        "day": _day(each),
        "service": _printable(each.key.service),
        "profile_type": _printable(each.key.profile_type),
        "qryn": each.theirs,
        "repeated": each.repeated,
        "flamehouse": each.ours,
    }
