"""The local server's memory while and after it stores uploads that consist of long names."""

import sys
import time
from pathlib import Path

import httpx
import pytest

from flamehouse.pb.profile_pb2 import Function, Line, Location, Sample
from tests.support.servers.local_server import LocalServer, running
from tests.support.uploads.profiles import labels_of
from tests.support.uploads.uploads import PUSH, pprof, pushed, series

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="reads the memory from /proc")

MIB = 1 << 20
UPLOADS = 6
PROFILES = 8
NAMES = 60
NAME_BYTES = 60_000
MOST_MIB = 420
"""The peak growth. An upload is 27 MiB; most of the growth is in ClickHouse, which inserts it."""
LEFT_MIB = 120
"""The growth after everything is stored, which is less than the 165 MiB of all names."""
WAIT_S = 90


def long_names(upload: int, number: int) -> bytes:
    """Returns a profile of functions whose names no other profile has."""
    made = pprof(time_ns=time.time_ns())
    at, first = len(made.string_table), len(made.function) + 1
    for name in range(NAMES):
        id_ = first + name
        made.string_table.append(f"{upload}.{number}.{name}.".ljust(NAME_BYTES, "x"))
        made.function.append(Function(id=id_, name=at + name))
        made.location.append(Location(id=id_, line=[Line(function_id=id_)]))
        made.sample.append(Sample(location_id=[id_], value=[1, 1]))
    return made.SerializeToString()


def memory_mib(server: LocalServer, line: str) -> int:
    lines = Path(f"/proc/{server.process.pid}/status").read_text().splitlines()
    return int(next(each for each in lines if each.startswith(line)).split()[1]) >> 10


def upload(server: LocalServer, number: int, profiles: int) -> None:
    """Stores an upload, which may have to wait for the memory of those before it."""
    contents = [long_names(number, each) for each in range(profiles)]
    body = pushed(series(labels_of(), *contents))
    for _ in range(WAIT_S):
        response = httpx.post(
            server.url + PUSH, content=body, headers={"Content-Type": "application/proto"}, timeout=WAIT_S
        )
        if response.status_code != httpx.codes.TOO_MANY_REQUESTS:
            break
        time.sleep(1)
    assert response.status_code == httpx.codes.OK, response.text


def test_long_names_take_little_memory_and_release_it(tmp_path: Path) -> None:
    with running(tmp_path / "data") as server:
        upload(server, UPLOADS, 1)
        idle = memory_mib(server, "VmRSS")
        for number in range(UPLOADS):
            upload(server, number, PROFILES)
        assert memory_mib(server, "VmHWM") - idle < MOST_MIB
        end = time.monotonic() + WAIT_S
        while (left := memory_mib(server, "VmRSS") - idle) >= LEFT_MIB:
            assert time.monotonic() < end, f"{left} MiB are left"
            time.sleep(1)
