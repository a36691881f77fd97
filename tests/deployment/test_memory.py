"""The memory that a function needs for one upload, measured with the largest that Lambda delivers."""

import base64
import gzip
import json
import subprocess
import sys
from collections.abc import Callable, Iterable, Sequence

import pytest

from flamehouse.pb.profile_pb2 import Function, Line, Location, Sample
from tests.support.queries.rpcs import parameter
from tests.support.servers.doubles import AUTHORIZED
from tests.support.servers.scripted import Reply, scripted
from tests.support.uploads.profiles import labels_of
from tests.support.uploads.uploads import PUSH, pprof, pushed, series

MAX_EVENT_BYTES = 6 << 20
MAX_PROFILE_BYTES = 4 << 20
MAX_PROFILE_SAMPLES = 15_998
"""Added to the two samples that the profile has already."""
WARM_MB = 470
"""The growth of a warm function: one grew by 461 MB over 24 uploads of 770,000 ids each (store/write/seen_ids.py)."""
MEASURE = """
import json, re, sys
from pathlib import Path
from ingest.app import handler

class Context:
    def get_remaining_time_in_millis(self):
        return 600_000

answer = handler(json.load(sys.stdin), Context())
peak = re.search(r"VmHWM:\\s+(\\d+) kB", Path("/proc/self/status").read_text())[1]
print(json.dumps([answer["statusCode"], int(peak) >> 10]))
"""
"""Prints the status of the response to an event, and the peak memory of the function's process in MB."""


def event_of(body: bytes) -> str:
    """Returns a push as the event that API Gateway sends."""
    request = {"method": "POST", "path": PUSH, "protocol": "HTTP/1.1", "sourceIp": "192.0.2.7"}
    event = {
        "version": "2.0",
        "rawPath": PUSH,
        "rawQueryString": "",
        "headers": {
            "content-encoding": "gzip",
            "content-type": "application/proto",
            "host": "flamehouse",
        },
        "requestContext": {"http": request, "stage": "$default", "authorizer": AUTHORIZED},
        "body": base64.b64encode(gzip.compress(body, mtime=0)).decode(),
        "isBase64Encoded": True,
    }
    return json.dumps(event)


def profile(*, names: Sequence[str], symbols: int, stacks: Iterable[Sequence[int]]) -> bytes:
    """Returns a profile of this many functions, and stacks of them; function names are made from `names`."""
    made = pprof()
    at, first = len(made.string_table), len(made.function) + 1
    made.string_table.extend(names)
    made.function.extend(
        Function(id=first + n, name=at + n % len(names), start_line=n) for n in range(symbols)
    )
    made.location.extend(Location(id=first + n, line=[Line(function_id=first + n)]) for n in range(symbols))
    made.sample.extend(Sample(location_id=[first + n for n in stack], value=[1, 1]) for stack in stacks)
    content = made.SerializeToString()
    assert len(content) <= MAX_PROFILE_BYTES
    return content


def ordinary() -> bytes:
    """Returns profiles of one program, each of the maximum size, with the same symbols."""
    names = [f"com.example.shop.checkout.Handler{n}.handle" for n in range(8_000)]
    stacks = (
        [(n * (depth + 1) + depth) % len(names) for depth in range(60)] for n in range(MAX_PROFILE_SAMPLES)
    )
    content = profile(names=names, symbols=len(names), stacks=stacks)
    return pushed(*[series(labels_of(service_name=f"shop-{n}"), content) for n in range(2)])


def costly() -> bytes:
    """Returns as many symbols and stacks as an upload may have, distinct in each of 29 services, in few bytes."""
    stacks = ((n, n + 1) for n in range(MAX_PROFILE_SAMPLES))
    content = profile(names=["name-00"], symbols=16_000, stacks=stacks)
    return pushed(
        *[
            series(labels_of(service_name=f"s{n}"), content.replace(b"name-00", b"name-%02d" % n))
            for n in range(29)
        ]
    )


def memory_mb(body: bytes) -> int:
    """Returns the peak memory of a function that stores the upload."""
    event = event_of(body)
    assert len(event) < MAX_EVENT_BYTES
    with scripted(Reply(status=200)) as clickhouse:
        run = subprocess.run(
            [sys.executable, "-c", MEASURE],
            input=event,
            env={
                "CLICKHOUSE_DSN": clickhouse.dsn,
                "INGEST_WINDOW_PAST_S": "0",
                "MAX_BODY_BYTES": str(64 << 20),
                "QUERY_TIMEOUT_S": "600",
            },
            capture_output=True,
            text=True,
            check=True,
        )
    # The function's own log lines come first.
    status, peak = json.loads(run.stdout.splitlines()[-1])
    assert status == 200, run.stdout
    return int(peak)


@pytest.mark.skipif(sys.platform != "linux", reason="reads its peak memory from /proc")
@pytest.mark.parametrize(("upload", "setting"), [(ordinary, "MinValue"), (costly, "Default")])
def test_the_largest_uploads_fit_the_functions_memory(upload: Callable[[], bytes], setting: str) -> None:
    assert memory_mb(upload()) + WARM_MB < parameter("FunctionMemory")[setting]
