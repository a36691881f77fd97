"""Reads uploads to push.v1.PusherService/Push: pprof profiles of several series."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Final

from flamehouse import memory
from flamehouse.errors import RpcError, invalid_argument
from flamehouse.memory import BusyError
from flamehouse.model.labels import check_label_sizes, unique_labels
from flamehouse.pb import push_pb2
from flamehouse.services import Services
from flamehouse.settings import Settings
from flamehouse.telemetry.request import note_service
from flamehouse.web.codec import codec_of
from flamehouse.web.message_body import MessageBody
from ingest.profile.checked import CheckedProfile, Checks
from ingest.profile.pprof import read_pprof
from ingest.profile.series_labels import SERVICE_NAME
from ingest.profile.validate import ValidProfile, check_size
from ingest.readers import ReadUpload, checks_of, id_of_profiles
from ingest.received import ReceivedUpload
from ingest.request.body import human_bytes, limit_of, unpack

_MAX_PROFILES: Final = 10_000
_MEMORY_FACTOR: Final = 16
"""The maximum bytes of memory that reading one byte of a profile takes; profiles are read one after the other."""
_SMALL_BYTES: Final = memory.SMALL_WORK_BYTES // _MEMORY_FACTOR
"""The longest body that is decoded before memory is reserved for it, so that the reservation fits its profiles."""
_SESSION_LABEL: Final = "__session_id__"

type _Labels = dict[str, str] | RpcError
"""The labels of a series, or the reason why they are invalid."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Sample:
    """One profile of a request: its id, a name for its series, its bytes, and the error if these cannot be read."""

    id: str
    name: str
    labels: _Labels
    content: bytes
    error: RpcError | None


def read(received: ReceivedUpload, services: Services) -> ReadUpload:
    """Read the upload. Raises RpcError(INVALID_ARGUMENT) for an invalid body, no profiles, or too many."""
    samples = _samples_in_turn(received, services.settings)
    checks = checks_of(received, services)
    profiles = [CheckedProfile(id=sample.id, profile=_profile(sample, checks)) for sample in samples]
    parts = ((sample.name, sample.content) for sample in samples)
    return ReadUpload(id=id_of_profiles(received, parts, profiles), profiles=profiles)


def _samples_in_turn(received: ReceivedUpload, settings: Settings) -> list[_Sample]:
    """Return the profiles once enough memory is available to read them."""
    body = _body(received).unpacked(settings.max_body_bytes)
    # The message and its profiles are copies of the body.
    needed = 2 * len(body.data)
    is_small = len(body.data) <= _SMALL_BYTES
    if not is_small:
        memory.begin_work(needed + settings.max_profile_bytes * _MEMORY_FACTOR)
    samples = _samples(body.message(push_pb2.PushRequest, settings.max_body_bytes), settings)
    if is_small:
        sizes = [len(sample.content) for sample in samples]
        memory.begin_work(needed + sum(sizes) + max(sizes) * _MEMORY_FACTOR)
    return samples


def _body(received: ReceivedUpload) -> MessageBody:
    codec = codec_of(received.content_type)
    if codec is None:
        raise invalid_argument(f"unsupported Content-Type {received.content_type!r}")
    return MessageBody(data=received.body, codec=codec, content_encoding=received.content_encoding)


def _samples(request: push_pb2.PushRequest, settings: Settings) -> list[_Sample]:
    """Return the request's profiles, decompressed. Raises RpcError(INVALID_ARGUMENT) for no profiles or too many."""
    count = sum(len(series.samples) for series in request.series)
    if not count:
        raise invalid_argument("no profiles received")
    if count > _MAX_PROFILES:
        raise invalid_argument(f"the push has {count} profiles: send at most {_MAX_PROFILES}")
    limit = left = settings.max_body_bytes
    samples = []
    for sample in _unpacked_samples(request, settings):
        left -= len(sample.content)
        if left < 0:
            size = human_bytes(limit)
            raise invalid_argument(
                f"uncompressed batched profile payload size exceeds limit of {size} (MAX_BODY_BYTES={limit})"
            )
        samples.append(sample)
    return samples


def _unpacked_samples(request: push_pb2.PushRequest, settings: Settings) -> Iterator[_Sample]:
    for series in request.series:
        pairs = sorted((label.name, label.value) for label in series.labels if label.name != _SESSION_LABEL)
        name = sha256(json.dumps(pairs).encode()).hexdigest()
        note_service(dict(pairs).get(SERVICE_NAME, ""))
        labels = _labels(pairs, settings)
        for sample in series.samples:
            content, error = _unpacked(sample.raw_profile, labels, settings)
            yield _Sample(id=sample.ID, name=name, labels=labels, content=content, error=error)


def _profile(sample: _Sample, checks: Checks) -> ValidProfile | RpcError:
    """Return the profile, or the reason why it is rejected."""
    if isinstance(sample.labels, RpcError):
        return sample.labels
    if sample.error is not None:
        return sample.error
    try:
        return checks.accept(read_pprof(sample.content, sample.labels))
    except RpcError as error:
        return error.alone()


def _labels(pairs: Sequence[tuple[str, str]], settings: Settings) -> _Labels:
    """Return the labels of a series, or the reason why they are invalid. Called once per series, not per profile."""
    try:
        labels = unique_labels(pairs)
        check_label_sizes(labels, settings)
    except RpcError as error:
        return error.alone()
    return labels


def _unpacked(raw: bytes, labels: _Labels, settings: Settings) -> tuple[bytes, RpcError | None]:
    """Return the decompressed profile, or the profile as sent and an error. Raises BusyError if memory is short."""
    if isinstance(labels, RpcError):
        return raw, None
    try:
        check_size(len(raw), labels, settings)
        return unpack(raw, limit_of(settings, "max_profile_bytes")), None
    except BusyError:
        raise
    except RpcError as error:
        return raw, error.alone()
