"""The way of every upload into the store: request, format, checks, normalising, insert.

An upload is answered when the store has it. One that holds bad profiles is stored without them and answered with what
is wrong with each, which is the answer to every retry of it too.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from typing import Final

from flamehouse.errors import Code, RpcError, invalid_argument
from flamehouse.incoming import IncomingProfile
from flamehouse.profile import Upload
from flamehouse.services import Services
from ingest.body import read_parts
from ingest.formats import format_of, parser_of
from ingest.normalize import normalize
from ingest.request import IngestRequest
from ingest.upload_id import upload_id
from ingest.validate import TooNewError, ValidProfile, validate

INGEST: Final = "/ingest"
"""What both paths of the endpoint are called in an upload's id."""

_SECOND_NS: Final = 1_000_000_000
_SERVICE_NAME: Final = "service_name"
_UNKNOWN_SERVICE: Final = "unknown_service"


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
    """One profile of an upload, or why it could not be read. `id` is what the client calls it."""

    id: str
    profile: IncomingProfile | RpcError


def ingest(
    services: Services, arrival: Arrival, request: IngestRequest, content_type: str, body: bytes
) -> None:
    """Store an upload to /ingest. RpcError has status 400 for a format there is no parser of, 422 for bad content."""
    settings = services.settings
    parse = parser_of(format_of(request.format, content_type))
    with _unprocessable("parsing"):
        parts = read_parts(
            body,
            content_type,
            max_body_bytes=settings.max_body_bytes,
            max_part_bytes=settings.max_profile_bytes,
        )
        parsed = parse(request, parts)
    id_ = upload_id(
        tenant=arrival.tenant,
        endpoint=INGEST,
        parameters=request.canonical(),
        parts=sorted(parts.items()),
        received_s=None if parsed.timed else arrival.received_s,
    )
    with _unprocessable("pushing"):
        store(services, arrival, id_, [Entry(id="", profile=profile) for profile in parsed.profiles])


def store(services: Services, arrival: Arrival, id_: bytes, entries: Sequence[Entry]) -> None:
    """Store the good profiles of an upload, then raise RpcError invalid_argument that names the bad ones, if any.

    Nothing is stored of an upload with a profile from the future: with time that profile becomes a good one, and a
    retry under the same id would be taken for stored.
    """
    accepted, refused = _check(entries, services, arrival)
    if not any(isinstance(error, TooNewError) for error in refused.values()):
        as_upload = partial(
            normalize,
            tenant=arrival.tenant,
            upload_id=id_,
            received_ns=arrival.received_ns,
            settings=services.settings,
        )
        upload = _normalize(accepted, refused, as_upload)
        if upload.profiles:
            services.store.insert(upload)
    if refused:
        raise _refusal(entries, refused)


type _Accepted = dict[int, ValidProfile]
type _Refused = dict[int, RpcError]


def _check(entries: Sequence[Entry], services: Services, arrival: Arrival) -> tuple[_Accepted, _Refused]:
    """Sort the profiles into good and bad ones, by their index in the upload."""
    accepted: _Accepted = {}
    refused: _Refused = {}
    for index, entry in enumerate(entries):
        if isinstance(entry.profile, RpcError):
            refused[index] = entry.profile
            continue
        profile = _with_service_name(entry.profile)
        try:
            accepted[index] = validate(profile, services.settings, arrival.received_ns)
        except RpcError as error:
            refused[index] = error
    return accepted, refused


def _with_service_name(profile: IncomingProfile) -> IncomingProfile:
    if profile.labels.get(_SERVICE_NAME):
        return profile
    return replace(profile, labels={**profile.labels, _SERVICE_NAME: _UNKNOWN_SERVICE})


def _normalize(
    accepted: _Accepted, refused: _Refused, as_upload: Callable[[Sequence[ValidProfile]], Upload]
) -> Upload:
    """Normalise what is accepted; a profile whose faults show only there goes over to the refused."""
    try:
        return as_upload([*accepted.values()])
    except RpcError:
        for index, profile in [*accepted.items()]:
            try:
                as_upload([profile])
            except RpcError as error:
                refused[index] = error
                del accepted[index]
        return as_upload([*accepted.values()])


def _refusal(entries: Sequence[Entry], refused: _Refused) -> RpcError:
    texts = [
        f"push series with index {index} and id {entries[index].id} failed: {error.code.wire_name}: {error.message}"
        for index, error in sorted(refused.items())
    ]
    count = f"{len(texts)} errors: " if len(texts) > 1 else ""
    return invalid_argument(count + "; ".join(texts))


@contextmanager
def _unprocessable(step: str) -> Iterator[None]:
    """What is wrong with the content has status 422 here, and says at which step it was found."""
    try:
        yield
    except RpcError as error:
        if error.code is not Code.INVALID_ARGUMENT:
            raise
        message = f"{step} IngestInput-pprof failed {error.message}"
        raise RpcError(Code.UNKNOWN, message, http_status=422) from error
