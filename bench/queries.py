"""Measures queries over HTTP to the local server, compared with a recorded run of Grafana Pyroscope.

Pyroscope 3fe6a45 (2026-08-21, single binary, storage v2) ran on the same kind of machine, with compacted blocks, two cores, JSON
and gzip, an hour of 10 services with a profile each 15 s: 1,000 stacks per profile, 20 to 60 frames deep, two sample
types.
"""

import http.client
import json
import os
import statistics
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from itertools import batched
from pathlib import Path
from threading import local
from time import perf_counter, sleep
from typing import Any, Final
from urllib.parse import urlsplit

from google.protobuf import json_format

from bench.plan import Plan
from bench.report import Line
from bench.workload import PROFILE_TYPE, Shape, an_hour, draw_profiles, make_services, push_request
from flamehouse.pb.querier_pb2 import SelectMergeStacktracesRequest
from flamehouse.web.codec import JSON, PROTO
from tools.local_server import local_server

_TIMEOUT_S: Final = 60
_PUSHERS: Final = 4
_CROWD: Final = 8
_QUERIER: Final = "/querier.v1.QuerierService/"
_SETTLED_CPU_S: Final = 0.2
"""Below this CPU time in two seconds, the server has finished merging and making roll-ups."""
_MAX_SETTLING_S: Final = 180

type Fields = Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class Query:
    """A request, Pyroscope's median milliseconds (wall time and CPU), and our targets."""

    path: str
    fields: Fields
    media_type: str = JSON.media_type
    pyroscope: str = ""
    at_most: float | None = None
    cpu_at_most: float | None = None

    @cached_property
    def body(self) -> bytes:
        """Return the request, in the encoding of its media type."""
        if self.media_type == JSON.media_type:
            return json.dumps(self.fields).encode()
        return json_format.ParseDict(dict(self.fields), SelectMergeStacktracesRequest()).SerializeToString()


def _queries() -> dict[str, Query]:
    within = an_hour(0)
    hour = {"start": within.start_ms, "end": within.end_ms}
    one = {**hour, "profileTypeID": PROFILE_TYPE, "labelSelector": '{service_name="service-01"}'}
    every = {**one, "labelSelector": '{env="prod"}'}
    points = {"step": 15, "groupBy": ["service_name"]}
    tree, series = f"{_QUERIER}SelectMergeStacktraces", f"{_QUERIER}SelectSeries"
    return {
        "a bare response": Query(path="/version.v1.Version/Version", fields={}),
        "ProfileTypes": Query(path=f"{_QUERIER}ProfileTypes", fields=hour, pyroscope="1.8 (1)", at_most=5),
        "LabelNames": Query(path=f"{_QUERIER}LabelNames", fields=hour, pyroscope="3.0 (3)", at_most=5),
        "LabelValues": Query(
            path=f"{_QUERIER}LabelValues",
            fields={**hour, "name": "service_name"},
            pyroscope="2.9 (2)",
            at_most=5,
        ),
        "SelectSeries, one service": Query(
            path=series, fields={**one, **points}, pyroscope="4.5 (5)", at_most=12
        ),
        "SelectSeries, all services": Query(
            path=series, fields={**every, **points}, pyroscope="33 (51)", at_most=30
        ),
        "flame graph, one service": Query(
            path=tree, fields=one, pyroscope="57.5 (110)", at_most=60, cpu_at_most=70
        ),
        "flame graph, one service, as protobuf": Query(path=tree, fields=one, media_type=PROTO.media_type),
        "flame graph, all services": Query(path=tree, fields=every, pyroscope="464 (878)", at_most=150),
    }


class _Server:
    """The local server in a separate process; one connection per thread."""

    def __init__(self, url: str, pid: int) -> None:
        self._address = urlsplit(url).netloc
        self._stat = Path(f"/proc/{pid}/stat")
        self._local = local()

    def post(self, path: str, body: bytes, media_type: str) -> bytes:
        """Return the body of the response, compressed as sent. Raises RuntimeError for an error status."""
        connection = self._connection()
        connection.request("POST", path, body, {"Content-Type": media_type, "Accept-Encoding": "gzip"})
        response = connection.getresponse()
        content = response.read()
        if response.status != http.HTTPStatus.OK:
            raise RuntimeError(f"{path}: {response.status} {content.decode(errors='replace')}")
        return content

    def cpu_s(self) -> float:
        """The seconds of CPU it has used, from the fields utime and stime of proc_pid_stat(5)."""
        fields = self._stat.read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def settle(self) -> None:
        """Wait until it has finished merging."""
        end = perf_counter() + _MAX_SETTLING_S
        before = -1.0
        while self.cpu_s() - before > _SETTLED_CPU_S and perf_counter() < end:
            before = self.cpu_s()
            sleep(2)

    def _connection(self) -> http.client.HTTPConnection:
        if not hasattr(self._local, "connection"):
            self._local.connection = http.client.HTTPConnection(self._address, timeout=_TIMEOUT_S)
        connection: http.client.HTTPConnection = self._local.connection
        return connection


