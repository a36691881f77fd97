"""The Ruby SDK's requests over the years, built from its description, since it cannot be recorded here.

It first sent gzip to /ingest from rbspy; now it uses Push. The Python SDK sends the same form, and is recorded and
run.
"""

import gzip
from urllib.parse import urlencode

import pytest

from flamehouse.pb.profile_pb2 import Profile
from flamehouse.settings import Settings
from flamehouse.store import Store
from tests.support.queries.queries import Server, some_monday_ms
from tests.support.uploads.profiles import CPU, CPU_TYPES, pprof_of, sample
from tests.support.uploads.uploads import PUSH, pushed, series

MINUTE = 60_000
S = 1_000
STACK = ("<main>", "CartController#show", "sum")
OWN_LABELS = {
    "region": "eu",
    "service_name": "shop",
    "otel.scope.name": "com.grafana.pyroscope/ruby",
    "otel.scope.version": "1.1.1",
    "process.runtime.name": "ruby",
    "process.runtime.version": "3.4.1",
}


@pytest.fixture
def server(store: Store, settings: Settings) -> Server:
    return Server.on(store, settings)


def profile_of(start: int, *, filename: str = "app/cart.rb") -> Profile:
    """Returns three samples of the SDK: two with the tags of a controller each, and one without tags."""
    profile = pprof_of(
        [
            sample(STACK, 30, action="cart/show", pid="7"),
            sample(STACK[:2], 20, action="pay/show", pid="7"),
            sample(STACK[:1], 10),
        ],
        time_ms=start,
    )
    profile.string_table.append(filename)
    for function in profile.function:
        function.filename = len(profile.string_table) - 1
    return profile


def test_a_push_is_gzipped_as_a_whole_and_its_tags_become_labels(server: Server) -> None:
    start = some_monday_ms()
    body = gzip.compress(
        pushed(series({"__name__": "process_cpu", **OWN_LABELS}, profile_of(start))), mtime=0
    )
    headers = {
        "User-Agent": "pyroscope-rs/rbspy/1.1.1 reqwest",
        "Content-Type": "application/proto",
        "Content-Encoding": "gzip",
        "Accept": "*/*",
    }
    response = server.client.send("POST", PUSH, body, headers)
    assert (response.status_code, response.content) == (200, b"")
    end = start + MINUTE
    assert server.profile_types(start, end) == [CPU]
    assert server.label_names(start, end) == sorted([*OWN_LABELS, "action", "pid"])
    assert server.label_values(start, end, "otel.scope.name") == ["com.grafana.pyroscope/ruby"]
    assert server.selves(start, end) == {"sum": 30, "CartController#show": 20, "<main>": 10}
    assert server.selves(start, end, selector='{action="cart/show", pid="7"}') == {"sum": 30}


@pytest.mark.parametrize("unit_ns", [1, 1_000, 1_000_000], ids=["ns", "us", "ms"])
@pytest.mark.parametrize(
    ("types", "period", "type_id"),
    [
        (CPU_TYPES, None, CPU),
        ([("samples", "count")], ("", "milliseconds"), "process_cpu:samples:count::milliseconds"),
    ],
)
def test_rbspys_time_may_be_in_another_unit_and_its_functions_are_named_with_their_files(
    server: Server,
    unit_ns: int,
    types: list[tuple[str, str]],
    period: tuple[str, str] | None,
    type_id: str,
) -> None:
    start = some_monday_ms()
    profile = pprof_of([sample(["total"], 4)], time_ms=start, types=types, period=period)
    profile.time_nanos //= unit_ns
    profile.string_table.append("app/cart.rb")
    profile.function[0].filename = len(profile.string_table) - 1
    query = {
        "name": "shop{region=eu}",
        "from": start // S,
        "until": start // S + 10,
        "spyName": "rbspy",
        "sampleRate": 100,
        "units": "samples",
        "aggregationType": "sum",
        "format": "pprof",
    }
    response = server.client.send(
        "POST",
        f"/ingest?{urlencode(query)}",
        gzip.compress(profile.SerializeToString(), mtime=0),
        {"Content-Type": "binary/octet-stream", "Content-Encoding": "gzip"},
    )
    assert (response.status_code, response.content) == (200, b"")
    assert server.profile_types(start, start + MINUTE) == [type_id]
    assert server.label_names(start, start + MINUTE) == ["pyroscope_spy", "region", "service_name"]
    assert server.selves(start, start + MINUTE, type_=type_id) == {"app/cart.rb total": 4}
