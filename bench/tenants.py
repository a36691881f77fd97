"""Measures how a flooding tenant affects others, and what credentials cost, on a local server.

Four tenants have 16 clients each. Each client of the three calm tenants sends an upload or a query every half second.
Their 95th percentile is measured without the fourth tenant, and while its clients send as fast as they can. Those run
in a separate process with low priority: on another machine, they would not take CPU from the server and the calm
clients.
"""

import http.client
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from multiprocessing import get_context
from multiprocessing.synchronize import Event
from pathlib import Path
from statistics import quantiles
from tempfile import TemporaryDirectory
from time import perf_counter
from typing import Final
from urllib.parse import urlsplit

from bench.floor import cpu_s
from bench.plan import Plan
from bench.report import Line
from flamehouse.identity.token import NewToken, new_token
from tools.gateway.cloud import credentials_text
from tools.local_server import RunningServer, environment, local_server

_CALM: Final = ("a", "b", "c")
_FLOOD: Final = "flood"
_CLIENTS: Final = 16
"""The number of clients of each tenant."""
_PAUSE_S: Final = 0.5
_LOW_PRIORITY: Final = 10
_TIMEOUT_S: Final = 60
_WRONG: Final = 2_000
_QUERY: Final = "/querier.v1.QuerierService/SelectMergeStacktraces"
_TYPE: Final = "process_cpu:cpu:nanoseconds:cpu:nanoseconds"

type _Request = tuple[str, bytes]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Site:
    """A running server, and a token for each tenant."""

    server: RunningServer
    tokens: dict[str, NewToken]

    def send(self, connection: http.client.HTTPConnection, token: str, request: _Request) -> int:
        path, body = request
        headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
        connection.request("POST", path, body, headers)
        response = connection.getresponse()
        response.read()
        return response.status

    def connect(self) -> http.client.HTTPConnection:
        return http.client.HTTPConnection(urlsplit(self.server.url).netloc, timeout=_TIMEOUT_S)

    def cpu_s(self) -> float:
        """Return the seconds of CPU that the server has used."""
        return cpu_s(self.server.pid)


def measure(plan: Plan) -> Sequence[Line]:
    """Measure floods of uploads and of queries, with and without limits for the flooding tenant."""
    lines = []
    for name, limits in (
        ("without limits", ()),
        ("with limits", ("uploads_per_second=20", "query_seconds_per_day=1")),
    ):
        with _site(limits) as site:
            before = _calm(site, plan.rate_s)
            for kind, request in (("uploads", _upload), ("queries", _query)):
                during = _calm(site, plan.rate_s, request)
                lines.append(
                    Line(
                        what=f"p95 of three calm tenants, flood of {kind} {name}",
                        ours=f"{during:.0f} ms",
                        beside=f"{before:.0f} ms without a flood",
                        figure=during / before,
                        at_most=2 if limits else None,
                    )
                )
            if limits:
                lines += _costs(site)
    return lines


@contextmanager
def _site(limits: Sequence[str]) -> Iterator[_Site]:
    tokens = {tenant: new_token() for tenant in (*_CALM, _FLOOD)}
    with TemporaryDirectory() as folder:
        file = Path(folder) / "credentials.json"
        file.write_text(credentials_text(tokens))
        data = str(Path(folder) / "data")
        settings = {"CREDENTIALS_FILE": str(file), "DATA_DIR": data, "LOG_LEVEL": "ERROR"}
        command = [sys.executable, "-m", "cli"]
        place = {**environment(), "DATA_DIR": data, "CLICKHOUSE_DSN": f"chdb://{data}"}
        subprocess.run([*command, "migrate"], env=place, check=True, capture_output=True)
        if limits:
            subprocess.run(
                [*command, "limits", "set", _FLOOD, *limits], env=place, check=True, capture_output=True
            )
        with local_server(**settings) as server:
            yield _Site(server=server, tokens=tokens)


def _calm(site: _Site, seconds: float, flood: Callable[[int], _Request] | None = None) -> float:
    """Return the 95th percentile of the calm tenants' requests in ms, while the fourth tenant sends `flood`."""
    with _flooding(site, flood), ThreadPoolExecutor(len(_CALM) * _CLIENTS) as pool:
        until = perf_counter() + seconds
        calm = [
            pool.submit(_client, site, tenant, (_upload, _query)[number % 2], until, _PAUSE_S)
            for tenant in _CALM
            for number in range(_CLIENTS)
        ]
        taken = [each for client in calm for each in client.result()]
    return quantiles(taken, n=20)[-1] * 1_000


@contextmanager
def _flooding(site: _Site, flood: Callable[[int], _Request] | None) -> Iterator[None]:
    """Run the clients of the fourth tenant in a separate process for the duration of the block."""
    if flood is None:
        yield
        return
    context = get_context("spawn")
    begun = context.Event()
    process = context.Process(target=_flood, args=(site, flood, begun), daemon=True)
    process.start()
    try:
        if not begun.wait(_TIMEOUT_S):
            raise RuntimeError("the flood does not begin")
        yield
    finally:
        process.terminate()
        process.join()


def _flood(site: _Site, flood: Callable[[int], _Request], begun: Event) -> None:
    os.nice(_LOW_PRIORITY)
    with ThreadPoolExecutor(_CLIENTS) as pool:
        for _ in range(_CLIENTS):
            pool.submit(_client, site, _FLOOD, flood, float("inf"), 0)
        begun.set()


def _client(
    site: _Site, tenant: str, request_of: Callable[[int], _Request], until: float, pause_s: float
) -> list[float]:
    """Send requests one by one; return the seconds of each. Raises RuntimeError if a calm tenant's request fails."""
    taken = []
    connection = site.connect()
    for number in count():
        begun = perf_counter()
        if begun >= until:
            break
        status = site.send(connection, site.tokens[tenant].text, request_of(number))
        taken.append(perf_counter() - begun)
        if pause_s and status != http.HTTPStatus.OK:
            raise RuntimeError(f"{tenant} got {status}")
        time.sleep(pause_s)
    connection.close()
    return taken


def _upload(number: int) -> _Request:
    stacks = "\n".join(f"main;handler_{number % 50};leaf_{each} {each + 1}" for each in range(200))
    return f"/ingest?name=shop&format=folded&from={time.time_ns() // 1_000_000_000 - 10}", stacks.encode()


def _query(_: int) -> _Request:
    now = time.time_ns() // 1_000_000
    body = {
        "profileTypeID": _TYPE,
        "labelSelector": '{service_name="shop"}',
        "start": now - 3_600_000,
        "end": now,
    }
    return _QUERY, json.dumps(body).encode()


def _costs(site: _Site) -> Sequence[Line]:
    """Compare the CPU of a request with a wrong credential with that of the same request with a right one."""
    request = ("/version.v1.Version/Version", b"{}")
    wrong = new_token().text
    cpu = {}
    for name, token in (("right", site.tokens["a"].text), ("wrong", wrong)):
        connection, begun = site.connect(), site.cpu_s()
        for _ in range(_WRONG):
            site.send(connection, token, request)
        cpu[name] = (site.cpu_s() - begun) / _WRONG * 1_000
        connection.close()
    return [
        Line(
            what="CPU of a request with a wrong credential",
            ours=f"{cpu['wrong']:.2f} ms",
            beside=f"{cpu['right']:.2f} ms with a valid one",
            figure=cpu["wrong"] / cpu["right"],
            at_most=1.5,
        )
    ]
