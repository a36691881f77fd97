"""Inserts staged uploads, which are the envelopes of acknowledged uploads, in batches."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from dataclasses import dataclass
from typing import Final

from flamehouse.aws.objects import ObjectStorage, StoredObject
from flamehouse.blobs import storage_of
from flamehouse.blobs.keys import UploadKey, quarantine_key
from flamehouse.errors import Code, RpcError
from flamehouse.model.profile import Upload
from flamehouse.serverless.object_events import ObjectCreated
from flamehouse.services import Services
from flamehouse.telemetry import events, metrics
from flamehouse.telemetry.log import log
from ingest import pipeline
from ingest.keep import keep
from ingest.objects.quarantine import POISON, quarantine

_THREADS: Final = 16
_MAX_BATCH_BYTES: Final = 16 << 20
"""The maximum size of a batch of envelopes, as stored: decompressed, it must fit into the function's memory."""

type _Failures = dict[ObjectCreated, RpcError]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Read:
    """A staged object and its upload; `upload` is an error if the object can never be stored."""

    source: ObjectCreated
    found: StoredObject
    upload: Upload | RpcError

    def pieces(self) -> Sequence[bytes]:
        return (self.found.content,)


def handle(services: Services, objects: Sequence[ObjectCreated]) -> Mapping[ObjectCreated, RpcError]:
    """Store the objects' uploads, then delete the stored objects and quarantine those that can never be stored."""
    failures: _Failures = {}
    for batch in _batches(objects):
        found = _each(lambda source: _storage(services, source).get(source.key), batch, failures)
        failures |= _missing(services, [source for source, content in found.items() if content is None])
        read = [
            _Read(source=source, found=content, upload=_parsed(services, content))
            for source, content in found.items()
            if content is not None
        ]
        failures |= _store(services, read)
    return failures


def _batches(objects: Iterable[ObjectCreated]) -> Iterator[list[ObjectCreated]]:
    """Group the objects so that each group has at most 16 MiB, or is a single larger object."""
    batch: list[ObjectCreated] = []
    size = 0
    for source in objects:
        if batch and size + source.size > _MAX_BATCH_BYTES:
            yield batch
            batch, size = [], 0
        batch.append(source)
        size += source.size
    if batch:
        yield batch


def _missing(services: Services, sources: Sequence[ObjectCreated]) -> _Failures:
    """Return an error for each missing object whose upload is not in ClickHouse: its data is lost.

    If the upload is in ClickHouse, another worker deleted the object, or this one did and its message came again.
    """
    keys = {source: UploadKey.parse(source.key) for source in sources}
    pairs = [(key.tenant, key.upload_id) for key in keys.values() if key is not None]
    stored = services.store.in_ledger(pairs) if pairs else set()
    failures: _Failures = {}
    for source, key in keys.items():
        if key is not None and (key.tenant, key.upload_id) in stored:
            continue
        if key is not None and _is_quarantined(services, source):
            continue
        log(events.STAGED_UPLOAD_MISSING, key=source.key)
        metrics.add(metrics.STAGED_UPLOADS_MISSING)
        failures[source] = RpcError(Code.DATA_LOSS, f"{source.key} is missing, and its upload is not stored")
    return failures


def _store(services: Services, read: Sequence[_Read]) -> _Failures:
    uploads = [(each.upload, each) for each in read if isinstance(each.upload, Upload)]
    errors = services.store.insert_batch(uploads) if uploads else {}
    failures: _Failures = {}
    poison: dict[ObjectCreated, tuple[_Read, RpcError]] = {}
    stored: dict[ObjectCreated, _Read] = {}
    for each in read:
        upload = each.upload
        error = upload if isinstance(upload, RpcError) else errors.get((upload.tenant, upload.id))
        if error is None:
            stored[each.source] = each
        elif error.code in POISON:
            poison[each.source] = (each, error)
        else:
            failures[each.source] = error
    _each(lambda source: _finish(services, stored[source]), [*stored], failures)
    _each(lambda source: _quarantine(services, *poison[source]), [*poison], failures)
    return failures


def _finish(services: Services, read: _Read) -> None:
    """Retain the envelope if KEEP_BLOBS is set, and delete the object."""
    if isinstance(read.upload, Upload):
        keep(services, read.upload, lambda: read.found.content)
    _storage(services, read.source).delete(read.source.key)


def _quarantine(services: Services, read: _Read, error: RpcError) -> None:
    quarantine(_storage(services, read.source), read.source.key, read.found, error.message)


def _is_quarantined(services: Services, source: ObjectCreated) -> bool:
    return _storage(services, source).head(quarantine_key(source.key)) is not None


def _parsed(services: Services, found: StoredObject) -> Upload | RpcError:
    try:
        upload = pipeline.replay(services, found.content)
    except RpcError as error:
        return error.alone()
    return upload or RpcError(Code.INVALID_ARGUMENT, "the upload has no valid profile")


def _storage(services: Services, source: ObjectCreated) -> ObjectStorage:
    return storage_of(source.place, services.settings)


def _each[T](
    work: Callable[[ObjectCreated], T], sources: Sequence[ObjectCreated], failures: _Failures
) -> dict[ObjectCreated, T]:
    """Run `work` for all objects concurrently and return the results; add those whose storage fails to `failures`."""
    if not sources:
        return {}
    with ThreadPoolExecutor(min(_THREADS, len(sources))) as threads:
        # The context carries the time limit.
        running = {source: threads.submit(copy_context().run, work, source) for source in sources}
    done: dict[ObjectCreated, T] = {}
    for source, result in running.items():
        try:
            done[source] = result.result()
        except RpcError as error:
            failures[source] = error.alone()
    return done
