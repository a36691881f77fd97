"""Uploads of Go programs that no recording covers: names of delta profiles, type shapes, cut and partly unknown stacks."""

from collections.abc import Sequence

import pytest

from flamehouse.settings import Settings
from flamehouse.store import Store
from tests.support.queries.queries import Server, some_monday_ms
from tests.support.uploads.profiles import Frame, Sample, labels_of, pprof_of, sample
from tests.support.uploads.uploads import series

MINUTE = 60_000
SPAN = "8a517183f26a089d"


@pytest.fixture
def server(store: Store, settings: Settings) -> Server:
    return Server.on(store, settings)


@pytest.mark.parametrize(
    ("sent", "types", "type_ids"),
    [
        (
            "godeltaprof_memory",
            [("alloc_objects", "count"), ("alloc_space", "bytes")],
            ["memory:alloc_objects:count:space:bytes", "memory:alloc_space:bytes:space:bytes"],
        ),
        ("godeltaprof_mutex", [("contentions", "count")], ["mutex:contentions:count:space:bytes"]),
        ("godeltaprof_block", [("delay", "nanoseconds")], ["block:delay:nanoseconds:space:bytes"]),
        ("memory", [("inuse_space", "bytes")], ["memory:inuse_space:bytes:space:bytes"]),
    ],
)
@pytest.mark.parametrize("delta", ["", "false", "true"])
def test_delta_profiles_have_the_name_of_their_kind(
    server: Server, sent: str, types: Sequence[tuple[str, str]], type_ids: Sequence[str], delta: str
) -> None:
    start = some_monday_ms()
    steering = {"__delta__": delta, "__name_replaced__": sent} if delta else {}
    stack = sample(["main.main"], *[2] * len(types))
    profile = pprof_of([stack], time_ms=start, types=types, period=("space", "bytes"))
    server.push(series(labels_of(__name__=sent, **steering), profile))
    assert server.profile_types(start, start + MINUTE) == sorted(type_ids)
    all_names = server.client.rpc("LabelNames", {"start": start, "end": start + MINUTE})["names"]
    assert {"__delta__", "__name_replaced__"}.isdisjoint(all_names)
    assert server.selves(start, start + MINUTE, type_=type_ids[0]) == {"main.main": 2}


SHOWN: Sequence[tuple[str, Sequence[Frame], dict[str, int]]] = [
    ("inlined frames", ["main.main", ("main.outer", "main.inner")], {"main.inner": 1}),
    ("a type parameter shape", ["main.main", "slices.Sort[go.shape.string]"], {"slices.Sort": 1}),
    ("an unknown leaf", ["main.main", 0x4711], {"0x4711": 1}),
    ("an unknown root", [0x4711, "main.main"], {"main.main": 1}),
    ("only unknown frames", [0x4711, 0x4712], {"0x4712": 1}),
    ("no frames", [], {"[unknown]": 1}),
    (
        "as many frames as Go's runtime records",
        [f"main.f{depth}" for depth in range(128)],
        {"main.f127": 1},
    ),
]


@pytest.mark.parametrize(("stack", "selves"), [row[1:] for row in SHOWN], ids=[row[0] for row in SHOWN])
def test_known_parts_of_a_stack_are_shown(
    server: Server, stack: Sequence[Frame], selves: dict[str, int]
) -> None:
    start = some_monday_ms()
    profile = pprof_of([Sample(stack=stack, values=[1])], time_ms=start)
    server.push(series(labels_of(pyroscope_spy="gospy"), profile))
    assert server.selves(start, start + MINUTE) == selves
    ((_, points),) = server.series(start, start + MINUTE, step=60)
    assert [value for _, value in points] == [1]


@pytest.mark.parametrize("part", ["function", "location"])
def test_a_dangling_reference_is_dropped(server: Server, part: str) -> None:
    start = some_monday_ms()
    profile = pprof_of([sample(["main.main", "main.lost"], 1)], time_ms=start)
    del getattr(profile, part)[0]
    server.push(series(labels_of(), profile))
    assert server.selves(start, start + MINUTE) == {"main.main": 1}


def test_a_profile_id_of_a_sample_is_its_span_and_not_a_label(server: Server) -> None:
    start = some_monday_ms()
    samples = [sample(["main.main", "main.traced"], 5, profile_id=SPAN), sample(["main.main"], 1)]
    server.push(series(labels_of(), pprof_of(samples, time_ms=start)))
    assert server.label_names(start, start + MINUTE) == ["service_name"]
    request = {
        "profileTypeID": "process_cpu:cpu:nanoseconds:cpu:nanoseconds",
        "labelSelector": "{}",
        "spanSelector": [SPAN],
        "start": start,
        "end": start + MINUTE,
    }
    response = server.call("SelectMergeSpanProfile", **request).json()["flamegraph"]
    assert (response["total"], set(response["names"])) == ("5", {"total", "main.main", "main.traced"})
