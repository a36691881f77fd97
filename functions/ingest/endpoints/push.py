"""push.v1.PusherService/Push: pprof profiles with the labels of their series, many of both in a request.

Sent by Grafana Alloy and by the SDKs for Python, Ruby, Rust and .NET.
"""

import json
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Final

from flamehouse.errors import RpcError, invalid_argument
from flamehouse.model.labels import check_label_sizes, unique_labels
from flamehouse.pb import push_pb2
from flamehouse.settings import Settings
from flamehouse.web.connect import Call, unary
from ingest.pipeline import Arrival, Checks, Entry, checks_of, id_of, store
from ingest.profile.incoming import IncomingProfile
from ingest.profile.pprof import decode_pprof
from ingest.profile.validate import ValidProfile, check_size
from ingest.request.body import human_bytes, unpack

_PATH: Final = "/push.v1.PusherService/Push"
_MAX_PROFILES: Final = 10_000
_SESSION_LABEL: Final = "__session_id__"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Sample:
    """One profile of a request: what stands for its series, its bytes, and what could be made of them."""

    name: str
    content: bytes
    entry: Entry


def push(call: Call, request: push_pb2.PushRequest) -> push_pb2.PushResponse:
    """Store the request's profiles. RpcError invalid_argument names each that is bad, once the others are stored."""
    arrival = Arrival(tenant=call.tenant, received_ns=time.time_ns())
    count = sum(len(series.samples) for series in request.series)
    if not count:
        raise invalid_argument("no profiles received")
    if count > _MAX_PROFILES:
        raise invalid_argument(f"a push may hold {_MAX_PROFILES} profiles, not {count}")
    samples = _read(request, checks_of(call.services, arrival))
    entries = [sample.entry for sample in samples]
    id_ = id_of(arrival, _PATH, ((sample.name, sample.content) for sample in samples), entries)
    store(call.services, arrival, id_, entries)
    return push_pb2.PushResponse()


def _read(request: push_pb2.PushRequest, checks: Checks) -> list[_Sample]:
    limit = room = checks.settings.max_body_bytes
    samples = []
    for sample in _samples(request, checks):
        room -= len(sample.content)
        if room < 0:
            size = human_bytes(limit)
            raise invalid_argument(f"uncompressed batched profile payload size exceeds limit of {size}")
        samples.append(sample)
    return samples


def _samples(request: push_pb2.PushRequest, checks: Checks) -> Iterator[_Sample]:
    for series in request.series:
        pairs = sorted((label.name, label.value) for label in series.labels if label.name != _SESSION_LABEL)
        name = sha256(json.dumps(pairs).encode()).hexdigest()
        labels = _labels(pairs, checks.settings)
        for sample in series.samples:
            content = sample.raw_profile
            profile: ValidProfile | RpcError
            try:
                if isinstance(labels, RpcError):
                    raise labels
                content = _unpacked(content, labels, checks.settings)
                profile = checks.accept(IncomingProfile(labels=labels, pprof=decode_pprof(content)))
            except RpcError as error:
                profile = error.alone()
            yield _Sample(name=name, content=content, entry=Entry(id=sample.ID, profile=profile))


def _labels(pairs: Sequence[tuple[str, str]], settings: Settings) -> dict[str, str] | RpcError:
    """The labels of a series, or why there are none: said once, however many profiles it has."""
    try:
        labels = unique_labels(pairs)
        check_label_sizes(labels, settings)
    except RpcError as error:
        return error.alone()
    return labels


def _unpacked(raw: bytes, labels: Mapping[str, str], settings: Settings) -> bytes:
    check_size(len(raw), labels, settings)
    return unpack(raw, settings.max_profile_bytes)


route = unary(_PATH, push_pb2.PushRequest, push)
