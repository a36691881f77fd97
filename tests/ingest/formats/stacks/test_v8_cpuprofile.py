"""V8's .cpuprofile files by POST /ingest."""

import json
from typing import Any

import pytest

from tests.support.uploads.parts import values_by_stack
from tests.support.uploads.uploads import Ingest, rejection

CPU = "process_cpu:cpu:nanoseconds:cpu:nanoseconds"
NAMES = {1: "(root)", 2: "main", 3: "work", 4: "(idle)", 5: ""}
CHILDREN = {1: [2, 4], 2: [3, 5]}


def node(id_: int, **more: Any) -> dict[str, Any]:
    frame = {"functionName": NAMES[id_], "scriptId": "1", "url": "", "lineNumber": 0, "columnNumber": 0}
    return {"id": id_, "callFrame": frame, **more}


NODES = [node(id_, children=CHILDREN.get(id_, [])) for id_ in NAMES]
BY_PARENT = [node(1), node(2, parent=1), node(3, parent=2), node(4, parent=1), node(5, parent=2)]


def profile(**more: Any) -> dict[str, Any]:
    return {"nodes": NODES, "startTime": 0, "endTime": 100, **more}


SAMPLES = {"samples": [2, 3, 4, 3, 5, 1], "timeDeltas": [10, 20, 40, 25, 5, 1]}
EXPECTED = [("(root)", 1_000), ("main", 10_000), ("main;(anonymous)", 5_000), ("main;work", 45_000)]


@pytest.mark.parametrize("query", ["", "&format=cpuprofile", "&sampleRate=0"])
@pytest.mark.parametrize(
    "file", [profile(**SAMPLES), profile(**SAMPLES) | {"nodes": BY_PARENT}], ids=["children", "parents"]
)
def test_each_sample_lasts_for_its_time_delta(query: str, file: dict[str, Any]) -> None:
    ingest = Ingest()
    assert ingest.post(json.dumps(file, indent=1).encode(), f"name=shop{query}").status_code == 200
    [part] = ingest.uploads[0].profiles
    assert (part.profile_type, values_by_stack(part)) == (CPU, EXPECTED)


def test_without_time_deltas_samples_share_the_time_evenly() -> None:
    ingest = Ingest()
    assert ingest.post(json.dumps(profile(samples=[2, 3, 3, 4])).encode(), "name=shop").status_code == 200
    [part] = ingest.uploads[0].profiles
    assert values_by_stack(part) == [("main", 25_000), ("main;work", 50_000)]


LONG = [node(2) | {"id": id_, "parent": id_ - 1} for id_ in range(1, 4_001)]


@pytest.mark.parametrize(
    ("file", "query", "reason"),
    [
        (profile(samples=[9], timeDeltas=[1]), "", "a sample has the unknown node 9"),
        (
            profile(samples=[2], timeDeltas=[]) | {"timeDeltas": [1, 2]},
            "",
            "found 2 timeDeltas for 1 samples",
        ),
        (profile(samples=[2], timeDeltas=["x"]), "", "a time delta is not a 64-bit number"),
        (profile(samples=[4], timeDeltas=[7]), "", "nothing to store: expected a V8 CPU profile"),
        (profile(), "", "nothing to store"),
        ({"nodes": [node(2, parent=2)], **SAMPLES, "samples": [2] * 6}, "", "its own ancestor"),
        (
            {"nodes": LONG, "samples": [*range(1, 4_001)], "timeDeltas": [1] * 4_000},
            "",
            "more than 4000000 frames",
        ),
        (profile(**SAMPLES), ".alloc_space", "the profile measures time"),
    ],
)
def test_an_invalid_cpu_profile_is_rejected(file: dict[str, Any], query: str, reason: str) -> None:
    ingest = Ingest()
    status, _, message = rejection(ingest.post(json.dumps(file).encode(), f"name=shop{query}"))
    assert (status, reason in message, ingest.uploads) == (422, True, []), message
