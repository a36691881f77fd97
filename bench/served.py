"""Queries a local server over HTTP, and measures wall time and the server's CPU time."""

import http.client
import json
import statistics
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from threading import local
from time import perf_counter, sleep
from typing import Any, Final
from urllib.parse import urlsplit

from google.protobuf import json_format

from bench.floor import cpu_s
from bench.report import Line
from flamehouse.pb.querier_pb2 import SelectMergeStacktracesRequest
from flamehouse.web.codec import JSON, PROTO

QUERIER: Final = "/querier.v1.QuerierService/"

_PUSH: Final = "/push.v1.PusherService/Push"
_TIMEOUT_S: Final = 60
_PUSHERS: Final = 4
_SETTLED_CPU_S: Final = 0.2
"""The server has finished merges and roll-ups if it uses less CPU time than this in two seconds."""
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


class Served:
    """The local server in a separate process; each thread has its own connection."""

    def __init__(self, url: str, pid: int) -> None:
        self._address = urlsplit(url).netloc
        self._pid = pid
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

    def push(self, bodies: Iterable[bytes]) -> None:
        """Upload the bodies of Push requests, four at a time."""
        with ThreadPoolExecutor(_PUSHERS) as pool:
            sent = [pool.submit(self.post, _PUSH, body, PROTO.media_type) for body in bodies]
            for each in sent:
                each.result()

    def cpu_s(self) -> float:
        """Return the seconds of CPU that the server has used."""
        return cpu_s(self._pid)

    def settle(self) -> None:
        """Wait until the server has finished merging."""
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


def timed(server: Served, query: Query) -> tuple[float, float]:
    """Run the query; return its wall time and the server's CPU time in milliseconds."""
    cpu, begun = server.cpu_s(), perf_counter()
    server.post(query.path, query.body, query.media_type)
    return (perf_counter() - begun) * 1_000, (server.cpu_s() - cpu) * 1_000


def lines_of(
    name: str,
    query: Query,
    taken: Sequence[tuple[float, float]],
    floor: float,
    stage: str,
    unit: str = "bare responses",
) -> list[Line]:
    """Return the lines of a query, given its wall and CPU times, relative to a floor in milliseconds."""
    walls = [wall for wall, _ in taken]
    wall, cpu = statistics.median(walls), statistics.mean(cpu for _, cpu in taken)
    beside = f"{query.pyroscope} ms Pyroscope, {wall / floor:.1f} {unit}" if query.pyroscope else ""
    what, ours = f"{name}, {stage}", f"{min(walls):.1f} / {wall:.1f} ({cpu:.1f}) ms"
    lines = [Line(what=what, ours=ours, beside=beside, figure=wall, at_most=query.at_most)]
    if query.cpu_at_most:
        lines.append(Line(what=f"CPU of {what}", ours=f"{cpu:.1f} ms", figure=cpu, at_most=query.cpu_at_most))
    return lines
