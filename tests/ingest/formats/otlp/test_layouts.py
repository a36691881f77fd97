"""Exports of collectors of the last two years, and requests that match no layout or several."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from google.protobuf import json_format
from opentelemetry.proto.profiles.v1development import profiles_pb2 as otlp

from flamehouse.pb.otlp_layouts_pb2 import (
    RangeSample,
    V17Profile,
    V17Request,
    V17ResourceProfiles,
    V17ScopeProfiles,
    V18Profile,
    V18Request,
    V18ResourceProfiles,
    V18Sample,
    V18ScopeProfiles,
)
from tests.support.uploads.otlp import JSON, PROTO, Export, within
from tests.support.uploads.otlp_uploads import outcome, sent
from tests.support.uploads.parts import own_labels, values_by_stack
from tests.support.uploads.profiles import CPU

COLLECTORS = Path(__file__).parents[3] / "testdata" / "otlp"
VERSIONS = sorted(path.stem.removeprefix("collector-") for path in COLLECTORS.glob("collector-*.json"))
PERIOD = 10_000_000
WORK, IDLE = "main;work", "main;idle"
SPAN = ("000102030405060708090a0b0c0d0e0f", "0001020304050607")
THREAD = {"thread.name": "worker-1"}
BUILD = {"process.executable.build_id.gnu": "abcd"}
WALL = "cpu:wall:nanoseconds:cpu:nanoseconds"

BOTH = "the profiles can be read as OTLP profiles 1.10 (collectors 0.148 and later) or as 1.8 and 1.9"

type Part = tuple[str, dict[str, str], list[tuple[str, int]]]

STORED: Mapping[str, Sequence[Part]] = {
    "full": [(CPU, {}, [(IDLE, 5 * PERIOD)]), (CPU, THREAD, [(WORK, 7 * PERIOD)])],
    "plain": [(CPU, {}, [(IDLE, 5 * PERIOD), (WORK, 3 * PERIOD)])],
    "timestamps": [(CPU, {**THREAD, **BUILD}, [(WORK, 3 * PERIOD)])],
    "one": [(CPU, BUILD, [(WORK, PERIOD)])],
    "both": [(CPU, {}, [(WORK, PERIOD)])],
    "pairs": [
        (WALL, {}, [(IDLE, 50), (WORK, 70)]),
        (CPU, {}, [(IDLE, 5 * PERIOD), (WORK, 7 * PERIOD)]),
    ],
}
"""The contents of each export of the test data, by name: profile type, labels of the samples, stacks and values."""


def exports(version: str) -> Mapping[str, Mapping[str, Any]]:
    content: dict[str, dict[str, Any]] = json.loads((COLLECTORS / f"collector-{version}.json").read_text())
    return content


def bodies() -> list[Any]:
    return [
        pytest.param(version, name, encoding, id=f"{version} {name} {encoding}")
        for version in VERSIONS
        for name in exports(version)
        for encoding in ("protobuf", "json")
    ]


def body_of(version: str, name: str, encoding: str) -> tuple[bytes, str]:
    export = exports(version)[name]
    if encoding == "json":
        return json.dumps(export["json"]).encode(), JSON
    return bytes.fromhex(export["protobuf"]), PROTO


def parts(body: bytes, content_type: str = PROTO) -> tuple[list[Part], set[str]]:
    """Returns the stored profiles and services of a body; checks that all of it is accepted."""
    ingest, response = sent(body, content_type=content_type)
    assert (response.status_code, response.content) == (200, b"{}" if content_type == JSON else b"")
    stored = [part for upload in ingest.uploads for part in upload.profiles]
    found = []
    for part in stored:
        labels = own_labels(part)
        assert labels.pop("service.name") == "shop"
        found.append((part.profile_type, labels, values_by_stack(part)))
    return sorted(found, key=lambda each: (each[0], len(each[1]))), {part.service for part in stored}


def is_ambiguous(version: str, name: str, encoding: str) -> bool:
    """Reports whether samples have one number and one timestamp: a value in 1.9, an attribute's index in 1.10."""
    return (
        encoding == "protobuf"
        and name == "both"
        and (0, 140) <= tuple(map(int, version.split(".")[:2])) < (0, 148)
    )


