"""speedscope by POST /ingest: how units, rates and several profiles are stored, and which files are rejected."""

import json
from collections.abc import Sequence
from typing import Any

import pytest

from flamehouse.model.profile import SeriesProfile
from flamehouse.settings import Settings
from flamehouse.store import Store
from tests.support.queries.queries import Server, drawn, some_monday_ms
from tests.support.uploads.parts import own_labels, values_by_stack
from tests.support.uploads.profiles import CPU
from tests.support.uploads.stack_uploads import SCHEMA, evented, file, sampled
from tests.support.uploads.uploads import Ingest, rejection

QUERY = "name=shop&format=speedscope&from=1795380088&spyName=old"
WALL = "wall:wall:nanoseconds:cpu:nanoseconds"
SAMPLES = "process_cpu:samples:count::"
MEMORY = "memory:samples:bytes::"
MS = 1_000_000


def stored(*profiles: Any, query: str = QUERY) -> Sequence[SeriesProfile]:
    """Returns the stored upload of a file of the profiles; checks that it is accepted."""
    ingest = Ingest()
    response = ingest.post(file(*profiles), query)
    assert response.status_code == 200, response.text
    return [part for upload in ingest.uploads for part in upload.profiles]


def rejected(body: bytes, query: str = QUERY) -> str:
    """Sends a file that must be rejected, and returns the reason."""
    ingest = Ingest()
    status, code, message = rejection(ingest.post(body, query))
    assert (status, code, ingest.uploads) == (422, "unknown", [])
    return message.partition(" IngestInput-speedscope failed ")[2]


def test_an_upload_can_be_queried(store: Store, settings: Settings) -> None:
    server, monday = Server.on(store, settings), some_monday_ms()
    opened = [("O", 0, 0), ("O", 1, 1), ("C", 3, 1), ("O", 3, 2), ("C", 3.5, 2), ("C", 4, 0)]
    body = file(
        evented(*opened, unit="seconds", name="one"), sampled([[0, 1]], [7], unit="seconds", name="two")
    )
    path = f"/ingest?name=shop&format=speedscope&from={monday // 1_000 + 30}"
    response = server.client.send("POST", path, body)
    assert (response.status_code, response.content) == (200, b"")
    end = monday + 60_000
    assert server.profile_types(monday, end) == [WALL]
    assert server.label_values(monday, end, "profile_name") == ["one", "two"]
    first = [(["main"], 1_500 * MS), (["main", "work"], 2_000 * MS), (["main", "rest"], 500 * MS)]
    assert server.flamegraph(monday, end, selector='{profile_name="one"}', type_=WALL) == drawn(first)
    assert server.selves(monday, end, type_=WALL) == {
        "main": 1_500 * MS,
        "work": 9_000 * MS,
        "rest": 500 * MS,
    }
    assert server.series(monday, end, step=60, type_=WALL) == [([], [(end, 11_000.0 * MS)])]


@pytest.mark.parametrize(
    ("unit", "query", "profile_type", "value"),
    [
        ("nanoseconds", "name=shop", CPU, 3),
        ("microseconds", "name=shop", CPU, 2_500),
        ("milliseconds", "name=shop", CPU, 2_500_000),
        ("seconds", "name=shop", CPU, 2_500_000_000),
        ("none", "name=shop", CPU, 25_000_000),
        ("bytes", "name=shop", MEMORY, 3),
        ("bytes", "name=shop.alloc_space", "memory:alloc_space:bytes::", 3),
        ("seconds", "name=shop.wall", WALL, 2_500_000_000),
        ("none", "name=shop.wall", WALL, 25_000_000),
        ("none", "name=shop.alloc_objects", "memory:alloc_objects:count::", 250),
        ("seconds", "name=shop&sampleRate=100", CPU, 2_500_000_000),
        ("seconds", "name=shop&sampleRate=1000", CPU, 250_000_000),
        ("none", "name=shop&sampleRate=1000", CPU, 250_000_000),
        ("none", "name=shop&sampleRate=0", SAMPLES, 250),
        ("milliseconds", "name=shop&sampleRate=0", SAMPLES, 250),
    ],
)
def test_weights_become_time_by_unit_and_rate(unit: str, query: str, profile_type: str, value: int) -> None:
    (part,) = stored(
        sampled([[0, 1]], [2.5 + (unit in {"nanoseconds", "bytes"}) / 10], unit=unit),
        query=f"{query}&format=speedscope",
    )
    assert (part.profile_type, values_by_stack(part)) == (profile_type, [("main;work", value)])


def test_profiles_that_differ_only_in_values_are_merged() -> None:
    one, two = sampled([[0], [0, 1]], [1, 2], unit="bytes"), sampled([[0, 1], []], [4, 8], unit="bytes")
    part, other = stored(one, sampled([[2]], [1], unit="bytes", name="other"), two)
    assert values_by_stack(part) == [("main", 1), ("main;work", 6)]
    assert (values_by_stack(other), other.profile_type) == ([("rest", 1)], MEMORY)
    assert own_labels(other) == {"pyroscope_spy": "old", "profile_name": "other"}
    assert own_labels(part) == {"pyroscope_spy": "old"}
    assert part.time_ns == other.time_ns == 1_795_380_088_000_000_000


