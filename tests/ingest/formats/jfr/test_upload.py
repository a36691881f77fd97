"""JFR by POST /ingest: every packing, and how each event, its labels and its time are stored."""

import gzip
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import pytest

from flamehouse.model.profile import SeriesProfile
from flamehouse.pb.jfr_pb2 import Context, LabelsSnapshot
from tests.support.uploads.jfr_recordings import recording, sample, setting
from tests.support.uploads.parts import own_labels, values_by_stack
from tests.support.uploads.uploads import ANY_TIME, FORM, Ingest, form, rejection

QUERY = "name=shop&format=jfr&spyName=javaspy&sampleRate=100&from=1795380088&until=1795380098"
FROM_NS = 1_795_380_088_000_000_000
RECORDING = recording(setting("event", "itimer"), sample(), sample())
LABELS = LabelsSnapshot(
    contexts={
        5: Context(labels={1: 2}),
        6: Context(labels={1: 3, 4: 5}),
        -7: Context(labels={1: 9, 9: 2}),
    },
    strings={1: "endpoint", 2: "/cart", 3: "/pay", 4: "worker", 5: "w1", 6: "checkout span"},
)
SPAN = 0xFEDCBA9876543210


def stored(body: bytes, query: str = QUERY, *, content_type: str = "") -> Sequence[SeriesProfile]:
    """Returns the stored upload; checks that it is accepted."""
    ingest = Ingest()
    response = ingest.post(body, query, content_type=content_type)
    assert response.status_code == 200, response.text
    return [part for upload in ingest.uploads for part in upload.profiles]


def stored_with_labels(*events: Any, labels: LabelsSnapshot = LABELS) -> Sequence[SeriesProfile]:
    body = form(("jfr", recording(*events)), ("labels", labels.SerializeToString()))
    return stored(body, content_type=FORM)


def gzipped(data: bytes) -> bytes:
    return gzip.compress(data, mtime=0)


@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        (RECORDING, ""),
        (gzipped(RECORDING), ""),
        (RECORDING, "application/octet-stream"),
        (form(("jfr", RECORDING)), FORM),
        (form(("jfr", gzipped(RECORDING))), FORM),
        (form(("jfr", RECORDING), files=False), FORM),
        (form(("labels", b""), ("jfr", RECORDING)), FORM),
        (form(("jfr", gzipped(RECORDING)), ("labels", LABELS.SerializeToString())), FORM),
        (form(("jfr", RECORDING), ("labels", gzipped(LABELS.SerializeToString()))), FORM),
        (gzipped(form(("jfr", RECORDING))), FORM),
    ],
)
def test_a_recording_is_accepted_in_every_packing(body: bytes, content_type: str) -> None:
    (part,) = stored(body, content_type=content_type)
    assert part.profile_type == "process_cpu:cpu:nanoseconds:cpu:nanoseconds"
    assert values_by_stack(part) == [("Shop.main;Shop.work", 20_000_000)]


@pytest.mark.parametrize(
    ("body", "content_type", "message"),
    [
        (b"FLR\0", "", "the recording is damaged: it ends within a chunk header"),
        (b"x" * 100, "", "the recording is damaged: a chunk does not begin with FLR"),
        (form(("recording", RECORDING)), FORM, "missing form part 'jfr', found only 'recording'"),
        (form(("labels", b"")), FORM, "missing form part 'jfr'"),
        (
            form(("jfr", RECORDING), ("labels", b"\x0a\x05")),
            FORM,
            "the labels are not a LabelsSnapshot: Error parsing message",
        ),
        (RECORDING[:-1], "", "the recording is damaged: a chunk extends beyond the recording"),
        (gzipped(RECORDING)[:-1], "", "the gzip body is truncated"),
    ],
)
def test_an_invalid_recording_is_rejected(body: bytes, content_type: str, message: str) -> None:
    ingest = Ingest()
    status, code, text = rejection(ingest.post(body, QUERY, content_type=content_type))
    assert (status, code) == (422, "unknown")
    assert text.startswith(f"parsing IngestInput-jfr failed {message}")
    assert ingest.uploads == []


def test_a_recording_may_be_as_long_as_the_setting_allows() -> None:
    for limit, status in ((len(RECORDING), 200), (len(RECORDING) - 1, 422)):
        ingest = Ingest(settings=replace(ANY_TIME, max_jfr_bytes=limit, max_profile_bytes=1))
        for body in (RECORDING, gzipped(RECORDING)):
            assert ingest.post(body, QUERY).status_code == status