@pytest.mark.parametrize(("version", "name", "encoding"), bodies())
def test_an_export_of_a_collector_is_stored_completely(version: str, name: str, encoding: str) -> None:
    body, content_type = body_of(version, name, encoding)
    if is_ambiguous(version, name, encoding):
        status, message = outcome(body, content_type)
        assert (status, message.partition(", with")[0]) == (
            400,
            f"{BOTH} (collectors 0.136 to 0.147)",
        )
        return
    found, services = parts(body, content_type)
    assert services == {"shop"}
    assert found == sorted(STORED[name], key=lambda each: (each[0], len(each[1])))


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("encoding", ["protobuf", "json"])
def test_a_span_mapping_and_build_id_are_read_in_every_layout(version: str, encoding: str) -> None:
    ingest, _ = sent(
        *body_of(version, "full", encoding)[:1], content_type=body_of(version, "full", encoding)[1]
    )
    found = [part for part in ingest.uploads[0].profiles if part.trace_ids]
    assert [
        (each.hex(), f"{span:016x}")
        for part in found
        for each, span in zip(part.trace_ids, part.span_ids, strict=True)
    ] == [SPAN]
    mappings = {(each.filename, each.build_id) for part in found for each in part.symbols.mappings.values()}
    assert mappings == {("app", "abcd")}


def request_of(*profiles: V18Profile) -> bytes:
    """Returns a request of 1.8 or 1.9 with these profiles, and tables that have stack 1 and attribute 1."""
    export = Export()
    export.sample(named={"zone": "b"})
    scopes = [V18ScopeProfiles(profiles=profiles)]
    return V18Request(
        resource_profiles=[V18ResourceProfiles(scope_profiles=scopes)],
        dictionary=export.tables.message.SerializeToString(),
    ).SerializeToString()


def of_18(*samples: V18Sample) -> V18Profile:
    return V18Profile(samples=samples, time_unix_nano=1)


NONE = "the profiles match no supported layout of OTLP profiles (1.5 to 1.10), or mix several"
AMBIGUITIES: Mapping[str, tuple[list[V18Sample], str]] = {
    "a value for each timestamp": ([V18Sample(stack_index=1, values=[1], timestamps_unix_nano=[9])], BOTH),
    "a value that is not an index": ([V18Sample(stack_index=1, values=[7], timestamps_unix_nano=[9])], ""),
    "more timestamps than values": ([V18Sample(stack_index=1, values=[1], timestamps_unix_nano=[8, 9])], ""),
    "no timestamp": ([V18Sample(stack_index=1, values=[1])], ""),
    "one of several without a timestamp": (
        [
            V18Sample(stack_index=1, values=[1], timestamps_unix_nano=[9]),
            V18Sample(stack_index=1, values=[1]),
        ],
        "",
    ),
    "an attribute": (
        [V18Sample(stack_index=1, values=[1], attribute_indices=[1], timestamps_unix_nano=[9])],
        "",
    ),
    "only timestamps": ([V18Sample(stack_index=1, timestamps_unix_nano=[8, 9])], ""),
}


@pytest.mark.parametrize(("samples", "message"), AMBIGUITIES.values(), ids=AMBIGUITIES)
def test_a_request_that_two_layouts_allow_is_rejected_unless_both_read_the_same(
    samples: list[V18Sample], message: str
) -> None:
    profile = of_18(*samples)
    profile.sample_type.type_strindex = 1
    status, text = outcome(request_of(profile))
    assert (status, text.partition(" (collectors 0.136")[0]) == (400 if message else 200, message)


def raw_request(profile: bytes) -> bytes:
    return within(1, within(2, within(2, profile)))


MIXED: Mapping[str, tuple[bytes, str]] = {
    "samples of 1.9 and of 1.10": (
        request_of(
            of_18(
                V18Sample(stack_index=1, values=[1], attribute_indices=[1], link_index=1),
                V18Sample.FromString(
                    otlp.Sample(
                        stack_index=1, values=[1], attribute_indices=[1], link_index=1
                    ).SerializeToString()
                ),
            )
        ),
        NONE,
    ),
    "a profile of 1.9 and one of 1.7": (
        request_of(of_18(V18Sample(stack_index=1, values=[1])))
        + V17Request(
            resource_profiles=[
                V17ResourceProfiles(
                    scope_profiles=[
                        V17ScopeProfiles(profiles=[V17Profile(sample=[RangeSample(value=[1])], time_nanos=1)])
                    ]
                )
            ]
        ).SerializeToString(),
        NONE,
    ),
    "v1experimental": (
        raw_request(within(1, bytes(16)) + b"\x11" + bytes(8) + b"\x19" + bytes(8) + within(8, b"\x0a\x00")),
        "OTLP profiles 1.3 and 1.4 (v1experimental, collectors before 0.116) are not supported",
    ),
    "a wire type that no layout has": (raw_request(within(2, b"\x0d\x01\x00\x00\x00")), NONE),
}


