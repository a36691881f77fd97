"""The .NET profiler's requests over the years, built from its description, since it cannot be recorded here.

It first sent one form to /ingest with all sample types in one profile, then a form for each kind; now it uses Push.
"""

import json
from collections.abc import Mapping, Sequence
from urllib.parse import urlencode

import pytest

from flamehouse.settings import Settings
from flamehouse.store import Store
from tests.support.queries.queries import Server, some_monday_ms
from tests.support.uploads.profiles import MS, labels_of, pprof_of, sample
from tests.support.uploads.uploads import FORM, PUSH, form, pushed, series

type Types = Sequence[tuple[str, str]]

MINUTE = 60_000
STACK = ("Shop!Program.Main", "Shop!Cart.Total")
CPU_PERIOD = ("cpu", "nanoseconds")
HEAP_PERIOD = ("space", "bytes")
OWN_LABELS = {"service_name": "shop", "region": "eu", "spy_name": "dotnetspy"}

PUSHED: Sequence[tuple[str, Types, tuple[str, str], Sequence[str]]] = [
    (
        "process_cpu",
        [("cpu", "nanoseconds"), ("cpu_samples", "count")],
        CPU_PERIOD,
        ["process_cpu:cpu:nanoseconds:cpu:nanoseconds", "process_cpu:cpu_samples:count:cpu:nanoseconds"],
    ),
    ("wall", [("wall", "nanoseconds")], CPU_PERIOD, ["wall:wall:nanoseconds:cpu:nanoseconds"]),
    (
        "memory",
        [("alloc_samples", "count"), ("alloc_size", "bytes")],
        HEAP_PERIOD,
        ["memory:alloc_samples:count:space:bytes", "memory:alloc_size:bytes:space:bytes"],
    ),
    (
        "memory",
        [("inuse_objects", "count"), ("inuse_space", "bytes")],
        HEAP_PERIOD,
        ["memory:inuse_objects:count:space:bytes", "memory:inuse_space:bytes:space:bytes"],
    ),
    (
        "lock",
        [("lock_count", "count"), ("lock_time", "nanoseconds")],
        CPU_PERIOD,
        ["lock:lock_count:count:cpu:nanoseconds", "lock:lock_time:nanoseconds:cpu:nanoseconds"],
    ),
    ("exception", [("exception", "count")], CPU_PERIOD, ["exception:exception:count:cpu:nanoseconds"]),
    # The description does not say what these three count, but each has the name that the profiler uses.
    *(
        (name, [(name, "nanoseconds")], CPU_PERIOD, [f"{name}:{name}:nanoseconds:cpu:nanoseconds"])
        for name in ("network", "gc", "thread_lifetime")
    ),
]

ALL_TYPES = (
    ("cpu", "nanoseconds"),
    ("alloc-samples", "count"),
    ("alloc-size", "bytes"),
    ("lock-count", "count"),
    ("lock-time", "nanoseconds"),
    ("exception", "count"),
    ("inuse-objects", "count"),
    ("inuse-space", "bytes"),
)
SHOWN_AS = {
    "alloc-samples": "alloc_objects",
    "alloc-size": "alloc_space",
    "exception": "exceptions",
    "lock-count": "mutex_count",
    "lock-time": "mutex_duration",
    "inuse-objects": "inuse_objects",
    "inuse-space": "inuse_space",
}


@pytest.fixture
def server(store: Store, settings: Settings) -> Server:
    return Server.on(store, settings)


def upload(server: Server, start: int, parts: Mapping[str, bytes], app: str = "shop{region=eu}") -> None:
    """Returns a form to /ingest as the profiler sends it, with times in nanoseconds."""
    query = {
        "name": app,
        "from": start * MS,
        "until": (start + 10_000) * MS,
        "spyName": "dotnetspy",
        "spyVersion": "0.8.14",
    }
    target = f"/ingest?{urlencode(query)}"
    response = server.client.send("POST", target, form(*parts.items()), {"Content-Type": FORM})
    assert (response.status_code, response.content) == (200, b"")


