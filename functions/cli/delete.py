"""`flamehouse delete`: delete a tenant's profiles from a database."""

from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from typing import Final

import click

from cli.database import existing_database
from cli.options import range_of, read_selector
from cli.units import size_in_words
from flamehouse.blobs import blobs_of
from flamehouse.blobs.keys import KEPT, UploadKey
from flamehouse.errors import OperatorError, RpcError
from flamehouse.model.selector import parse_selector
from flamehouse.model.time_range import TimeRange
from flamehouse.settings import Settings
from flamehouse.store import deletion
from flamehouse.store.connection.client import ClickHouse
from flamehouse.store.connection.data_folder import STOP_SERVER, locked
from flamehouse.store.connection.errors import exit_on_failure
from flamehouse.store.maintenance import maintenance_client
from flamehouse.store.schema.carry_over import has_old_layout

_LABELS_REMAIN: Final = (
    "deleted, except labels and symbols, because processes remember for an hour which of them are stored; once these "
    "services have sent nothing for an hour, run this again with --idle"
)


@click.command()
@click.option(
    "--tenant", required=True, help="The tenant; clients that send no X-Scope-OrgID have `anonymous`."
)
@click.option(
    "--selector", default="{}", callback=read_selector, help="A service or selector.  [default: all]"
)
@click.option(
    "--from",
    "start",
    default="1970-01-02",
    help="1h (ago), ISO 8601 or Unix seconds.  [default: the first profile]",
)
@click.option(
    "--until", "end", default="2100-01-01", help="In the format of --from.  [default: the last profile]"
)
@click.option("--yes", is_flag=True, help="Delete the profiles; otherwise, only count them.")
@click.option(
    "--idle",
    is_flag=True,
    help="On a server: confirm that the services have sent no profile within the last hour.",
)
def delete(tenant: str, selector: str, start: str, end: str, *, yes: bool, idle: bool) -> None:
    """Delete profiles of a tenant in ./data, DATA_DIR or CLICKHOUSE_DSN. Without --yes, only count them.

    Labels and symbols that nothing references are deleted too, on a server only with --idle. With BLOBS_DIR, retained
    blobs are deleted if none of their profiles remain.
    """
    range_ = range_of(start, end)
    within = TimeRange(start_ms=range_.start_ms, end_ms=range_.end_ms)
    with exit_on_failure(), _operator_errors():
        what = deletion.Deletion(tenant=tenant, matchers=parse_selector(selector), within=within)
        settings = existing_database()
        with locked(settings, STOP_SERVER), closing(maintenance_client(settings)) as clickhouse:
            _check_layout(clickhouse)
            _delete(clickhouse, what, settings, yes=yes, idle=idle)


@contextmanager
def _operator_errors() -> Iterator[None]:
    try:
        yield
    except RpcError as error:
        raise OperatorError(error.message) from error


def _check_layout(clickhouse: ClickHouse) -> None:
    if has_old_layout(clickhouse.rows):
        raise OperatorError(
            "the database has profiles in the layout of an older version; first run: flamehouse maintain"
        )


def _delete(
    clickhouse: ClickHouse, what: deletion.Deletion, settings: Settings, *, yes: bool, idle: bool
) -> None:
    found = deletion.selected(clickhouse, what)
    if not found.services:
        raise OperatorError(f"tenant {what.tenant} has no such profiles")
    click.echo(
        f"{found.profiles:,} profiles of tenant {what.tenant}, about {size_in_words(found.bytes)} on disk, "
        f"services: {', '.join(found.services)}"
    )
    blobs = _blobs(clickhouse, what, settings) if settings.blobs_dir else []
    if blobs:
        click.echo(f"{len(blobs):,} retained blobs of these uploads")
    if not yes:
        click.echo("nothing was deleted; to delete them, run this again with --yes")
        return
    deletion.register_deletion(clickhouse, [what.tenant], deletion.until_ms(what, found))
    # Delete the blobs first: the profiles identify them, so running an interrupted deletion again completes it.
    for key in blobs:
        blobs_of(settings).delete(key)
    names = idle or clickhouse.embedded
    deletion.delete(clickhouse, what, names=names)
    click.echo("deleted" if names else _LABELS_REMAIN)


def _blobs(clickhouse: ClickHouse, what: deletion.Deletion, settings: Settings) -> Sequence[str]:
    """Return the keys of the retained blobs of uploads that the deletion would remove completely."""
    ids = deletion.upload_ids(clickhouse, what)
    listed = blobs_of(settings).list(f"{KEPT}{what.tenant}/")
    keys = ((each.key, UploadKey.parse(each.key)) for each in listed)
    return [path for path, key in keys if key is not None and key.upload_id in ids]
