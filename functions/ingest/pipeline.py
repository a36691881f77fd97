"""The only way of an upload into the store: read and validated, normalized, inserted or staged.

An upload is acknowledged when the store has it, or the storage of blobs. One that holds invalid profiles is stored without
them, and its outcome names each of them, which is the outcome of every retry too.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Protocol

from flamehouse import memory
from flamehouse.errors import RpcError, invalid_argument
from flamehouse.model.profile import SeriesProfile, Upload
from flamehouse.services import Services
from flamehouse.settings import STAGED, Settings
from flamehouse.telemetry import events
from flamehouse.telemetry.log import log
from flamehouse.telemetry.request import note_error
from ingest.acknowledge import acknowledge
from ingest.profile.checked import CheckedProfile
from ingest.profile.normalize import check_series_count, normalize, profile_id_of
from ingest.profile.overflow import is_overflow
from ingest.profile.validate import TooNewError
from ingest.readers import ReadUpload, read_upload
from ingest.received import EnvelopeError, ReceivedUpload


@dataclass(frozen=True, slots=True, kw_only=True)
class Rejected:
    """A profile that is not stored: the client's name for it, and why."""

    id: str
    error: RpcError


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """The outcome of an upload: its rejected profiles by their index, and whether no other was stored.

    `error` is what a client receives whose protocol has no partial success; None if nothing was rejected. `warning` says
    what was changed of the stored ones, for protocols that have a place for it.
    """

    rejected: Mapping[int, Rejected]
    nothing_stored: bool
    error: RpcError | None
    warning: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rows:
    """The rows of an upload's valid profiles, None if there are none, the other profiles by their index, and a warning."""

    upload: Upload | None
    rejected: Mapping[int, RpcError]
    warning: str = ""


def ingest(services: Services, received: ReceivedUpload) -> Outcome:
    """Store the valid profiles of an upload.

    Raises:
        RpcError: for an upload of which nothing is stored, because it cannot be read or the store fails, or for one
            beyond a limit of its tenant; worded for the clients of its endpoint.
    """
    if services.settings.ingest_mode != STAGED:
        services.store.admit_upload(received.tenant, len(received.body))
    services = services.of_tenant(received.tenant)
    upload, rows = _read(services, received)
    if rows.upload is not None:
        with upload.explained():
            acknowledge(services, rows.upload, received)
    elif upload.if_empty is not None and not rows.rejected:
        raise upload.explain(upload.if_empty)
    rejected = rows.rejected
    refusal = _error_of(upload.profiles, rejected) if rejected else None
    if refusal:
        note_error(refusal.code.wire_name, refusal.message)
    return Outcome(
        rejected={
            index: Rejected(id=upload.profiles[index].id, error=error) for index, error in rejected.items()
        },
        nothing_stored=_is_too_new(rejected) or len(rejected) == len(upload.profiles),
        error=upload.explain(refusal) if refusal else None,
        warning=rows.warning,
    )


def replay(services: Services, record: bytes) -> Upload | None:
    """The upload that `ingest` has stored, or would have, for a serialized ReceivedUpload; None if nothing of it is valid.

    Raises:
        RpcError: for a record that cannot be read.
    """
    try:
        received = ReceivedUpload.parse(record)
    except EnvelopeError as error:
        raise invalid_argument(str(error)) from error
    services = services.of_tenant(received.tenant)
    return upload_of(read_upload(received, services), received, services.settings).upload


class Receipt(Protocol):
    """Whose upload it is, and when it came in."""

    @property
    def tenant(self) -> str: ...

    @property
    def received_ns(self) -> int: ...


def _read(services: Services, received: ReceivedUpload) -> tuple[ReadUpload, Rows]:
    """The upload and its rows; from here on it holds no working memory."""
    try:
        upload = read_upload(received, services)
        with upload.explained():
            return upload, upload_of(upload, received, services.settings)
    finally:
        memory.end_work()


def upload_of(upload: ReadUpload, received: Receipt, settings: Settings) -> Rows:
    """The rows of the valid profiles, and which profiles are invalid.

    Nothing is stored of an upload with a profile from the future: with time that profile becomes valid, and a retry
    under the same id would be taken for stored.
    """
    rejected = {
        index: checked.profile
        for index, checked in enumerate(upload.profiles)
        if isinstance(checked.profile, RpcError)
    }
    if _is_too_new(rejected):
        return Rows(upload=None, rejected=rejected)
    parts = _normalize(upload, rejected, received, settings)
    rejected = dict(sorted(rejected.items()))
    if not parts:
        return Rows(upload=None, rejected=rejected)
    rows = Upload(tenant=received.tenant, id=upload.id, received_ns=received.received_ns, profiles=parts)
    return Rows(upload=rows, rejected=rejected, warning=_warning_of(parts, settings))


def _is_too_new(rejected: Mapping[int, RpcError]) -> bool:
    return any(isinstance(error, TooNewError) for error in rejected.values())


def _normalize(
    upload: ReadUpload, rejected: dict[int, RpcError], received: Receipt, settings: Settings
) -> list[SeriesProfile]:
    """The rows of the upload; a profile whose faults only show here joins the rejected, by its index.

    Profiles beyond the limit on series are stored with folded labels, in as many series again at most.
    """
    parts: list[SeriesProfile] = []
    series, folded = set[int](), set[int]()
    for index, checked in enumerate(upload.profiles):
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


def _series_of(parts: Sequence[SeriesProfile]) -> set[int]:
    return {part.fingerprint for part in parts}


def _warning_of(parts: Sequence[SeriesProfile], settings: Settings) -> str:
    """Log and return what a client should know of folded labels; empty where there are none."""
    folded = [part for part in parts if is_overflow(part)]
    if not folded:
        return ""
    limit = settings.max_series_per_upload
    log(events.SERIES_FOLDED, service_name=folded[-1].service, limit=limit)
    count = len({part.profile_id for part in folded})
    return (
        f"{count} profiles make more series than MAX_SERIES_PER_UPLOAD={limit}: they are stored with labels folded into "
        "__overflow__"
    )


def _error_of(profiles: Sequence[CheckedProfile], rejected: Mapping[int, RpcError]) -> RpcError:
    texts = [
        f"push series with index {index} and id {profiles[index].id} failed: {error.code.wire_name}: {error.message}"
        for index, error in rejected.items()
    ]
    count = f"{len(texts)} errors: " if len(texts) > 1 else ""
    return invalid_argument(count + "; ".join(texts))
