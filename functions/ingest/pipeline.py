"""The pipeline into the store: reads, validates and normalizes every upload, and inserts or stages it.

An upload is acknowledged when it is in the store or in the storage of blobs. Invalid profiles are not stored; the
outcome lists them, and is the same for every retry.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Final, Protocol

from flamehouse import memory
from flamehouse.errors import RpcError, invalid_argument
from flamehouse.model.profile import SeriesProfile, Upload
from flamehouse.services import Services
from flamehouse.settings import DIRECT, STAGED, Settings
from flamehouse.telemetry import events
from flamehouse.telemetry.log import log
from flamehouse.telemetry.request import note_error
from ingest.acknowledge import acknowledge
from ingest.profile.normalize import check_series_count, normalize, profile_id_of
from ingest.profile.overflow import is_overflow
from ingest.profile.validate import TooNewError
from ingest.published_quotas import published
from ingest.readers import ReadUpload, read_upload
from ingest.received import EnvelopeError, ReceivedUpload

WARNING_HEADER: Final = "Flamehouse-Warning"
"""The response header that says what was changed in a stored upload."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rejected:
    """A rejected profile: the client's id of it, and the reason."""

    id: str
    error: RpcError


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """The outcome of an upload: its rejected profiles by index, and whether nothing was stored.

    `error` is for protocols without partial success; None if nothing was rejected. `warning` describes changes to
    stored profiles, for protocols with warnings.
    """

    rejected: Mapping[int, Rejected]
    nothing_stored: bool
    error: RpcError | None
    warning: str = ""

    @property
    def warning_headers(self) -> dict[str, str]:
        """The warning as a response header, for protocols without a field for warnings."""
        return {WARNING_HEADER: self.warning} if self.warning else {}


@dataclass(frozen=True, slots=True, kw_only=True)
class Rows:
    """The rows of an upload's valid profiles (None without any), the errors of the others by index, and a warning."""

    upload: Upload | None
    rejected: Mapping[int, RpcError]
    warning: str = ""


def admit(services: Services, tenant: str, announced: int) -> None:
    """Count an upload against its tenant's limits, before its body of `announced` bytes is read.

    If uploads may be staged, the limits come from a blob, because a query for them would wake ClickHouse.

    Raises:
        RpcError: `resource_exhausted` if a limit is exceeded, `unavailable` if nothing can be stored.
    """
    source = None if services.settings.ingest_mode == DIRECT else partial(published, services)
    services.store.admit_request(tenant, announced, source)


def ingest(services: Services, received: ReceivedUpload) -> Outcome:
    """Store the valid profiles of an upload that `admit` has counted.

    Raises:
        RpcError: if nothing is stored, because the upload is unreadable, the store fails, or a limit of the tenant is
            exceeded. The message is in the form of the endpoint.
    """
    services = _admit_body(services, received)
    upload, ids, rows = _read(services, received)
    if rows.upload is not None:
        with upload.explained():
            acknowledge(services, rows.upload, received)
    elif upload.if_empty is not None and not rows.rejected:
        raise upload.explain(upload.if_empty)
    rejected = rows.rejected
    refusal = _error_of(ids, rejected) if rejected else None
    if refusal:
        note_error(refusal.code.wire_name, refusal.message)
    return Outcome(
        rejected={index: Rejected(id=ids[index], error=error) for index, error in rejected.items()},
        nothing_stored=_is_too_new(rejected) or len(rejected) == len(ids),
        error=upload.explain(refusal) if refusal else None,
        warning=rows.warning,
    )


def _admit_body(services: Services, received: ReceivedUpload) -> Services:
    """Count the bytes of the upload, and return the services with the label rules that apply now.

    In mode `staged`, the worker applies the label rules.
    """
    services.store.admit_body(received.tenant, received.size)
    return services if services.settings.ingest_mode == STAGED else services.of_tenant(received.tenant)


def replay(services: Services, record: bytes) -> Upload | None:
    """Return the upload that `ingest` would store for a serialized ReceivedUpload; None if it has no valid profile.

    Raises:
        RpcError: if the record is unreadable.
    """
    try:
        received = ReceivedUpload.parse(record)
    except EnvelopeError as error:
        raise invalid_argument(str(error)) from error
    services = services.of_tenant(received.tenant)
    return upload_of(read_upload(received, services), received, services.settings).upload


