"""The way of every upload into the store: request, format, checks, normalising, insert.

An upload is answered when the store has it. One that holds bad profiles is stored without them and answered with what
is wrong with each, which is the answer to every retry of it too.
"""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Final

from flamehouse.errors import Code, RpcError, invalid_argument
from flamehouse.model.profile import SeriesProfile, Upload
from flamehouse.services import Services
from flamehouse.settings import Settings
from ingest.formats import FORMATS, UNPROCESSABLE, Format, RefusedProfileError, format_of, no_such_format
from ingest.profile.incoming import IncomingProfile
from ingest.profile.normalize import check_series_count, normalize, profile_id_of
from ingest.profile.series_labels import SERVICE_NAME, UNKNOWN_SERVICE
from ingest.profile.validate import TooNewError, ValidProfile, validate
from ingest.request.body import read_parts
from ingest.request.query import IngestRequest
from ingest.request.upload_id import upload_id

INGEST: Final = "/ingest"
"""What both paths of the endpoint are called in an upload's id."""

_SECOND_NS: Final = 1_000_000_000
_MAX_PARTS: Final = 4_000_000
"""Of all profiles of an upload: gzip makes gigabytes of messages of a few bytes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrival:
    """Whose an upload is and when it came in."""

    tenant: str
    received_ns: int

    @property
    def received_s(self) -> int:
        return self.received_ns // _SECOND_NS


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One accepted profile of an upload, or why it is refused. `id` is what the client calls it."""

    id: str
    profile: ValidProfile | RpcError

    @property
    def is_timed(self) -> bool:
        """Whether it is stored under a time of its own, if at all."""
        return isinstance(self.profile, RpcError) or self.profile.pprof.time_nanos > 0


@dataclass(slots=True, kw_only=True)
class Checks:
    """The checks on an upload's profiles, each made as soon as a profile is read: what is refused need not be kept."""

    settings: Settings
    received_ns: int
    past_s: int
    """How far before that a profile's time may lie; 0 is no limit."""
    room: int = _MAX_PARTS

    def accept(self, profile: IncomingProfile) -> ValidProfile:
        """The profile, with a service's name; RpcError invalid_argument says what is wrong with it.

        From the first on that makes the upload too large, every profile is refused.
        """
        if self.room >= 0:
            valid = validate(_with_service_name(profile), self.settings, self.received_ns, self.past_s)
            self.room -= valid.part_count
            if self.room >= 0:
                return valid
        raise invalid_argument(
            f"the upload's profiles have more than {_MAX_PARTS} samples, locations, functions and other parts"
        )


def checks_of(services: Services, arrival: Arrival) -> Checks:
    """The checks on an upload that came in as `arrival` says."""
    return Checks(settings=services.settings, received_ns=arrival.received_ns, past_s=services.ingest_past_s)


def ingest(
    services: Services, arrival: Arrival, request: IngestRequest, content_type: str, body: bytes
) -> None:
    """Store an upload to /ingest.

    RpcError has status 422 for content that is not of the format. A refused profile has the status that its format says.
    """
    settings = services.settings
    name = format_of(request.format, content_type, body)
    advice = no_such_format(request.format, name)
    request = replace(request, format=name)
    format_ = FORMATS[name]
    with _named_failure(name, format_, advice):
        parts = read_parts(
            body,
            content_type,
            format_.parts,
            max_body_bytes=settings.max_body_bytes,
            max_part_bytes=format_.part_limit(settings),
        )
        parsed = format_.parse(request, parts)
    id_ = upload_id(
        tenant=arrival.tenant,
        endpoint=INGEST,
        parameters=request.canonical(),
        parts=sorted(parts.items()),
        received_s=None if parsed.timed else arrival.received_s,
    )
    checks = checks_of(services, arrival)
    with _named_failure(name, format_, advice, pushing=True):
        store(services, arrival, id_, [entry_of(profile, checks) for profile in parsed.profiles])


def entry_of(profile: IncomingProfile, checks: Checks, id_: str = "") -> Entry:
    """The profile, checked."""
    try:
        return Entry(id=id_, profile=checks.accept(profile))
    except RpcError as error:
        return Entry(id=id_, profile=error.alone())