@pytest.mark.parametrize(("body", "message"), MIXED.values(), ids=MIXED)
def test_a_request_of_mixed_layouts_is_rejected_with_an_upgrade_hint(body: bytes, message: str) -> None:
    status, text = outcome(body)
    assert (status, text) == (
        400,
        f"{message}: upgrade the collector or profiler to a version with OTLP profiles 1.10 (collector 0.148 or later)",
    )


@pytest.mark.parametrize(
    ("profile", "message"),
    [
        ({"samples": [{"stackIndex": 1}], "timeNanos": "1"}, NONE),
        ({"sample": [{"stackIndex": 1, "value": ["1"]}]}, NONE),
        ({"profile": {"sample": []}, "startTimeUnixNano": "1"}, "OTLP profiles 1.3 and 1.4 (v1experimental"),
    ],
)
def test_json_of_mixed_layouts_is_rejected(profile: dict[str, Any], message: str) -> None:
    body = {"resourceProfiles": [{"scopeProfiles": [{"profiles": [profile]}]}]}
    status, text = outcome(json.dumps(body).encode(), JSON)
    assert status == 400
    assert text.startswith(message)


def of_17(*samples: RangeSample, locations: Sequence[int] = (0,), types: int = 1) -> bytes:
    request = V17Request.FromString(bytes.fromhex(exports("0.133.0")["plain"]["protobuf"]))
    profile = request.resource_profiles[0].scope_profiles[0].profiles[0]
    del profile.sample[:], profile.location_indices[:]
    profile.sample.extend(samples)
    profile.location_indices.extend(locations)
    profile.sample_type.extend([profile.sample_type[0]] * (types - 1))
    return request.SerializeToString()


HOSTILE: Mapping[str, tuple[bytes, str]] = {
    "a range beyond the locations": (
        of_17(RangeSample(locations_start_index=0, locations_length=2, value=[1])),
        "2 locations from index 0 are out of range: location_indices has 1 entries",
    ),
    "a negative range": (
        of_17(RangeSample(locations_start_index=-1, locations_length=1, value=[1])),
        "1 locations from index -1 are out of range: location_indices has 1 entries",
    ),
    "a negative length": (
        of_17(RangeSample(locations_start_index=1, locations_length=-1, value=[1])),
        "-1 locations from index 1 are out of range: location_indices has 1 entries",
    ),
    "a missing location": (
        of_17(RangeSample(locations_length=1, value=[1]), locations=[9]),
        "index 9 is out of range: location_table has 3 entries",
    ),
    "a missing link": (
        of_17(RangeSample(locations_length=1, value=[1], link_index=1)),
        "index 2 is out of range: link_table has 2 entries",
    ),
    "a negative link": (
        of_17(RangeSample(locations_length=1, value=[1], link_index=-1)),
        "index -1 is out of range: link_table has 2 entries",
    ),
    "a value for one of two sample types": (
        of_17(RangeSample(locations_length=1, value=[1]), types=2),
        "a sample has 1 values, but its profile has 2 sample types",
    ),
    "ranges that overlap to too many frames": (
        of_17(
            *(
                RangeSample(locations_start_index=start, locations_length=1000, value=[1])
                for start in range(4_001)
            ),
            locations=[0] * 5_001,
        ),
        "the stacks of the request have more than 4000000 frames",
    ),
}


@pytest.mark.parametrize(("body", "message"), HOSTILE.values(), ids=HOSTILE)
def test_an_incomplete_evented_profile_is_rejected(body: bytes, message: str) -> None:
    assert outcome(body) == (400, f"resource 0, scope 0, profile 0: {message}")


def test_fields_of_a_later_release_are_ignored() -> None:
    export = Export()
    export.add(
        export.profile(export.sample(values=[2], named={"zone": "b"})), resource={"service.name": "shop"}
    )
    body = json.loads(json_format.MessageToJson(export.message))
    assert parts(json.dumps(body).encode(), JSON)[1] == {"shop"}
    newer = (
        export.message.resource_profiles[0].scope_profiles[0].profiles[0].SerializeToString()
        + b"\xa2\x06\x01x"
    )
    scope = within(2, newer)
    resource = export.message.resource_profiles[0].resource.SerializeToString()
    request = within(1, within(1, resource) + within(2, scope)) + within(
        2, export.tables.message.SerializeToString()
    )
    assert parts(request)[0] == [(CPU, {"zone": "b"}, [(WORK, 2 * PERIOD)])]
