"""Measures how many uploads a local server process acknowledges per second over HTTP, and checks that it stores them."""

import http.client
import os
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from itertools import count, islice
from pathlib import Path
from time import perf_counter
from urllib.parse import urlsplit

from bench.plan import Plan
from bench.report import Line
from bench.workload import CPU_PERIOD_NS, PROFILE_TYPE, START_NS, Shape, make_services, push_request
from flamehouse.pb.querier_pb2 import SelectSeriesRequest, SelectSeriesResponse
from tools.local_server import local_server

_HEADERS = {"Content-Type": "application/proto", "Connect-Protocol-Version": "1"}
_TIMEOUT_S = 60
_DAY_MS = 86_400_000


@dataclass(frozen=True, slots=True, kw_only=True)
class _Upload:
    """A push request of one profile, and the profile's total in nanoseconds."""

    body: bytes
    total: int


@dataclass(frozen=True, slots=True, kw_only=True)
class _Server:
    """The local server in a separate process; `address` is its host and port."""

    address: str
    pid: int

    def connect(self) -> http.client.HTTPConnection:
        return http.client.HTTPConnection(self.address, timeout=_TIMEOUT_S)

    def cpu_s(self) -> float:
        """The seconds of CPU it has used, from the fields utime and stime of proc_pid_stat(5)."""
        fields = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def measure(plan: Plan) -> Sequence[Line]:
    """Measure one server with an increasing number of clients that each send one upload after the other."""
    lines = []
    with local_server(RETENTION_DAYS="0") as started:
        server = _Server(address=urlsplit(started.url).netloc, pid=started.pid)
        uploads = _uploads(plan)
        acknowledged = sum(_client(server, [*islice(uploads, plan.services)], perf_counter() + _TIMEOUT_S))
        for clients in plan.clients:
            totals, line = _rate(server, [*islice(uploads, plan.rate_uploads)], clients, plan.rate_s)
            lines.append(line)
            acknowledged += sum(totals)
        stored = _stored(server) / acknowledged
    lines.append(
        Line(
            what="of the acknowledged uploads are stored",
            ours=f"{stored:.3%}",
            figure=stored,
            at_least=1,
            at_most=1,
        )
    )
    return lines


def _rate(
    server: _Server, uploads: Sequence[_Upload], clients: int, seconds: float
) -> tuple[list[int], Line]:
    """Send uploads until the time or the uploads run out; return the totals of those acknowledged."""
    cpu_before, start = server.cpu_s(), perf_counter()
    with ThreadPoolExecutor(clients) as pool:
        shares = [
            pool.submit(_client, server, uploads[client::clients], start + seconds)
            for client in range(clients)
        ]
        totals = [total for share in shares for total in share.result()]
    elapsed, cpu_s = perf_counter() - start, server.cpu_s() - cpu_before
    return totals, Line(
        what=f"uploads acknowledged, clients: {clients}",
        ours=f"{len(totals) / elapsed:.1f} per second",
        beside=f"{cpu_s * 1_000 / len(totals):.1f} ms of the server's CPU each",
    )


def _client(server: _Server, uploads: Sequence[_Upload], end: float) -> list[int]:
    """Run one client on one connection until `end`; return the totals of its uploads."""
    totals = []
    with closing(server.connect()) as connection:
        for upload in uploads:
            if perf_counter() >= end:
                break
            _post(connection, "/push.v1.PusherService/Push", upload.body)
            totals.append(upload.total)
    return totals


def _stored(server: _Server) -> int:
    """Return the sum of all profiles of the server, in nanoseconds."""
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
    drawn = (service.draw(index) for index in count() for service in services)
    return (
        _Upload(body=push_request([profile]), total=int(profile.counts.sum()) * CPU_PERIOD_NS)
        for profile in drawn
    )