def id_of(
    arrival: Arrival, endpoint: str, parts: Iterable[tuple[str, bytes]], entries: Iterable[Entry]
) -> bytes:
    """The id of an upload that says nothing beside its profiles, which have times of their own or none."""
    timed = all(entry.is_timed for entry in entries)
    return upload_id(
        tenant=arrival.tenant,
        endpoint=endpoint,
        parameters=(),
        parts=parts,
        received_s=None if timed else arrival.received_s,
    )


def store(services: Services, arrival: Arrival, id_: bytes, entries: Sequence[Entry]) -> None:
    """Store the good profiles of an upload, then raise RpcError invalid_argument that names the bad ones, if any."""
    refused = store_good(services, arrival, id_, entries).refused
    if refused:
        raise _refusal(entries, refused)


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What became of an upload: why each profile that is refused is, by its index, and whether no other was stored."""

    refused: dict[int, RpcError]
    nothing_stored: bool


def store_good(services: Services, arrival: Arrival, id_: bytes, entries: Sequence[Entry]) -> Outcome:
    """Store the good profiles of an upload.

    Nothing is stored of an upload with a profile from the future: with time that profile becomes a good one, and a
    retry under the same id would be taken for stored.
    """
    refused = {
        index: entry.profile for index, entry in enumerate(entries) if isinstance(entry.profile, RpcError)
    }
    if any(isinstance(error, TooNewError) for error in refused.values()):
        return Outcome(refused=refused, nothing_stored=True)
    parts = _normalize(entries, refused, id_, arrival, services.settings)
    if parts:
        upload = Upload(tenant=arrival.tenant, id=id_, received_ns=arrival.received_ns, profiles=parts)
        services.store.insert(upload)
    return Outcome(refused=refused, nothing_stored=len(refused) == len(entries))


type _Refused = dict[int, RpcError]


def _normalize(
    entries: Sequence[Entry], refused: _Refused, upload_id: bytes, arrival: Arrival, settings: Settings
) -> list[SeriesProfile]:
    """What the upload is stored as; a profile whose faults show only here joins the refused, by its index.

    RpcError invalid_argument for an upload of too many series.
    """
    parts: list[SeriesProfile] = []
    fingerprints: set[int] = set()
    for index, entry in enumerate(entries):
        if isinstance(entry.profile, RpcError):
            continue
        id_ = profile_id_of(upload_id, index)
        try:
            of_profile = normalize(
                entry.profile, profile_id=id_, received_ns=arrival.received_ns, settings=settings
            )
        except RpcError as error:
            refused[index] = error.alone()
            continue
        parts += of_profile
        fingerprints.update(part.fingerprint for part in of_profile)
        check_series_count(len(fingerprints), settings)
    return parts


def _with_service_name(profile: IncomingProfile) -> IncomingProfile:
    if profile.labels.get(SERVICE_NAME):
        return profile
    return replace(profile, labels={**profile.labels, SERVICE_NAME: UNKNOWN_SERVICE})


def _refusal(entries: Sequence[Entry], refused: _Refused) -> RpcError:
    texts = [
        f"push series with index {index} and id {entries[index].id} failed: {error.code.wire_name}: {error.message}"
        for index, error in sorted(refused.items())
    ]
    count = f"{len(texts)} errors: " if len(texts) > 1 else ""
    return invalid_argument(count + "; ".join(texts))


@contextmanager
def _named_failure(name: str, format_: Format, advice: str, *, pushing: bool = False) -> Iterator[None]:
    """What is wrong with the content says in which format and at which step, and has the status of these.

    `advice` is what its sender should know besides.
    """
    try:
        yield
    except RpcError as error:
        if error.code is not Code.INVALID_ARGUMENT:
            raise
        pushing = pushing or isinstance(error, RefusedProfileError)
        message = f"{'pushing' if pushing else 'parsing'} IngestInput-{name} failed {error.message}{advice}"
        status = format_.refused_status if pushing else UNPROCESSABLE
        code = error.code if status is None else Code.UNKNOWN
        raise RpcError(code, message, http_status=status) from error