ALLOCATED = ("memory:alloc_{0}_objects:count:space:bytes", "memory:alloc_{0}_bytes:bytes:space:bytes")
WAITED = ("{0}:contentions:count:{0}:count", "{0}:delay:nanoseconds:{0}:count")
CPU = "process_cpu:cpu:nanoseconds:cpu:nanoseconds"
WALL = "wall:wall:nanoseconds:wall:nanoseconds"
NO_SPAN = (0, 0, 0, 0, 0)
TICK = 10_000_000


def named(pair: tuple[str, str], name: str, *values: int) -> Mapping[str, int]:
    return {type_.format(name): value for type_, value in zip(pair, values, strict=True)}


@pytest.mark.parametrize(
    ("sampled", "events", "expected"),
    [
        ("cpu", [sample(state=1), sample(state=1)], {CPU: 2 * TICK}),
        ("cpu", [sample(state=1), sample(state=2), sample(state=9)], {CPU: TICK}),
        ("wall", [sample(state=1), sample(state=2)], {CPU: TICK, WALL: 2 * TICK}),
        ("", [("profiler.WallClockSample", [1, 1, 1, 3])], {WALL: 3 * TICK}),
        (
            "wall",
            [("profiler.WallClockSample", [1, 1, 1, 3]), ("profiler.WallClockSample", [1, 1, 2, 4])],
            {WALL: 7 * TICK, CPU: 3 * TICK},
        ),
        (
            "alloc",
            [("jdk.ObjectAllocationInNewTLAB", [1, 1, 512, *NO_SPAN])] * 2,
            named(ALLOCATED, "in_new_tlab", 2, 1024),
        ),
        (
            "alloc",
            [("jdk.ObjectAllocationOutsideTLAB", [1, 1, 1 << 40, *NO_SPAN])],
            named(ALLOCATED, "outside_tlab", 1, 1 << 40),
        ),
        ("", [("jdk.ObjectAllocationSample", [1, 1, 77])], named(ALLOCATED, "sample", 1, 77)),
        ("", [("jdk.JavaMonitorEnter", [1, 900, 1, *NO_SPAN])], named(WAITED, "mutex", 1, 900)),
        ("", [("jdk.ThreadPark", [1, 901, 1])] * 3, named(WAITED, "block", 3, 2703)),
        ("", [("profiler.LiveObject", [1, 1, 640])], {"memory:live:count:objects:count": 1}),
        (
            "nativemem",
            [("profiler.Malloc", [1, 1, 64])],
            {"memory:malloc_objects:count::": 1, "memory:malloc_bytes:bytes::": 64},
        ),
        ("", [("jdk.ThreadPark", [1, -1, 1]), ("jdk.ThreadPark", [1, 5, 2])], named(WAITED, "block", 2, 5)),
        ("", [("profiler.LiveObject", [1, 99, 640])], {}),
        ("", [], {}),
    ],
)
def test_each_kind_of_event_makes_its_profiles(
    sampled: str, events: Sequence[Any], expected: Mapping[str, int]
) -> None:
    parts = stored(recording(setting("event", sampled), *events))
    assert {part.profile_type: sum(part.values) for part in parts} == expected
    assert all(dict(part.labels).get("jfr_event", "") == sampled for part in parts)


@pytest.mark.parametrize(
    ("ticks_per_s", "ticks", "expected_ns"),
    [(1_000_000_000, 900, 900), (2_500_000_000, 241_842_498, 96_736_999), (1, 3, 3_000_000_000)],
)
def test_ticks_become_nanoseconds_by_the_clock_of_each_chunk(
    ticks_per_s: int, ticks: int, expected_ns: int
) -> None:
    events = [
        ("jdk.JavaMonitorEnter", [1, ticks, 1, *NO_SPAN]),
        ("jdk.ThreadPark", [1, ticks, 1]),
        ("jdk.CPUTimeSample", [1, 1, False, ticks, False]),
    ]
    chunks = recording(*events, header={"frequency": ticks_per_s}) + recording(*events)
    values = {part.profile_type: sum(part.values) for part in stored(chunks)}
    assert values == {
        **named(WAITED, "mutex", 2, expected_ns + ticks),
        **named(WAITED, "block", 2, expected_ns + ticks),
        CPU: expected_ns + ticks,
    }


@pytest.mark.parametrize("ticks_per_s", [0, -1])
def test_a_clock_without_ticks_is_rejected(ticks_per_s: int) -> None:
    data = recording(sample(state=1), header={"frequency": ticks_per_s})
    status, _, message = rejection(Ingest().post(data, QUERY))
    assert (status, f"invalid clock frequency of {ticks_per_s} ticks per second" in message) == (422, True)


@pytest.mark.parametrize(("rate", "period_ns"), [("1", 1_000_000_000), ("1000", 1_000_000), ("", 10_000_000)])
def test_a_sample_represents_one_sampling_interval(rate: str, period_ns: int) -> None:
    (part,) = stored(RECORDING, f"name=shop&format=jfr&sampleRate={rate}")
    assert sum(part.values) == 2 * period_ns