def test_one_file_may_have_several_units() -> None:
    parts = stored(
        sampled([[0]], [1], unit="bytes"),
        sampled([[0]], [1], unit="milliseconds"),
        sampled([[0]], [1], unit="seconds"),
    )
    assert sorted((part.profile_type, values_by_stack(part)) for part in parts) == [
        (MEMORY, [("main", 1)]),
        (WALL, [("main", MS)]),
        (WALL, [("main", 1_000 * MS)]),
    ]


@pytest.mark.parametrize(
    ("profile", "expected"),
    [
        (evented(), []),
        (evented(("O", 5, 0), ("C", 8, 0), startValue=5), [("main", 3)]),
        (evented(("O", 0, 0), ("O", 0, 0), ("C", 2, 0), ("C", 3, 0)), [("main", 1), ("main;main", 2)]),
        (evented(("O", 0, 0), ("C", 1, 0), ("O", 5, 0), ("C", 7, 0)), [("main", 3)]),
        (evented(("O", 0, 0), ("O", 4, 1), endValue=9), [("main", 4)]),
        (sampled([], []), []),
        (sampled([[0, 1]], [0]), []),
        (sampled([[]], [1]), []),
        (sampled(None, None), []),
    ],
)
def test_events_and_samples_add_up(profile: dict[str, Any], expected: list[tuple[str, int]]) -> None:
    profile["unit"] = "bytes"
    assert [values_by_stack(part) for part in stored(profile)] == ([expected] if expected else [])


def test_a_file_without_profiles_stores_nothing() -> None:
    assert stored() == []


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b" ", "malformed JSON: Expecting value: line 1 column 2 (char 1)"),
        (b"[]", "malformed JSON: the file is not an object"),
        (b"{}", "unknown schema: ''"),
        (b'{"$schema": "x"}', "unknown schema: 'x'"),
        (file(sampled([[0]], [1], unit="hours")), "unknown unit 'hours'"),
        (file(sampled([[0]], [1], unit=None)), "unknown unit ''"),
        (file(sampled([[0]], [1], type="flame")), "profile type 'flame' is not supported"),
        (file(sampled([[0]], [])), "found 0 weights for 1 samples"),
        (file(sampled([[3]], [1])), "a sample has an unknown frame"),
        (file(sampled([[-1]], [1])), "a sample has an unknown frame"),
        (file(sampled([[0.5]], [1])), "a sample has an unknown frame"),
        (file(sampled([[[]]], [1])), "a sample has an unknown frame"),
        (file(sampled([7], [1])), "a sample is not a list of frames"),
        (file(sampled([[0]], [-1])), "the weight -1 is negative"),
        (file(sampled([[0]], ["1"])), "malformed JSON: a weight is not a 64-bit number"),
        (file(sampled([[0]], [True])), "malformed JSON: a weight is not a 64-bit number"),
        (file(sampled([[0]], [1e300])), "malformed JSON: a weight is not a 64-bit number"),
        (file(sampled([[0]], [float("nan")])), "malformed JSON: NaN is not a number"),
        (file(sampled({}, [])), "malformed JSON: samples is not a list"),
        (file(evented(("O", 0, 9))), "an event has an unknown frame"),
        (file(evented(("O", 1, 0), ("C", 0, 0))), "events are out of order: 0 comes after 1"),
        (file(evented(("X", 0, 0))), "unknown event type 'X'"),
        (file(evented(("C", 0, 0))), "frame 0 is closed, but is not the innermost open frame"),
        (
            file(evented(("O", 0, 0), ("O", 1, 1), ("C", 2, 0))),
            "frame 0 is closed, but is not the innermost open frame",
        ),
        (file(7), "malformed JSON: an entry of profiles is not an object"),
        (file(frames=[7]), "malformed JSON: name is not a string"),
        (file(shared=[]), "malformed JSON: shared is not an object"),
        (
            file(sampled([[0]], [1 << 60], unit="seconds")),
            "the values of sample type 'cpu' add up to more than 64 bits",
        ),
        (
            file(sampled([[0]], [1 << 62], unit="bytes"), sampled([[1]], [1 << 62], unit="bytes")),
            "the values of sample type 'samples' add up to more than 64 bits",
        ),
        (file(sampled([[0]], [1]), sampled([[0]], [1])), "unknown profile type: none"),
    ],
)
def test_an_invalid_speedscope_file_is_rejected(body: bytes, message: str) -> None:
    assert rejected(body).partition(" (the application name")[0] == message


def test_a_name_may_have_a_lone_surrogate() -> None:
    ingest = Ingest()
    profile = sampled([[0]], [1], unit="bytes")
    body = json.dumps({"$schema": SCHEMA, "shared": {"frames": [{"name": "a\ud800"}]}, "profiles": [profile]})
    assert ingest.post(body.encode(), QUERY).status_code == 200
    assert values_by_stack(ingest.uploads[0].profiles[0]) == [("a\ufffd", 1)]
