"""The readers, one per endpoint: each turns a received upload into an id and validated profiles.

Readers neither store anything nor format responses; `ingest.pipeline` and `ingest.endpoints` do.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import import_module
from typing import Final, Protocol, cast

from flamehouse.errors import RpcError
from flamehouse.services import Services
from ingest.profile.checked import CheckedProfile, Checks
from ingest.received import Endpoint, ReceivedUpload
from ingest.request.upload_id import upload_id


def _unchanged(error: RpcError) -> RpcError:
    return error


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadUpload:
    """A parsed and validated upload; `id` is the same for every retry.

    `explain` adapts later errors to the upload's client. `if_empty` is the error for an upload whose profiles have
    nothing to store; None if such an upload is allowed.
    """

    id: bytes
    profiles: list[CheckedProfile]
    explain: Callable[[RpcError], RpcError] = _unchanged
    if_empty: RpcError | None = None

    @contextmanager
    def explained(self) -> Iterator[None]:
        """Apply `explain` to the errors of the block."""
        try:
            yield
        except RpcError as error:
            raise self.explain(error) from error.__cause__


class Read(Protocol):
    """Reads an upload to one endpoint.

    Raises:
        RpcError: if the whole upload is invalid; rejected profiles are part of the result.
    """

    def __call__(self, received: ReceivedUpload, services: Services) -> ReadUpload: ...


_READERS: Final[Mapping[Endpoint, str]] = {
    Endpoint.INGEST: "ingest.readers.ingest",
    Endpoint.PUSH: "ingest.readers.push",
    Endpoint.OTLP: "ingest.readers.otlp",
    Endpoint.DROP: "ingest.readers.drop",
}
"""The reader modules. Each is imported for its first upload: loading OpenTelemetry's messages takes milliseconds."""


def read_upload(received: ReceivedUpload, services: Services) -> ReadUpload:
    """Read an upload with the reader of its endpoint; see `Read`."""
    return cast(Read, import_module(_READERS[received.endpoint]).read)(received, services)


def id_of_profiles(
    received: ReceivedUpload, parts: Iterable[tuple[str, bytes]], profiles: Iterable[CheckedProfile]
) -> bytes:
    """Return the id of an upload that consists only of profiles, which may or may not have their own times."""
    timed = all(profile.is_timed for profile in profiles)
    return upload_id(
        tenant=received.tenant,
        endpoint=received.endpoint,
        parameters=(),
        parts=parts,
        received_s=None if timed else received.received_s,
    )


def checks_of(received: ReceivedUpload, services: Services) -> Checks:
    """Return the checks for the profiles of an upload."""
    return Checks(settings=services.settings, received_ns=received.received_ns, past_s=services.ingest_past_s)