def test_without_a_sample_rate_the_time_is_unknown() -> None:
    assert stored(RECORDING, "name=shop&format=jfr&sampleRate=0&spyName=javaspy") == []


def test_labels_of_the_program_become_labels_of_series() -> None:
    parts = stored_with_labels(
        sample(1, contextId=5),
        sample(2, contextId=6),
        sample(1, contextId=6),
        sample(1, contextId=99),
        sample(2),
    )
    found = {tuple(sorted(own_labels(part).items())): values_by_stack(part) for part in parts}
    spy = ("pyroscope_spy", "javaspy")
    assert found == {
        (("endpoint", "/cart"), spy): [("Shop.main;Shop.work", TICK)],
        (("endpoint", "/pay"), spy, ("worker", "w1")): [
            ("Shop.main;Shop.rest", TICK),
            ("Shop.main;Shop.work", TICK),
        ],
        (spy,): [("Shop.main;Shop.rest", TICK), ("Shop.main;Shop.work", TICK)],
    }


def test_labels_without_a_name_or_a_value_are_ignored() -> None:
    (part,) = stored_with_labels(sample(contextId=(1 << 64) - 7))
    assert own_labels(part) == {"pyroscope_spy": "javaspy"}


def test_spans_and_traces_stay_with_their_samples() -> None:
    trace = {"traceIdHi": 0x0123456789ABCDEF, "traceIdLo": 0xF0F0F0F0F0F0F0F0}
    parts = stored_with_labels(
        sample(1, spanId=SPAN, spanName=6, contextId=5),
        sample(1, spanId=3, **trace),
        sample(1, spanId=3, **trace),
    )
    named_part, other = sorted(parts, key=lambda part: -len(part.labels))
    assert own_labels(named_part)["span_name"] == "checkout span"
    assert [*named_part.span_ids] == [SPAN]
    assert [*zip(other.span_ids, other.trace_ids, other.values, strict=True)] == [
        (3, bytes.fromhex("0123456789abcdeff0f0f0f0f0f0f0f0"), 2 * TICK)
    ]


def test_spans_need_no_labels() -> None:
    (part,) = stored(recording(sample(spanId=SPAN)))
    assert [*part.span_ids] == [SPAN]


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("shop", {"service_name": "shop"}),
        ("shop{region=eu,__private__=x}", {"service_name": "shop", "region": "eu"}),
        ("shop{service_name=till}", {"service_name": "till", "app_name": "shop"}),
        ("shop{service_name=till,app_name=mine}", {"service_name": "till", "app_name": "mine"}),
        ("shop{jfr_event=x,pyroscope_spy=y}", {"service_name": "shop"}),
    ],
)
def test_the_request_names_the_series(name: str, expected: Mapping[str, str]) -> None:
    (part,) = stored(RECORDING, f"name={name}&format=jfr&spyName=javaspy&from=1795380088")
    assert {"service_name": part.service, **own_labels(part)} == {
        "pyroscope_spy": "javaspy",
        "jfr_event": "itimer",
        **expected,
    }


@pytest.mark.parametrize(
    ("times", "expected"),
    [
        ("from=1795380088&until=1795380098", (FROM_NS, 10_000_000_000)),
        ("from=1795380088000&until=1795380098500", (FROM_NS, 10_500_000_000)),
        ("from=1795380098&until=1795380088", (FROM_NS + 10_000_000_000, 0)),
        ("from=1795380088&until=now", (FROM_NS, 0)),
        ("from=1795380088", (FROM_NS, 0)),
    ],
)
def test_profiles_have_the_time_of_the_request(times: str, expected: tuple[int, int]) -> None:
    (part,) = stored(RECORDING, f"name=shop&format=jfr&{times}")
    assert (part.time_ns, part.duration_ns) == expected


@pytest.mark.parametrize("times", ["", "&from=0&until=1795380088", "&from=19690101&until=1795380088"])
def test_a_recording_without_a_time_begins_at_its_receipt(times: str) -> None:
    ingest = Ingest()
    ingest.post(RECORDING, f"name=shop&format=jfr{times}")
    (upload,) = ingest.uploads
    assert [(part.time_ns, part.duration_ns) for part in upload.profiles] == [(upload.received_ns, 0)]


def test_the_same_recording_is_the_same_upload_however_it_is_packed() -> None:
    ingest = Ingest()
    for data in (RECORDING, gzipped(RECORDING)):
        ingest.post(form(("jfr", data)), QUERY, content_type=FORM)
    first, second = ingest.uploads
    assert first.id == second.id
    assert [part.profile_id for part in first.profiles] == [part.profile_id for part in second.profiles]