class Receipt(Protocol):
    """The tenant of an upload, its time of receipt, and its size in bytes."""

    @property
    def tenant(self) -> str: ...

    @property
    def received_ns(self) -> int: ...

    @property
    def size(self) -> int: ...


def _read(services: Services, received: ReceivedUpload) -> tuple[ReadUpload, Sequence[str], Rows]:
    """Return the upload without its profiles, their ids, and its rows; the working memory is released."""
    try:
        upload = read_upload(received, services)
        ids = [profile.id for profile in upload.profiles]
        with upload.explained():
            rows = upload_of(upload, received, services.settings)
        return upload, ids, rows
    finally:
        memory.end_work()


def upload_of(upload: ReadUpload, received: Receipt, settings: Settings) -> Rows:
    """Return the rows of the valid profiles, and the errors of the invalid ones.

    The profiles are removed from `upload` one by one, because they may take most of the upload's memory.

    An upload with a profile from the future is rejected as a whole: that profile becomes valid later, but a retry with
    the same id would count as already stored.
    """
    rejected = {
        index: checked.profile
        for index, checked in enumerate(upload.profiles)
        if isinstance(checked.profile, RpcError)
    }
    if _is_too_new(rejected):
        upload.profiles.clear()
        return Rows(upload=None, rejected=rejected)
    parts = _normalize(upload, rejected, received, settings)
    rejected = dict(sorted(rejected.items()))
    if not parts:
        return Rows(upload=None, rejected=rejected)
    rows = Upload(
        tenant=received.tenant,
        id=upload.id,
        received_ns=received.received_ns,
        profiles=parts,
        size=received.size,
    )
    return Rows(upload=rows, rejected=rejected, warning=_warning_of(parts, settings))


def _is_too_new(rejected: Mapping[int, RpcError]) -> bool:
    return any(isinstance(error, TooNewError) for error in rejected.values())


def _normalize(
    upload: ReadUpload, rejected: dict[int, RpcError], received: Receipt, settings: Settings
) -> list[SeriesProfile]:
    """Return the rows of the upload; adds profiles that turn out to be invalid to `rejected`, by index.

    Profiles beyond the limit on series are stored with folded labels, in at most as many additional series.
    """
    parts: list[SeriesProfile] = []
    series, folded = set[int](), set[int]()
    for index, checked in enumerate(_emptied(upload.profiles)):
        if isinstance(checked.profile, RpcError):
            continue
        normalized = partial(
            normalize,
            checked.profile,
            profile_id=profile_id_of(upload.id, index),
            received_ns=received.received_ns,
            settings=settings,
        )
        try:
            of_profile = normalized(series_left=settings.max_series_per_upload - len(series))
            counted = series
            if len(series.union(_series_of(of_profile))) > settings.max_series_per_upload:
                of_profile, counted = normalized(series_left=0, folds_own=True), folded
            check_series_count(len(counted.union(_series_of(of_profile))), settings)
        except RpcError as error:
            rejected[index] = error.alone()
            continue
        counted.update(_series_of(of_profile))
        parts += of_profile
    return parts


def _emptied[T](items: list[T]) -> Iterator[T]:
    """Yield the items in order, and remove each from the list."""
    items.reverse()
    while items:
        yield items.pop()


def _series_of(parts: Sequence[SeriesProfile]) -> set[int]:
    return {part.fingerprint for part in parts}


def _warning_of(parts: Sequence[SeriesProfile], settings: Settings) -> str:
    """Log folded labels, and return the warning about them; empty without any."""
    folded = [part for part in parts if is_overflow(part)]
    if not folded:
        return ""
    limit = settings.max_series_per_upload
    log(events.SERIES_FOLDED, service_name=folded[-1].service, limit=limit)
    count = len({part.profile_id for part in folded})
    return (
        f"the upload exceeds MAX_SERIES_PER_UPLOAD={limit}: label values in {count} profiles were replaced by "
        "__overflow__"
    )


def _error_of(ids: Sequence[str], rejected: Mapping[int, RpcError]) -> RpcError:
    texts = [
        f"push series with index {index} and id {ids[index]} failed: {error.code.wire_name}: {error.message}"
        for index, error in rejected.items()
    ]
    count = f"{len(texts)} errors: " if len(texts) > 1 else ""
    return invalid_argument(count + "; ".join(texts))
