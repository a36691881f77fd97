"""The uploads of a comparison: generated ones and, if ../shared exists next to the clone, recordings of clients.

Every upload differs from all others, as a server stores identical uploads of a tenant only once.
"""

import gzip
import json
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import count, islice
from pathlib import Path
from time import perf_counter
from typing import Any, Final
from urllib.parse import parse_qsl, urlencode

from bench.compare.data import PUSH, push_of
from bench.compare.side import Request, Side, Taken
from bench.plan import Plan
from bench.workload import START_NS, Drawn, Shape, encode_pprof, make_services, push_request
from flamehouse.pb import profile_pb2, push_pb2

_RECORDED: Final = Path(__file__).resolve().parents[3] / "shared" / "fixtures" / "sdk"
CLIENTS: Final = {
    "JFR of the Java agent": "java",
    "OTLP of the Java agent": "java-otlp",
    "Push of the Python SDK": "python",
    "pprof of the Go SDK": "go",
    "Push of Alloy": "alloy-scrape",
}
"""Folders of recorded client requests, by what the client sends."""
_UNKNOWN_FIELD: Final = bytes.fromhex("f87f")
"""The tag of field 2,047 as a varint. No message has this field, so decoders skip it."""
_INTERVAL_S: Final = 10
_LAST_SECOND: Final = 1 << 40
"""The largest time in seconds; larger ones are in nanoseconds."""

_GZIP: Final = b"\x1f\x8b"

type Uploads = Iterator[Request]


@dataclass(frozen=True, slots=True, kw_only=True)
class Recorded:
    """A recorded request: its target, its decompressed body and the headers that describe the body."""

    path: str
    query: Mapping[str, str]
    body: bytes
    headers: Mapping[str, str]

    def sent_again(self, tenant: str, number: int) -> Request:
        """Return the request with later times or, if it has no times, with an additional field that decoders skip."""
        path, body = self.path, self.body
        if "from" in self.query:
            path = f"{self.path}?{urlencode({**self.query, **self._later(number)})}"
        elif self.path == PUSH:
            body = _push_later(body, number)
        else:
            body += _UNKNOWN_FIELD + _varint(number)
        return Request(path=path, tenant=tenant, body=body, headers=self.headers)

    def _later(self, number: int) -> Mapping[str, str]:
        times = {name: int(self.query[name]) for name in ("from", "until")}
        unit = 1_000_000_000 if times["from"] > _LAST_SECOND else 1
        return {name: str(time + number * _INTERVAL_S * unit) for name, time in times.items()}


def uploads(plan: Plan, tenant: str) -> Mapping[str, Uploads]:
    """Return endless uploads by name, the same in every run. The tenant must be new."""
    shape = Shape(services=plan.services, stacks=plan.stacks, drawn=plan.drawn)
    small = Shape(services=plan.services, stacks=plan.stacks * 3 // 10, drawn=plan.drawn * 3 // 10)
    generated: Mapping[str, Uploads] = {
        "Push, 1 profile": (push_of(tenant, push_request([drawn])) for drawn in _drawn(shape)),
        "Push, 10 profiles of 300 stacks": _tens(tenant, small),
        "/ingest, pprof": (_ingest(tenant, drawn, "pprof", encode_pprof(drawn)) for drawn in _drawn(shape)),
        "/ingest, groups": (_ingest(tenant, drawn, "groups", _groups(drawn)) for drawn in _drawn(shape)),
    }
    kinds = {name: requests for name in CLIENTS if (requests := recorded(name))}
    return {**generated, **{name: _again(tenant, requests) for name, requests in kinds.items()}}


def send_all(side: Side, requests: Sequence[Request], clients: int) -> Taken:
    """Send uploads to a settled server from concurrent clients; CPU includes the background work that follows.

    Raises NotSupportedError if an upload is not accepted.
    """
    cpu_before = side.cpu_s()
    begun = perf_counter()
    with ThreadPoolExecutor(clients) as pool:
        for _ in pool.map(side.send, requests):
            pass
    elapsed_s = perf_counter() - begun
    cpu_s = side.settled_cpu_s() - cpu_before
    return Taken(wall_ms=elapsed_s * 1_000 / len(requests), cpu_ms=cpu_s * 1_000 / len(requests))


def _drawn(shape: Shape) -> Iterator[Drawn]:
    services = make_services(shape)
    return (service.draw(index) for index in count() for service in services)


def _tens(tenant: str, shape: Shape) -> Uploads:
    profiles = _drawn(shape)
    while True:
        yield push_of(tenant, push_request([*islice(profiles, 10)]))


def _ingest(tenant: str, drawn: Drawn, format_: str, body: bytes) -> Request:
    start_s = START_NS // 1_000_000_000 + drawn.index * _INTERVAL_S
    parameters = {
        "name": drawn.service.name,
        "format": format_,
        "from": start_s,
        "until": start_s + _INTERVAL_S,
        "units": "samples",
        "sampleRate": 100,
    }
    headers = {"Content-Type": "application/octet-stream"}
    return Request(path=f"/ingest?{urlencode(parameters)}", tenant=tenant, body=body, headers=headers)


def _groups(drawn: Drawn) -> bytes:
    """Return the stacks as text, without source lines."""
    program = drawn.service.program
    names = [function.name for function in program.functions]
    owners = program.frame_function[program.stacks[drawn.stacks]].tolist()
    depths = program.depths[drawn.stacks].tolist()
    return "".join(
        f"{';'.join(names[owner] for owner in row[:depth])} {hits}\n"
        for row, depth, hits in zip(owners, depths, drawn.counts.tolist(), strict=True)
    ).encode()


def _again(tenant: str, requests: Sequence[Recorded]) -> Uploads:
    return (request.sent_again(tenant, number) for number in count() for request in requests)


def recorded(kind: str) -> list[Recorded]:
    """Return the recorded requests of a kind in CLIENTS; empty if ../shared does not exist next to the clone."""
    return [_read(path.parent) for path in sorted((_RECORDED / CLIENTS[kind]).glob("*/request.json"))]


def _read(folder: Path) -> Recorded:
    described: Mapping[str, Any] = json.loads((folder / "request.json").read_text())
    sent = {name.title(): value for name, value in described["headers"]}
    body = (folder / "body.bin").read_bytes()
    return Recorded(
        path=described["path"],
        query=dict(parse_qsl(described["query"])),
        body=_unpacked(body),
        headers={"Content-Type": sent["Content-Type"]},
    )


def _push_later(body: bytes, number: int) -> bytes:
    """Return a Push request whose profiles have later times."""
    request = push_pb2.PushRequest.FromString(body)
    for sample in (sample for series in request.series for sample in series.samples):
        profile = profile_pb2.Profile.FromString(_unpacked(sample.raw_profile))
        profile.time_nanos += number * _INTERVAL_S * 1_000_000_000
        sample.raw_profile = gzip.compress(profile.SerializeToString(), compresslevel=1, mtime=0)
    return request.SerializeToString()


def _unpacked(data: bytes) -> bytes:
    return gzip.decompress(data) if data.startswith(_GZIP) else data


def _varint(number: int) -> bytes:
    """Return the number as a protobuf varint, seven bits per byte."""
    encoded = bytearray()
    while number > 127:
        encoded.append(number & 127 | 128)
        number >>= 7
    return bytes([*encoded, number])