def measure(plan: Plan) -> Sequence[Line]:
    """Push the workload, then query it at once, and again once the server has merged it."""
    with local_server(RETENTION_DAYS="0") as started:
        server = _Server(started.url, started.pid)
        profiles = _push(server, plan)
        lines = _lines(server, plan, f"{profiles} profiles, right after")
        server.settle()
        return [*lines, *_lines(server, plan, f"{profiles} profiles, merged"), *_crowd(server, plan)]


def _push(server: _Server, plan: Plan) -> int:
    shape = Shape(services=plan.services, stacks=plan.drawn * 5 // 4, drawn=plan.drawn)
    groups = batched(draw_profiles(make_services(shape), plan.long), plan.group, strict=False)
    with ThreadPoolExecutor(_PUSHERS) as pool:
        bodies = (push_request([*group]) for group in groups)
        sent = [
            pool.submit(server.post, "/push.v1.PusherService/Push", body, PROTO.media_type) for body in bodies
        ]
        for each in sent:
            each.result()
    return plan.services * plan.long


def _lines(server: _Server, plan: Plan, stage: str) -> list[Line]:
    """Run the queries in turns, so that other load on the machine affects all of them equally."""
    queries = _queries()
    taken: dict[str, list[tuple[float, float]]] = {name: [] for name in queries}
    for repeat in range(-1, 3 * plan.repeats):
        for name, query in queries.items():
            measured = _timed(server, query)
            if repeat >= 0:
                taken[name].append(measured)
    floor = statistics.median(wall for wall, _ in taken["a bare response"])
    return [
        line for name, query in queries.items() for line in _lines_of(name, query, taken[name], floor, stage)
    ]


def _lines_of(
    name: str, query: Query, taken: Sequence[tuple[float, float]], floor: float, stage: str
) -> list[Line]:
    walls = [wall for wall, _ in taken]
    wall, cpu = statistics.median(walls), statistics.mean(cpu for _, cpu in taken)
    beside = f"{query.pyroscope} ms Pyroscope, {wall / floor:.1f} bare responses" if query.pyroscope else ""
    what, ours = f"{name}, {stage}", f"{min(walls):.1f} / {wall:.1f} ({cpu:.1f}) ms"
    lines = [Line(what=what, ours=ours, beside=beside, figure=wall, at_most=query.at_most)]
    if query.cpu_at_most:
        lines.append(Line(what=f"CPU of {what}", ours=f"{cpu:.1f} ms", figure=cpu, at_most=query.cpu_at_most))
    return lines


def _crowd(server: _Server, plan: Plan) -> list[Line]:
    """Measure flame graphs of one service by eight concurrent clients."""
    query = _queries()["flame graph, one service"]
    requests = 5 * _CROWD * plan.repeats
    with ThreadPoolExecutor(_CROWD) as pool:
        begun = perf_counter()
        taken = [*pool.map(lambda _: _timed(server, query)[0], range(requests))]
        elapsed = perf_counter() - begun
    rate, late = requests / elapsed, statistics.quantiles(taken, n=20)[-1]
    return [
        Line(
            what=f"flame graphs of one service, {_CROWD} clients",
            ours=f"{rate:.1f} per second",
            beside="23.1 per second Pyroscope",
            figure=rate,
            at_least=25,
        ),
        Line(
            what="... 95th percentile",
            ours=f"{late:.0f} ms",
            beside="543 ms Pyroscope",
            figure=late,
            at_most=400,
        ),
    ]


def _timed(server: _Server, query: Query) -> tuple[float, float]:
    """Return the milliseconds, and those of the server's CPU."""
    cpu, begun = server.cpu_s(), perf_counter()
    server.post(query.path, query.body, query.media_type)
    return (perf_counter() - begun) * 1_000, (server.cpu_s() - cpu) * 1_000
