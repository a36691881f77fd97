"""Ingests dropped files one by one: the objects `drops/TENANT/[SERVICE/]NAME`.

A stored file stays where it is; one that can never be stored moves to quarantine.
"""

import time
from collections.abc import Mapping, Sequence
from typing import Final

from flamehouse.aws.objects import ObjectStorage, StoredObject
from flamehouse.blobs import storage_of
from flamehouse.blobs.keys import DROPS
from flamehouse.errors import RpcError, invalid_argument
from flamehouse.identity.tenant import is_tenant
from flamehouse.serverless.object_events import ObjectCreated
from flamehouse.services import Services
from flamehouse.store.write.ledger import key_of
from flamehouse.telemetry import events
from flamehouse.telemetry.log import log
from ingest import pipeline
from ingest.keep import keep
from ingest.objects.quarantine import POISON, quarantine, quarantine_unread
from ingest.readers import read_upload
from ingest.readers.drop import MAX_BYTES, Description, json_object
from ingest.received import Endpoint, ReceivedUpload

SIDECAR: Final = ".meta.json"


def handle(services: Services, objects: Sequence[ObjectCreated]) -> Mapping[ObjectCreated, RpcError]:
    """Store the profiles of the files; quarantine those that can never be stored."""
    failures: dict[ObjectCreated, RpcError] = {}
    for source in objects:
        if source.key.endswith(("/", SIDECAR)):
            continue
        try:
            _handle(services, storage_of(source.place, services.settings), source)
        except RpcError as error:
            failures[source] = error.alone()
    return failures


def _handle(services: Services, storage: ObjectStorage, source: ObjectCreated) -> None:
    info = storage.head(source.key, source.version)
    if info is not None and info.size > MAX_BYTES:
        reason = f"the file has {info.size} bytes: at most {MAX_BYTES} are allowed"
        quarantine_unread(storage, source.key, info.size, reason)
        return
    found = storage.get(source.key, source.version) if info is not None else None
    if found is None:  # deleted meanwhile, or moved to quarantine
        log(events.OBJECT_IGNORED, place=source.place, key=source.key)
        return
    try:
        _store(services, storage, source.key, found)
    except RpcError as error:
        if error.code not in POISON:
            raise
        quarantine(storage, source.key, found, error.message, source.version)


def _store(services: Services, storage: ObjectStorage, key: str, found: StoredObject) -> None:
    """Store the valid profiles. Raises RpcError(INVALID_ARGUMENT) if a profile is invalid or the file has none."""
    received = received_of(key, found, _sidecar(storage, key))
    services = services.of_tenant(received.tenant)
    read = read_upload(received, services)
    rows = pipeline.upload_of(read, received, services.settings)
    upload, rejected = rows.upload, rows.rejected
    if upload is not None:
        keep(services, upload, received.serialize)
        errors = services.store.insert_batch([(upload, received)])
        if error := errors.get(key_of(upload)):
            raise error
    if rejected:
        reasons = "; ".join(f"profile {index}: {error.message}" for index, error in rejected.items())
        raise invalid_argument(f"{len(rejected)} of {len(read.profiles)} profiles were not stored: {reasons}")
    if upload is None and read.if_empty is not None:
        raise read.if_empty


def received_of(key: str, found: StoredObject, sidecar: bytes | None) -> ReceivedUpload:
    """Return a dropped file as an upload. The object's metadata takes precedence, then the sidecar, then the key.

    Raises RpcError(INVALID_ARGUMENT) for a key without a tenant, and for an invalid description.
    """
    tenant, _, rest = key.removeprefix(DROPS).partition("/")
    if not is_tenant(tenant) or not rest:
        raise invalid_argument(f"invalid key {key!r}: use {DROPS}TENANT/SERVICE/NAME")
    service, _, name = rest.rpartition("/")
    description = Description.of(found.metadata, "the object's metadata")
    if sidecar is not None:
        described = Description.of(json_object(sidecar, "the sidecar"), "the sidecar")
        description = description.over(described)
    description = description.over(Description(service=service or name.split(".")[0] or name))
    return ReceivedUpload(
        tenant=tenant,
        endpoint=Endpoint.DROP,
        received_ns=found.modified_ns or time.time_ns(),
        parameters=description.serialize(),
        body=found.content,
    )


def _sidecar(storage: ObjectStorage, key: str) -> bytes | None:
    found = storage.get(f"{key}{SIDECAR}")
    return None if found is None else found.content
