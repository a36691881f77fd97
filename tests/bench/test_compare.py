"""`python -m bench.compare` compares two servers: here a server with itself, and with one that supports nothing."""

import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import islice
from threading import Thread
from typing import Final

import pytest
from google.protobuf.message import Message

from bench.compare.side import Request, Side
from bench.compare.uploads import CLIENTS, recorded, send_all, uploads
from bench.plan import QUICK
from bench.served import QUERIER
from flamehouse.pb.querier_pb2 import (
    ProfileTypesRequest,
    ProfileTypesResponse,
    SelectSeriesRequest,
    SelectSeriesResponse,
)
from flamehouse.web.codec import PROTO
from tests.support.servers.place import REPO
from tools.local_server import RunningServer, local_server

TIMEOUT_S: Final = 120
DAY_MS: Final = 86_400_000
RECORDED_MS: Final = 1_795_305_600_000
"""2026-11-22 00:00 UTC: the uploads were recorded on that day."""
RECORDED: Final = {name: len(recorded(name)) for name in CLIENTS if recorded(name)}
"""The number of recorded requests of each client; empty if ../shared is not next to the clone."""


@pytest.fixture(scope="module")
def server() -> Iterator[RunningServer]:
    with local_server(RETENTION_DAYS="0") as running:
        yield running


@pytest.fixture(scope="module")
def empty() -> Iterator[str]:
    """The URL of a server that returns 501 for every request."""
    with ThreadingHTTPServer(("127.0.0.1", 0), BaseHTTPRequestHandler) as http:
        Thread(target=http.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{http.server_port}"
        http.shutdown()


def compare(*arguments: str) -> str:
    command = [sys.executable, "-m", "bench.compare", *arguments]
    done = subprocess.run(command, cwd=REPO, check=True, capture_output=True, text=True, timeout=TIMEOUT_S)
    return done.stdout


def test_every_query_of_a_workload_has_its_time_and_cpu_on_both_servers(server: RunningServer) -> None:
    pids = ("--pids", str(server.pid), str(server.pid))
    shown = compare(server.url, server.url, *pids, "--quick", "--rounds", "1", "--only", "sparse")
    for name in ("flame graph", "flame graph, protobuf", "SelectMergeProfile", "Series", "render"):
        assert re.search(rf"^{name}  .* ms .* (met|MISSED)$", shown, re.MULTILINE), shown
        assert re.search(rf"^... CPU of {name}  ", shown, re.MULTILINE), shown


def test_a_query_that_a_server_does_not_support_is_reported(server: RunningServer, empty: str) -> None:
    shown = compare(server.url, empty, "--quick", "--only", "sparse", "--loaded", "--match", "render")
    assert "501" in shown
    assert " ms " not in shown


@pytest.mark.parametrize("kind", RECORDED)
def test_a_recorded_upload_is_stored_each_time(server: RunningServer, kind: str) -> None:
    tenant, count = CLIENTS[kind], RECORDED[kind]
    requests = [*islice(uploads(QUICK, tenant)[kind], 2 * count)]
    with closing(Side(server.url, server.pid)) as side:
        send_all(side, requests[:count], clients=1)
        once = total_of(side, tenant)
        send_all(side, requests[count:], clients=8)
        assert total_of(side, tenant) == 2 * once > 0


def total_of(side: Side, tenant: str) -> int:
    """Returns the sum of a tenant's profiles of every type."""
    start, end = RECORDED_MS, RECORDED_MS + 2 * DAY_MS
    types = ProfileTypesResponse.FromString(side.send(rpc(tenant, ProfileTypesRequest(start=start, end=end))))
    requests = [
        SelectSeriesRequest(start=start, end=end, profile_typeID=each.ID, label_selector="{}", step=86_400)
        for each in types.profile_types
    ]
    answers = [SelectSeriesResponse.FromString(side.send(rpc(tenant, request))) for request in requests]
    return sum(int(point.value) for each in answers for series in each.series for point in series.points)


def rpc(tenant: str, request: Message) -> Request:
    name = type(request).__name__.removesuffix("Request")
    headers = {"Content-Type": PROTO.media_type}
    return Request(path=f"{QUERIER}{name}", tenant=tenant, body=request.SerializeToString(), headers=headers)
