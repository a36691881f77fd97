"""Reads the OTLP profiles that an OpenTelemetry collector or SDK exports: the request's message and its profiles.

Only this package loads OpenTelemetry's messages, and it is imported when the first such request arrives. HTTP and gRPC
are in `ingest.endpoints`.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from google.protobuf.message import Message
from opentelemetry.proto.collector.profiles.v1development.profiles_service_pb2 import (
    ExportProfilesPartialSuccess,
    ExportProfilesServiceResponse,
)

from flamehouse.errors import RpcError, invalid_argument
from flamehouse.model.labels import check_label_sizes
from flamehouse.settings import Settings
from ingest.formats.otlp.conversion import Profile, convert
from ingest.formats.otlp.dictionary import Dictionary
from ingest.formats.otlp.export import Export
from ingest.formats.otlp.layouts import Request, read_proto
from ingest.formats.otlp.message import read_json
from ingest.profile.incoming import IncomingProfile
from ingest.profile.series_labels import SERVICE_NAME, UNKNOWN_SERVICE
from ingest.profile.validate import check_sample_count, check_sample_labels, check_size
from ingest.request.body import human_bytes

__all__ = ["Found", "answer", "profiles_of", "read_json", "read_proto"]

_MAX_PROFILES: Final = 10_000
"""Per request; applied again after profiles are split by service."""
_MAX_FRAMES: Final = 4_000_000
"""Per request, in all of its samples: any number of samples may refer to a stack that is encoded once."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """One profile of a request: its position, and the resulting profiles or the reason why it is rejected."""

    place: str
    profiles: Sequence[IncomingProfile] | RpcError


def answer(rejected: int, message: str) -> ExportProfilesServiceResponse:
    """Returns the response to a request stored without `rejected` of its profiles; empty if it is stored as sent.

    In the protocol, a message without rejected profiles is a warning.
    """
    if not message:
        return ExportProfilesServiceResponse()
    partial = ExportProfilesPartialSuccess(rejected_profiles=rejected, error_message=message)
    return ExportProfilesServiceResponse(partial_success=partial)


def profiles_of(request: Request, settings: Settings) -> Iterator[Found]:
    """Yields the profiles of the request that have samples.

    Raises:
        RpcError: `invalid_argument` for more profiles than a request may hold, and for unreadable tables.
    """
    export = Export(request, settings)
    resources = request.message.resource_profiles
    count = sum(len(scope.profiles) for resource in resources for scope in resource.scope_profiles)
    if count > _MAX_PROFILES:
        raise invalid_argument(f"the request has {count} profiles: send at most {_MAX_PROFILES}")
    reader = _Reader(export, settings)
    for resource_number, resource in enumerate(resources):
        of_resource = reader.labels_of_resource(resource)
        for scope_number, scope in enumerate(resource.scope_profiles):
            labels = reader.labels_of_scope(scope, of_resource)
            for number, profile in enumerate(scope.profiles):
                if request.layout.samples_of(profile):
                    place = f"resource {resource_number}, scope {scope_number}, profile {number}"
                    yield Found(place=place, profiles=reader.read(profile, labels))


type _Labels = dict[str, str] | RpcError


class _Reader:
    """Reads the profiles of one request, and counts their total size."""

    def __init__(self, export: Export, settings: Settings) -> None:
        self._settings = settings
        self._export = export
        self._profiles_left = _MAX_PROFILES
        self._frames_left = _MAX_FRAMES
        self._bytes_left = settings.max_body_bytes

    def labels_of_resource(self, resource: Message) -> _Labels:
        """Returns the labels of all its profiles, or the error in them. Called once per resource, not per profile."""
        try:
            labels = self._export.labels_of_resource(resource)
            check_label_sizes(labels, self._settings)
        except RpcError as error:
            return error.alone()
        executable = labels.get("process.executable.name")
        unknown = f"{UNKNOWN_SERVICE}:{executable}" if executable else UNKNOWN_SERVICE
        labels[SERVICE_NAME] = labels.get("service.name") or labels.get(SERVICE_NAME) or unknown
        return labels

    def labels_of_scope(self, scope: Message, of_resource: _Labels) -> _Labels:
        """Returns the labels of all its profiles; those of the resource override those of the scope."""
        if isinstance(of_resource, RpcError):
            return of_resource
        try:
            labels = {**self._export.labels_of_scope(scope), **of_resource}
            check_label_sizes(labels, self._settings)
        except RpcError as error:
            return error.alone()
        return labels

    def read(self, profile: Message, labels: _Labels) -> Sequence[IncomingProfile] | RpcError:
        if isinstance(labels, RpcError):
            return labels
        profiles = []
        try:
            self._check_room()
            check_sample_count(len(self._export.samples_of(profile)), labels, self._settings)
            for each, dictionary in self._export.opened(profile):
                self._check_counts(each, labels, dictionary)
                for incoming in convert(each, labels, dictionary):
                    self._check_size(incoming)
                    profiles.append(incoming)
        except RpcError as error:
            return error.alone()
        return profiles

    def _check_counts(self, profile: Profile, labels: Mapping[str, str], dictionary: Dictionary) -> None:
        samples = profile.samples
        check_sample_labels(max(len(sample.attribute_indices) for sample in samples), labels, self._settings)
        if self._frames_left >= 0:
            self._frames_left -= dictionary.frame_count([sample.stack_index for sample in samples])
        if self._frames_left < 0:
            raise invalid_argument(f"the samples of the request have more than {_MAX_FRAMES} frames")

    def _check_size(self, incoming: IncomingProfile) -> None:
        size = incoming.pprof.ByteSize()
        self._bytes_left -= size
        self._profiles_left -= 1
        check_size(size, incoming.labels, self._settings)
        self._check_room()

    def _check_room(self) -> None:
        """Raises RpcError once a profile has exceeded the limit of the request, so that further ones are not read."""
        if self._profiles_left < 0:
            raise invalid_argument(
                f"the request has more than {_MAX_PROFILES} profiles, counting a profile once for each service"
            )
        if self._bytes_left < 0:
            limit = human_bytes(self._settings.max_body_bytes)
            raise invalid_argument(f"the request's profiles together exceed the limit of {limit}")
