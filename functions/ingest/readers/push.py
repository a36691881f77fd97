"""Reads uploads to push.v1.PusherService/Push: pprof profiles of several series."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Final

from flamehouse import memory
from flamehouse.errors import RpcError, invalid_argument
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
"""The bytes of memory that reading a byte takes at most; profiles are read one after the other."""
_SESSION_LABEL: Final = "__session_id__"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Sample:
    """One profile of a request: a name for its series, its bytes, and the parsed profile."""

    name: str
    content: bytes
    checked: CheckedProfile


def read(received: ReceivedUpload, services: Services) -> ReadUpload:
    """Read the upload. Raises RpcError(INVALID_ARGUMENT) for an invalid body, and for no or too many profiles."""
    # The message and its profiles are copies of the body.
    memory.begin_work(2 * len(received.body) + services.settings.max_profile_bytes * _MEMORY_FACTOR)
    request = _body(received).message(push_pb2.PushRequest, services.settings.max_body_bytes)
    count = sum(len(series.samples) for series in request.series)
    if not count:
        raise invalid_argument("no profiles received")
    if count > _MAX_PROFILES:
        raise invalid_argument(f"the push has {count} profiles: send at most {_MAX_PROFILES}")
    samples = _read(request, checks_of(received, services))
    profiles = [sample.checked for sample in samples]
    parts = ((sample.name, sample.content) for sample in samples)
    return ReadUpload(id=id_of_profiles(received, parts, profiles), profiles=profiles)


def _body(received: ReceivedUpload) -> MessageBody:
    codec = codec_of(received.content_type)
    if codec is None:
        raise invalid_argument(f"unsupported Content-Type {received.content_type!r}")
    return MessageBody(data=received.body, codec=codec, content_encoding=received.content_encoding)


def _read(request: push_pb2.PushRequest, checks: Checks) -> list[_Sample]:
    limit = left = checks.settings.max_body_bytes
    samples = []
    for sample in _samples(request, checks):
        left -= len(sample.content)
        if left < 0:
            size = human_bytes(limit)
            raise invalid_argument(
                f"uncompressed batched profile payload size exceeds limit of {size} (MAX_BODY_BYTES={limit})"
            )
        samples.append(sample)
    return samples


def _samples(request: push_pb2.PushRequest, checks: Checks) -> Iterator[_Sample]:
    for series in request.series:
        pairs = sorted((label.name, label.value) for label in series.labels if label.name != _SESSION_LABEL)
        name = sha256(json.dumps(pairs).encode()).hexdigest()
        note_service(dict(pairs).get(SERVICE_NAME, ""))
        labels = _labels(pairs, checks.settings)
        for sample in series.samples:
            content = sample.raw_profile
            profile: ValidProfile | RpcError
            try:
                if isinstance(labels, RpcError):
                    raise labels
                content = _unpacked(content, labels, checks.settings)
                profile = checks.accept(read_pprof(content, labels))
            except RpcError as error:
                profile = error.alone()
            yield _Sample(name=name, content=content, checked=CheckedProfile(id=sample.ID, profile=profile))


def _labels(pairs: Sequence[tuple[str, str]], settings: Settings) -> dict[str, str] | RpcError:
    """Return the labels of a series, or the reason why they are invalid; validated once per series."""
    try:
        labels = unique_labels(pairs)
        check_label_sizes(labels, settings)
    except RpcError as error:
        return error.alone()
    return labels


def _unpacked(raw: bytes, labels: Mapping[str, str], settings: Settings) -> bytes:
    check_size(len(raw), labels, settings)
    return unpack(raw, limit_of(settings, "max_profile_bytes"))
