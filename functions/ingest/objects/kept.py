"""Lists retained blobs, `kept/TENANT/DATE/HOUR/ID`, and replays the uploads in a selection of them."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import groupby

from flamehouse.aws.objects import ObjectInfo
from flamehouse.blobs.keys import KEPT, UploadKey, hour_of
from flamehouse.errors import PASSING, RpcError, invalid_argument
from flamehouse.model.profile import Upload
from flamehouse.model.time_range import TimeRange
from flamehouse.services import Services
from flamehouse.store.write.replay import ReplayInserts
from flamehouse.units import MS_PER_HOUR, NS_PER_MS
from ingest import pipeline

_BATCH: int = 100
_BATCH_BYTES: int = 16 << 20
"""The maximum size of a batch of envelopes: decompressed, it has to fit into memory."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """Uploads of a tenant (or all) whose first profile is in [start, end), with a profile of a service (or any)."""

    within: TimeRange
    tenant: str = ""
    service: str = ""

    def has(self, upload: Upload) -> bool:
        first_ms = min(profile.time_ns for profile in upload.profiles) // NS_PER_MS
        of_service = not self.service or any(each.service == self.service for each in upload.profiles)
        return of_service and self.within.start_ms <= first_ms < self.within.end_ms


@dataclass(frozen=True, slots=True, kw_only=True)
class Blob:
    """A retained envelope."""

    key: UploadKey
    size: int


@dataclass(slots=True, kw_only=True)
class Counts:
    """The outcomes so far: blobs that were stored again, were already stored or are not selected, and errors by key."""

    replayed: int = 0
    skipped: int = 0
    others: int = 0
    failed: dict[str, str] = field(default_factory=dict)

    @property
    def read(self) -> int:
        return self.replayed + self.skipped + self.others + len(self.failed)


def blobs_of(services: Services, selection: Selection) -> list[Blob]:
    """Return the blobs whose keys have an hour of the range, oldest first within each tenant."""
    prefix = f"{KEPT}{selection.tenant}/" if selection.tenant else KEPT
    first, last = (hour_of(ms * NS_PER_MS) for ms in (selection.within.start_ms, selection.within.end_ms - 1))
    return [blob for blob in _found(services.blobs.list(prefix)) if first <= blob.key.hour <= last]


def _found(listed: Iterable[ObjectInfo]) -> Iterator[Blob]:
    for each in listed:
        key = UploadKey.parse(each.key)
        if key is not None:
            yield Blob(key=key, size=each.size)


def batches(blobs: Sequence[Blob]) -> Iterator[list[Blob]]:
    """Yield the blobs by tenant, in batches of at most 100 blobs and 16 MiB, or of a single larger blob."""
    for _, of_tenant in groupby(blobs, lambda blob: blob.key.tenant):
        batch: list[Blob] = []
        for blob in of_tenant:
            full = len(batch) == _BATCH or sum(each.size for each in batch) + blob.size > _BATCH_BYTES
            if batch and full:
                yield batch
                batch = []
            batch.append(blob)
        if batch:
            yield batch


def replay(
    services: Services,
    inserts: ReplayInserts,
    blobs: Sequence[Blob],
    selection: Selection,
    report: Callable[[Counts], None],
) -> Counts:
    """Store those uploads of the blobs that are not stored yet, and call `report` after every batch.

    The process may be killed at any point.

    Raises:
        RpcError: if ClickHouse or the storage fails.
    """
    counts = Counts()
    for batch in batches(blobs):
        _replay_batch(services, inserts, batch, selection, counts)
        report(counts)
    return counts


def _replay_batch(
    services: Services, inserts: ReplayInserts, batch: Sequence[Blob], selection: Selection, counts: Counts
) -> None:
    ids = [blob.key.upload_id for blob in batch]
    stored = inserts.stored(batch[0].key.tenant, ids, _hours_of(batch))
    missing = [blob for blob in batch if blob.key.upload_id not in stored]
    counts.skipped += len(batch) - len(missing)
    uploads: dict[str, Upload] = {}
    for blob in missing:
        try:
            upload = _upload(services, blob)
        except RpcError as error:
            _raise_if_passing(error)
            counts.failed[blob.key.kept] = error.message
            continue
        if selection.has(upload):
            uploads[blob.key.kept] = upload
        else:
            counts.others += 1
    errors = inserts.store([*uploads.values()]) if uploads else {}
    for key, upload in uploads.items():
        found = errors.get((upload.tenant, upload.id))
        if found is None:
            counts.replayed += 1
            continue
        _raise_if_passing(found)
        counts.failed[key] = found.message


def _hours_of(batch: Sequence[Blob]) -> TimeRange:
    """Return the range of hours of the uploads' first profiles."""
    starts_ms = [blob.key.hour_ms for blob in batch]
    return TimeRange(start_ms=min(starts_ms), end_ms=max(starts_ms) + MS_PER_HOUR)


def _upload(services: Services, blob: Blob) -> Upload:
    found = services.blobs.get(blob.key.kept)
    if found is None:
        raise invalid_argument("the blob was deleted in the meantime")
    upload = pipeline.replay(services, found.content)
    if upload is None:
        raise invalid_argument("the upload has no valid profile: it may be older than the retention")
    return upload


def _raise_if_passing(error: RpcError) -> None:
    if error.code in PASSING:
        raise error
