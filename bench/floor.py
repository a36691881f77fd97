"""Measures this machine's minimum for an upload: a bare sync, a bare INSERT, a bare HTTP response."""

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection
from pathlib import Path
from time import clock_gettime, perf_counter, process_time

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from bench.engine import Engine
from bench.isolated import data_folder, in_new_process
from bench.report import Line

_TIMES = 40
_WARM = 5
_RECORD_BYTES = 60_000
_HOST = "127.0.0.1"
_START_S = 20
_CPU_CLOCK = 2
"""The low bits of a clock id by which Linux selects the exact CPU time of a process."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Floor:
    """The milliseconds of each call: wall time for the sync, CPU time for the others."""

    sync_ms: float
    insert_cpu_ms: float
    response_cpu_ms: float

    def lines(self) -> list[Line]:
        return [
            Line(what="floor: appending 60 kB and fdatasync", ours=f"{self.sync_ms:.2f} ms"),
            Line(
                what="floor: CPU of an INSERT of one row into one table", ours=f"{self.insert_cpu_ms:.1f} ms"
            ),
            Line(
                what="floor: CPU of a bare ASGI app for a POST of 60 kB",
                ours=f"{self.response_cpu_ms:.2f} ms",
            ),
        ]


def measure_floor() -> Floor:
    """Measure all three in sequence."""
    with data_folder() as folder:
        sync_ms = _sync_ms(folder / "record")
        insert_cpu_ms = in_new_process(_insert_cpu_ms, folder / "engine")
    return Floor(sync_ms=sync_ms, insert_cpu_ms=insert_cpu_ms, response_cpu_ms=_response_cpu_ms())


def cpu_s(pid: int) -> float:
    """Return the CPU seconds of a process, including ended threads, from its clock of clock_getcpuclockid(3)."""
    return clock_gettime(~pid << 3 | _CPU_CLOCK)


def measure_select_floor() -> list[Line]:
    """Measure the CPU of the engine's simplest queries in this process, including the parsing of results."""
    with data_folder() as folder:
        return in_new_process(_select_floor, folder)


async def app(scope: Scope, receive: Receive, send: Send) -> None:
    """Read the body and respond with 200."""
    if scope["type"] == "http":
        await Request(scope, receive).body()
        await Response()(scope, receive, send)


def _sync_ms(path: Path) -> float:
    """Return the median time of a sync."""
    record, taken = os.urandom(_RECORD_BYTES), []
    with path.open("wb", buffering=0) as file:
        for _ in range(_TIMES):
            before = perf_counter()
            file.write(record)
            os.fdatasync(file.fileno())
            taken.append((perf_counter() - before) * 1_000)
    return sorted(taken)[_TIMES // 2]


def _insert_cpu_ms(folder: Path) -> float:
    engine = Engine(folder)
    engine.command("CREATE TABLE bare (number UInt64) ENGINE = MergeTree ORDER BY number")
    engine.command("SYSTEM STOP MERGES")
    for number in range(_WARM):
        engine.command(f"INSERT INTO bare VALUES ({number})")
    before = process_time()
    for number in range(_TIMES):
        engine.command(f"INSERT INTO bare VALUES ({number})")
    cpu_ms = (process_time() - before) * 1_000 / _TIMES
    engine.close()
    return cpu_ms


def _select_floor(folder: Path) -> list[Line]:
    engine = Engine(folder)
    client = engine.create("floor")
    client.command("CREATE TABLE bare (number UInt64) ENGINE = MergeTree ORDER BY number")
    client.command("INSERT INTO bare VALUES (1)")
    queries = {
        "SELECT 1": "SELECT 1",
        "a SELECT from a table of one row": "SELECT number FROM bare",
        "the same by its key": "SELECT number FROM bare WHERE number = 1",
    }
    lines = []
    for what, sql in queries.items():
        for _ in range(_WARM):
            client.query(sql)
        before = process_time()
        for _ in range(_TIMES):
            client.query(sql)
        cpu_ms = (process_time() - before) * 1_000 / _TIMES
        lines.append(Line(what=f"floor: CPU of {what}", ours=f"{cpu_ms:.2f} ms"))
    client.close()
    engine.close()
    return lines


def _response_cpu_ms() -> float:
    with _bare_server() as (pid, port):
        connection = HTTPConnection(_HOST, port, timeout=_START_S)
        _post(connection, _WARM)
        before = cpu_s(pid)
        _post(connection, 10 * _TIMES)
        return (cpu_s(pid) - before) * 1_000 / (10 * _TIMES)


def _post(connection: HTTPConnection, times: int) -> None:
    body = bytes(_RECORD_BYTES)
    for _ in range(times):
        connection.request("POST", "/", body)
        connection.getresponse().read()


@contextmanager
def _bare_server() -> Iterator[tuple[int, int]]:
    """Run uvicorn with `app`; yield its process and port."""
    with socket.create_server((_HOST, 0)) as listener:
        listener.set_inheritable(True)
        command = [sys.executable, "-m", "uvicorn", "bench.floor:app", "--fd", str(listener.fileno())]
        with subprocess.Popen([*command, "--log-level", "error"], pass_fds=[listener.fileno()]) as process:
            try:
                # uvicorn inherits the listening socket, so connections wait until it has started.
                yield process.pid, listener.getsockname()[1]
            finally:
                process.terminate()