@pytest.mark.parametrize(("name", "types", "period", "type_ids"), PUSHED)
def test_a_push_retains_the_name_of_its_profiler(
    server: Server, name: str, types: Types, period: tuple[str, str], type_ids: Sequence[str]
) -> None:
    start = some_monday_ms()
    values = range(1, len(types) + 1)
    profile = pprof_of([sample(STACK, *values)], time_ms=start, types=types, period=period)
    body = pushed(series({**OWN_LABELS, "__name__": name}, profile))
    response = server.client.send("POST", PUSH, body, {"Content-Type": "application/proto"})
    assert (response.status_code, response.content) == (200, b"")
    assert server.profile_types(start, start + MINUTE) == sorted(type_ids)
    assert server.label_names(start, start + MINUTE) == sorted(OWN_LABELS)
    for value, type_id in zip(values, type_ids, strict=True):
        assert server.selves(start, start + MINUTE, type_=type_id) == {STACK[-1]: value}


def test_labels_of_a_scope_split_what_is_pushed(server: Server) -> None:
    start = some_monday_ms()
    profile = pprof_of(
        [sample(STACK, 3, endpoint="/cart"), sample(STACK, 2, endpoint="/pay"), sample(STACK, 1)],
        time_ms=start,
    )
    server.push(series(labels_of(spy_name="dotnetspy"), profile))
    assert server.label_values(start, start + MINUTE, "endpoint") == ["/cart", "/pay"]
    assert server.selves(start, start + MINUTE, selector='{endpoint="/cart"}') == {STACK[-1]: 3}
    assert server.selves(start, start + MINUTE) == {STACK[-1]: 6}


def test_one_profile_of_all_types_without_ids_and_with_dashes_is_repaired(server: Server) -> None:
    start = some_monday_ms()
    values = range(1, len(ALL_TYPES) + 1)
    profile = pprof_of([sample(STACK, *values)], time_ms=start, types=ALL_TYPES, period=("", "nanoseconds"))
    for function in profile.function:
        function.id = 0
    config = {name: {"display-name": shown} for name, shown in SHOWN_AS.items()}
    parts = {"profile": profile.SerializeToString(), "sample_type_config": json.dumps(config).encode()}
    upload(server, start, parts)
    type_ids = [f"process_cpu:{type_.replace('-', '_')}:{unit}::nanoseconds" for type_, unit in ALL_TYPES]
    assert server.profile_types(start, start + MINUTE) == sorted(type_ids)
    assert server.label_values(start, start + MINUTE, "pyroscope_spy") == ["dotnetspy"]
    for value, type_id in zip(values, type_ids, strict=True):
        assert server.selves(start, start + MINUTE, type_=type_id) == {STACK[-1]: value}


@pytest.mark.parametrize(
    ("types", "names"),
    [
        ([("cpu", "nanoseconds"), ("cpu_samples", "count")], ["process_cpu"]),
        ([("wall", "nanoseconds")], ["wall"]),
        ([("alloc_samples", "count"), ("alloc_size", "bytes")], ["memory"]),
        ([("inuse_objects", "count"), ("inuse_space", "bytes")], ["memory"]),
        ([("lock_count", "count"), ("lock_time", "nanoseconds")], ["lock_time"]),
        ([("exception", "count")], ["exception"]),
    ],
)
def test_a_form_for_each_kind_is_named_by_its_sample_types(
    server: Server, types: Types, names: Sequence[str]
) -> None:
    start = some_monday_ms()
    profile = pprof_of(
        [sample(STACK, *range(1, len(types) + 1))], time_ms=start, types=types, period=CPU_PERIOD
    )
    upload(server, start, {"profile": profile.SerializeToString()})
    assert server.label_values(start, start + MINUTE, "__name__") == names
    assert server.label_values(start, start + MINUTE, "region") == ["eu"]


def test_a_name_with_empty_braces_is_that_of_the_application(server: Server) -> None:
    start = some_monday_ms()
    profile = pprof_of([sample(STACK, 1)], time_ms=start).SerializeToString()
    upload(server, start, {"profile": profile}, app="shop{}")
    assert server.label_values(start, start + MINUTE, "service_name") == ["shop"]
