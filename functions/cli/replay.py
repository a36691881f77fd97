"""`flamehouse replay`: stores the uploads of retained blobs again."""

from collections.abc import Sequence
from contextlib import closing
from typing import Final

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from cli.database import existing_database
from cli.options import range_of
from flamehouse.errors import OperatorError, RpcError
from flamehouse.model.time_range import TimeRange
from flamehouse.services import Services
from flamehouse.settings import Settings
from flamehouse.store.clickhouse_store import open_store
from flamehouse.store.connection.client import ClickHouse
from flamehouse.store.connection.data_folder import STOP_SERVER, locked
from flamehouse.store.connection.errors import exit_on_failure
from flamehouse.store.deletion import delete_uploads, register_deletion
from flamehouse.store.maintenance import maintenance_client
from flamehouse.store.write.replay import ReplayInserts
from ingest.objects.kept import Blob, Counts, Selection, batches, blobs_of
from ingest.objects.kept import replay as replay_blobs

_SHOWN: Final = 20
"""The number of failures printed."""


@click.command()
@click.option(
    "--from",
    "start",
    required=True,
    help="Only uploads from this time on: 30d (ago), ISO 8601 or Unix seconds.",
)
@click.option(
    "--until",
    "end",
    default="now",
    show_default=True,
    help="Only uploads before this time, in the format of --from.",
)
@click.option("--tenant", default="", help="Only uploads of this tenant.  [default: all]")
@click.option("--service", default="", help="Only uploads with a profile of this service.  [default: all]")
@click.option(
    "--after-delete",
    is_flag=True,
    help="First delete what is stored of these uploads, so that they are read again.",
)
def replay(*, start: str, end: str, tenant: str, service: str, after_delete: bool) -> None:
    """Store the uploads of retained blobs (KEEP_BLOBS) that are not stored, in ./data, DATA_DIR or CLICKHOUSE_DSN.

    BLOBS_DIR names their folder or bucket. An upload's time is that of its first profile. May be interrupted and run
    again.
    """
    range_ = range_of(start, end)
    within = TimeRange(start_ms=range_.start_ms, end_ms=range_.end_ms)
    selection = Selection(within=within, tenant=tenant, service=service)
    with exit_on_failure():
        settings = existing_database()
        if not settings.blobs_dir:
            raise OperatorError("BLOBS_DIR must name the folder or s3://BUCKET of the blobs")
        with locked(settings, STOP_SERVER), closing(maintenance_client(settings)) as clickhouse:
            counts = _replay(settings, clickhouse, selection, after_delete=after_delete)
    _report(counts)


def _replay(
    settings: Settings, clickhouse: ClickHouse, selection: Selection, *, after_delete: bool
) -> Counts:
    with closing(open_store(settings)) as store:
        services = Services(settings=settings, store=store)
        try:
            blobs = blobs_of(services, selection)
            if after_delete:
                _clear(clickhouse, blobs, selection)
            with _progress() as progress:
                task = progress.add_task("blobs", total=len(blobs))
                return replay_blobs(
                    services,
                    ReplayInserts(clickhouse),
                    blobs,
                    selection,
                    lambda counts: progress.update(task, completed=counts.read),
                )
        except RpcError as error:
            raise OperatorError(f"{error.message}; run this again to continue") from error


def _clear(clickhouse: ClickHouse, blobs: Sequence[Blob], selection: Selection) -> None:
    """Delete the stored rows of the blobs' uploads."""
    if not blobs:
        return
    # Both the selection and the registered deletion go by the time of an upload's first profile.
    register_deletion(clickhouse, sorted({blob.key.tenant for blob in blobs}), selection.within.end_ms)
    for batch in batches(blobs):
        ids = [blob.key.upload_id for blob in batch]
        delete_uploads(clickhouse, batch[0].key.tenant, ids, selection.service)
    click.echo(
        "deleted what was stored of these uploads; if this is interrupted from now on, run it again without "
        "--after-delete",
        err=True,
    )


def _progress() -> Progress:
    errors = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    return Progress(*columns, console=errors, disable=not errors.is_terminal)


def _report(counts: Counts) -> None:
    """Print the outcome for the blobs. Raises OperatorError if some failed."""
    for key, reason in [*counts.failed.items()][:_SHOWN]:
        click.echo(f"flamehouse: {key}: {reason}", err=True)
    click.echo(f"{counts.replayed} replayed, {counts.skipped} skipped, {len(counts.failed)} failed")
    if counts.failed:
        raise OperatorError(f"{len(counts.failed)} of {counts.read} blobs cannot be stored")
