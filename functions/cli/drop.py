"""`flamehouse drop`: shows what a dropped file would be stored as, and optionally drops it."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final

import click

from cli.database import database_settings
from cli.times import clock
from flamehouse.aws.objects import StoredObject
from flamehouse.blobs import storage_of
from flamehouse.blobs.keys import DROPS
from flamehouse.errors import OperatorError, RpcError
from flamehouse.identity.tenant import ANONYMOUS
from flamehouse.model.profile import SeriesProfile, Upload
from flamehouse.services import Services
from flamehouse.settings import Settings
from flamehouse.store.clickhouse_store import open_store
from flamehouse.store.connection.errors import exit_on_failure
from flamehouse.units import NS_PER_MS, NS_PER_S
from ingest import pipeline
from ingest.formats import format_of
from ingest.objects.drops import SIDECAR, received_of
from ingest.readers import drop as reader
from ingest.received import ReceivedUpload

_SHOWN: Final = 20
"""The number of profiles printed for a file."""


@click.command()
@click.argument(
    "files", nargs=-1, required=True, type=click.Path(exists=True, dir_okay=False, path_type=Path)
)
@click.option("--service", default="", help="The service. [the file's name up to its first dot]")
@click.option("--label", "labels", multiple=True, metavar="NAME=VALUE", help="A label; may be repeated.")
@click.option(
    "--time", "time_", default="", help="The time: ISO 8601 or Unix. [of the profile, or of the file]"
)
@click.option(
    "--format",
    "format_",
    default="",
    help="The format, such as lines, if the content does not show it. [by the content]",
)
@click.option("--tenant", default=ANONYMOUS, show_default=True, help="The tenant.")
@click.option("--to", "place", help="Put the files into s3://BUCKET or the folder BLOBS_DIR. [only check]")
def drop(  # noqa: PLR0913  # a parameter per option
    *,
    files: Sequence[Path],
    service: str,
    labels: Sequence[str],
    time_: str,
    format_: str,
    tenant: str,
    place: str | None,
) -> None:
    """Check profile FILES and show what is stored when they are dropped; with --to, drop them.

    A file NAME.meta.json next to a file describes it, as in the bucket. After an invalid file, the command continues with
    the next one and exits with status 1.
    """
    described = {"service": service, "labels": ",".join(labels), "time": time_, "format": format_}
    metadata = {name: text for name, text in described.items() if text}
    with exit_on_failure():
        settings = replace(database_settings(), ingest_window_past_s=0)
        # The store is not opened, so limits set in a database do not apply.
        services = Services(settings=settings, store=open_store(settings))
        invalid = [file for file in files if not _drop(file, metadata, tenant, place, services)]
    if invalid:
        raise OperatorError(f"{len(invalid)} of {len(files)} files cannot be stored")


def _drop(
    file: Path, metadata: Mapping[str, str], tenant: str, place: str | None, services: Services
) -> bool:
    """Show one file and drop it; return whether all of it can be stored."""
    service = metadata.get("service", "")
    key = f"{DROPS}{tenant}/{f'{service}/' if service else ''}{file.name}"
    sidecar = file.with_name(f"{file.name}{SIDECAR}")
    try:
        found = StoredObject(
            content=file.read_bytes(), metadata=metadata, modified_ns=file.stat().st_mtime_ns
        )
        described = sidecar.read_bytes() if sidecar.is_file() else None
        received = received_of(key, found, described)
        upload, errors = _read(received, services)
        _show(file, received, upload, errors)
        if place and not errors:
            _put(place, services.settings, key, received, upload)
    except OSError as error:
        raise OperatorError(f"cannot read {file}: {error.strerror}") from error
    except RpcError as error:
        click.echo(f"flamehouse: {file}: {error.message}", err=True)
        return False
    return not errors


def _read(received: ReceivedUpload, services: Services) -> tuple[Upload | None, Sequence[RpcError]]:
    """Return the upload, and the errors of its invalid profiles."""
    read = reader.read(received, services)
    rows = pipeline.upload_of(read, received, services.settings)
    if rows.upload is None and not rows.rejected and read.if_empty is not None:
        raise read.if_empty
    return rows.upload, [*rows.rejected.values()]


def _show(file: Path, received: ReceivedUpload, upload: Upload | None, errors: Sequence[RpcError]) -> None:
    described = reader.Description.parse(received.parameters).format
    click.echo(f"{file}: {format_of(described, '', received.body)}, tenant {received.tenant}")
    profiles = [] if upload is None else upload.profiles
    for profile in profiles[:_SHOWN]:
        click.echo(f"  {_line(profile)}")
    if len(profiles) > _SHOWN:
        click.echo(f"  and {len(profiles) - _SHOWN} more")
    for error in errors:
        click.echo(f"flamehouse: {file}: {error.message}", err=True)


def _line(profile: SeriesProfile) -> str:
    labels = ", ".join(f'{name}="{value}"' for name, value in profile.labels if not name.startswith("__"))
    at = clock(profile.time_ns // NS_PER_MS)
    return f"{at} UTC  {profile.profile_type}  {{{labels}}}  {len(profile.values):,} stacks, total {sum(profile.values):,}"


def _put(place: str, settings: Settings, key: str, received: ReceivedUpload, upload: Upload | None) -> None:
    """Put the file. A sidecar with the metadata that its key lacks is put first, so that the worker finds both."""
    storage = storage_of(place, settings)
    description = reader.Description.parse(received.parameters)
    received_s = received.received_s
    if upload and any(each.time_ns // NS_PER_S == received_s for each in upload.profiles):
        # The file contains no time, and the modification time of the object would be the time of this put.
        description = replace(description, time=str(received_s))
    if description != reader.Description(service=description.service):
        storage.put(f"{key}{SIDECAR}", description.serialize().encode())
    storage.put(key, received.body)
    click.echo(f"  put as {key}")
