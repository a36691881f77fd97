"""Measures the uploads per second of a local server over HTTP, and their cost; checks that all are stored."""

import http.client
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from itertools import count, islice
from time import perf_counter, sleep
from urllib.parse import urlsplit

from bench.floor import cpu_s, measure_floor
from bench.plan import Plan
from bench.report import Line
from bench.workload import (
    CPU_PERIOD_NS,
    PROFILE_TYPE,
    START_NS,
    Drawn,
    Shape,
    make_services,
    push_request,
)
from flamehouse.pb.querier_pb2 import SelectSeriesRequest, SelectSeriesResponse
from tools.local_server import local_server

_HEADERS = {"Content-Type": "application/proto", "Connect-Protocol-Version": "1"}
_TIMEOUT_S = 60
_DAY_MS = 86_400_000
_TEN = 10
_TEN_CLIENTS = 8
_TEN_STACKS = 300
_LOOK_S = 3.0
"""Merges and roll-ups count as done when the server has used hardly any CPU for this long."""
_HARDLY_S = 0.15
_LONGEST_DUST_S = 75.0

_AT_LEAST = {1: 40, 4: 100, 16: 100}
"""The targets in uploads per second, by number of clients."""
_AT_MOST_MS = {1: 30, 4: 15, 16: 15}
_PYROSCOPE = {
    1: "102 per second, Pyroscope with async ingest",
    4: "150 per second, Pyroscope with async ingest",
    16: "137 per second, Pyroscope with async ingest and 10 clients",
}
"""Recorded on another machine with two cores, as are the other figures of Pyroscope."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Upload:
    """A push request, and the total of its profiles in nanoseconds."""

    body: bytes
    total: int


@dataclass(frozen=True, slots=True, kw_only=True)
class _Server:
    """The local server in a separate process; `address` is its host and port."""

    address: str
    pid: int

    def connect(self) -> http.client.HTTPConnection:
        return http.client.HTTPConnection(self.address, timeout=_TIMEOUT_S)

    def settled_cpu_s(self) -> float:
        """Wait for merges and roll-ups, at most 75 s, and return the seconds of CPU that the server has used."""
        end, now_s = perf_counter() + _LONGEST_DUST_S, cpu_s(self.pid)
        while perf_counter() < end:
            before_s = now_s
            sleep(_LOOK_S)
            now_s = cpu_s(self.pid)
            if now_s - before_s < _HARDLY_S:
                break
        return now_s


def measure(plan: Plan) -> Sequence[Line]:
    """Measure one server with more and more clients, then with several profiles per request."""
    floor = measure_floor()
    lines = floor.lines()
    with local_server(RETENTION_DAYS="0") as started:
        server = _Server(address=urlsplit(started.url).netloc, pid=started.pid)
        uploads = _uploads(plan)
        acknowledged = sum(_client(server, [*islice(uploads, plan.services)], perf_counter() + _TIMEOUT_S))
        for clients in plan.clients:
            rate = _rate(server, [*islice(uploads, plan.rate_uploads)], clients, plan.rate_s)
            lines += _lines_of(rate, clients, floor.insert_cpu_ms + floor.response_cpu_ms)
            acknowledged += rate.total
        warm, sent = _requests_of_ten(plan)
        acknowledged += _rate(server, warm, _TEN_CLIENTS, _TIMEOUT_S).total
        rate = _rate(server, sent, _TEN_CLIENTS, plan.rate_s)
        lines += _lines_of_ten(rate)
        acknowledged += rate.total
        stored = _stored(server) / acknowledged
    lines.append(
        Line(
            what="acknowledged uploads that are stored",
            ours=f"{stored:.3%}",
            figure=stored,
            at_least=1,
            at_most=1,
        )
    )
    return lines


@dataclass(frozen=True, slots=True, kw_only=True)
class _Rate:
    """Acknowledged uploads: their rate per second, the CPU per upload including merges, and the profiles' total."""

    a_second: float
    cpu_ms: float
    total: int


def _rate(server: _Server, uploads: Sequence[_Upload], clients: int, seconds: float) -> _Rate:
    """Send uploads until the time or the uploads run out."""
    cpu_before, start = server.settled_cpu_s(), perf_counter()
    with ThreadPoolExecutor(clients) as pool:
        shares = [
            pool.submit(_client, server, uploads[client::clients], start + seconds)
            for client in range(clients)
        ]
        totals = [total for share in shares for total in share.result()]
    elapsed = perf_counter() - start
    cpu_ms = (server.settled_cpu_s() - cpu_before) * 1_000 / len(totals)
    return _Rate(a_second=len(totals) / elapsed, cpu_ms=cpu_ms, total=sum(totals))


def _lines_of(rate: _Rate, clients: int, floor_ms: float) -> Iterator[Line]:
    yield Line(
        what=f"uploads acknowledged, clients: {clients}",
        ours=f"{rate.a_second:.1f} per second",
        beside=_PYROSCOPE.get(clients, ""),
        figure=rate.a_second,
        at_least=_AT_LEAST.get(clients),
    )
    yield Line(
        what="... CPU of each, including merges and roll-ups",
        ours=f"{rate.cpu_ms:.1f} ms, {rate.cpu_ms / floor_ms:.1f} times the floor",
        beside="28.5 to 31 ms Pyroscope",
        figure=rate.cpu_ms,
        at_most=_AT_MOST_MS.get(clients),
    )


def _lines_of_ten(rate: _Rate) -> Iterator[Line]:
    yield Line(
        what=f"profiles acknowledged, {_TEN} of {_TEN_STACKS} stacks per request, clients: {_TEN_CLIENTS}",
        ours=f"{rate.a_second * _TEN:.1f} per second",
        beside="155.9 per second Pyroscope",
        figure=rate.a_second * _TEN,
        at_least=150,
    )
    yield Line(
        what="... CPU of each, including merges and roll-ups",
        ours=f"{rate.cpu_ms / _TEN:.1f} ms",
        beside="8.6 ms Pyroscope",
        figure=rate.cpu_ms / _TEN,
        at_most=8,
    )


def _requests_of_ten(plan: Plan) -> tuple[list[_Upload], list[_Upload]]:
    """Return requests with ten profiles of one service each: those that warm up the server, and those to measure."""
    # Start in an hour that has no other profiles.
    first = 2 * plan.long
    shape = Shape(services=_TEN_CLIENTS, stacks=plan.stacks * 3 // 10, drawn=min(_TEN_STACKS, plan.drawn))
    services = make_services(shape)
    requests = [
        _upload([service.draw(first + number * _TEN + index) for index in range(_TEN)])
        for number in range(max(2, plan.rate_uploads // 50))
        for service in services
    ]
    return requests[:_TEN_CLIENTS], requests[_TEN_CLIENTS:]


def _client(server: _Server, uploads: Sequence[_Upload], end: float) -> list[int]:
    """Run one client on one connection until `end`; return the totals of the uploads it sent."""
    totals = []
    with closing(server.connect()) as connection:
        for upload in uploads:
            if perf_counter() >= end:
                break
            _post(connection, "/push.v1.PusherService/Push", upload.body)
            totals.append(upload.total)
    return totals


def _stored(server: _Server) -> int:
    """Return the sum of all profiles on the server, in nanoseconds."""
    day = START_NS // 1_000_000 // _DAY_MS * _DAY_MS
    request = SelectSeriesRequest(
        profile_typeID=PROFILE_TYPE, label_selector="{}", start=day, end=day + _DAY_MS, step=3_600
    )
    with closing(server.connect()) as connection:
        body = _post(connection, "/querier.v1.QuerierService/SelectSeries", request.SerializeToString())
    series = SelectSeriesResponse.FromString(body).series
    return sum(int(point.value) for one in series for point in one.points)


def _post(connection: http.client.HTTPConnection, path: str, body: bytes) -> bytes:
    connection.request("POST", path, body, _HEADERS)
    answer = connection.getresponse()
    content = answer.read()
    if answer.status != http.HTTPStatus.OK:
        raise RuntimeError(f"{path} returned {answer.status}: {content.decode(errors='replace')}")
    return content


def _uploads(plan: Plan) -> Iterator[_Upload]:
    """Yield uploads endlessly, from each service in turn."""
    services = make_services(Shape(services=plan.services, stacks=plan.stacks, drawn=plan.drawn))
    return (_upload([service.draw(index)]) for index in count() for service in services)


def _upload(profiles: list[Drawn]) -> _Upload:
    total = sum(int(profile.counts.sum()) for profile in profiles)
    return _Upload(body=push_request(profiles), total=total * CPU_PERIOD_NS)
