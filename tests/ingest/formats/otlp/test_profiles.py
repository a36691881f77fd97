"""OTLP profiles as they are stored: samples, stacks, profile types and labels."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import pytest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, ArrayValue, KeyValue, KeyValueList
from opentelemetry.proto.profiles.v1development import profiles_pb2 as otlp

from flamehouse.model.profile import SeriesProfile
from tests.support.uploads.otlp import Export, attributes, exported
from tests.support.uploads.otlp_uploads import sent
from tests.support.uploads.parts import own_labels
from tests.support.uploads.profiles import CPU
from tests.support.uploads.uploads import ANY_TIME, YEAR_2026_NS

TRACE_ID = bytes(range(16))
SPAN_ID = bytes(range(8))


def stored(export: Export) -> Sequence[SeriesProfile]:
    """Returns the stored profiles of an export; checks that all of it is accepted."""
    ingest, response = sent(export.body)
    assert (response.status_code, response.content) == (200, b"")
    return [part for upload in ingest.uploads for part in upload.profiles]


TYPES: Mapping[str, tuple[tuple[tuple[str, str], tuple[str, str]], int, str, int]] = {
    "CPU samples": ((("samples", "count"), ("cpu", "nanoseconds")), 50, CPU, 150),
    "CPU samples without a period": (
        (("samples", "count"), ("cpu", "nanoseconds")),
        0,
        "process_cpu:samples:count:cpu:nanoseconds",
        3,
    ),
    "samples of another type": (
        (("samples", "count"), ("wall", "nanoseconds")),
        50,
        "wall:samples:count:wall:nanoseconds",
        3,
    ),
    "off-CPU": ((("off_cpu", "nanoseconds"), ("", "")), 0, "off_cpu:off_cpu:nanoseconds::", 3),
    "no period type": (
        (("allocated_space", "bytes"), ("", "")),
        1,
        "allocated_space:allocated_space:bytes::",
        3,
    ),
    "a period type": (
        (("inuse", "bytes"), ("space", "bytes")),
        512,
        "space:inuse:bytes:space:bytes",
        3,
    ),
    "the Java agent": ((("itimer", "ns"), ("itimer", "ns")), 7, "itimer:itimer:ns:itimer:ns", 3),
}


@pytest.mark.parametrize(("types", "period", "profile_type", "value"), TYPES.values(), ids=TYPES)
def test_a_profile_type_is_named_after_what_was_sampled(
    types: tuple[tuple[str, str], tuple[str, str]], period: int, profile_type: str, value: int
) -> None:
    export = Export()
    export.add(export.profile(export.sample(values=[3]), types=types, period=period))
    [part] = stored(export)
    assert (part.profile_type, [*part.values]) == (profile_type, [value])


@pytest.mark.parametrize(
    ("values", "timestamps", "value"),
    [([5], [], 5), ([], [1, 2, 3], 3), ([4, 5], [1, 2], 9), ([7], [1, 2], 7), ([2, 3, 4], [], 9)],
)
def test_a_sample_counts_the_sum_of_its_values(values: list[int], timestamps: list[int], value: int) -> None:
    export = Export()
    sample = export.sample(values=values, timestamps=timestamps)
    export.add(export.profile(sample, types=(("off_cpu", "nanoseconds"), ("", ""))))
    assert [[*part.values] for part in stored(export)] == [[value]]


@pytest.mark.parametrize("values", [[], [0], [-1], [3, -3]])
def test_a_sample_without_a_value_is_accepted_and_dropped(values: list[int]) -> None:
    export = Export()
    export.add(export.profile(export.sample(values=values)))
    assert stored(export) == []


LABELS: Mapping[str, tuple[dict[str, Any], dict[str, Any], dict[str, str]]] = {
    "strings and integers": ({"zone": "b", "port": 80}, {}, {"zone": "b", "port": "80"}),
    "zero": ({"shard": 0}, {}, {"shard": "0"}),
    "one-element lists": ({"a": ["x"], "b": [7]}, {}, {"a": "x", "b": "7"}),
    "other values are ignored": (
        {"a": True, "b": 1.5, "c": b"x", "d": ["x", "y"], "e": [], "f": [["x"]], "g": ""},
        {},
        {},
    ),
    "scopes in addition to resources": ({"zone": "b"}, {"lib": "1"}, {"zone": "b", "lib": "1"}),
    "the resource takes precedence": ({"zone": "b"}, {"zone": "c"}, {"zone": "b"}),
    "private attributes are ignored": ({"__name__": "x", "__session_id__": "y"}, {"__type__": "z"}, {}),
}


@pytest.mark.parametrize(("resource", "scope", "labels"), LABELS.values(), ids=LABELS)
def test_attributes_of_resources_and_scopes_are_labels(
    resource: dict[str, Any], scope: dict[str, Any], labels: dict[str, str]
) -> None:
    export = Export()
    export.add(export.profile(export.sample()), resource=resource, scope=scope)
    [part] = stored(export)
    assert (part.service, own_labels(part)) == ("unknown_service", labels)
    assert dict(part.labels)["__otel__"] == "true"
    assert part.profile_type == CPU


def test_the_first_of_repeated_attributes_counts() -> None:
    export = exported(zone="first")
    export.resources[0].resource.attributes.extend(attributes({"zone": "second"}))
    assert own_labels(stored(export)[0])["zone"] == "first"


def test_attributes_may_refer_to_strings_of_the_dictionary() -> None:
    export = exported()
    key, value = export.tables.text("zone"), export.tables.text("b")
    attribute = KeyValue(key_strindex=key, value=AnyValue(string_value_strindex=value))
    export.resources[0].resource.attributes.append(attribute)
    assert own_labels(stored(export)[0])["zone"] == "b"


@pytest.mark.parametrize(
    ("resource", "service"),
    [
        ({"service.name": "shop"}, "shop"),
        ({"service.name": "shop", "service_name": "other"}, "shop"),
        ({"service_name": "shop"}, "shop"),
        ({"service.name": ""}, "unknown_service"),
        ({"process.executable.name": "java"}, "unknown_service:java"),
        ({}, "unknown_service"),
    ],
)
def test_a_service_is_named_by_its_resource(resource: dict[str, str], service: str) -> None:
    [part] = stored(exported(**resource))
    assert (part.service, dict(part.labels)["service_name"]) == (service, service)
    assert own_labels(part).get("service.name", "") == resource.get("service.name", "")


SERVICES = ({"service.name": "shop"}, {"service.name": "bank"}, {"zone": "b"}, {"service.name": "shop"})


def test_samples_that_name_a_service_belong_to_it() -> None:
    export = Export()
    samples = [export.sample(values=[n], named=named) for n, named in enumerate(SERVICES, start=1)]
    export.add(export.profile(*samples), resource={"service.name": "host"})
    parts = {
        (part.service, own_labels(part)["service.name"]): sum(part.values) // 10_000_000
        for part in stored(export)
    }
    assert parts == {("shop", "shop"): 1 + 4, ("bank", "bank"): 2, ("host", "host"): 3}


def test_string_attributes_of_samples_are_labels() -> None:
    export = Export()
    named = {"thread.name": "main", "thread.id": 7, "cpu": ["1"], "empty": ""}
    samples = [export.sample(named=named), export.sample(values=[2])]
    export.add(export.profile(*samples), resource={"service.name": "shop"})
    parts = stored(export)
    assert [own_labels(part).get("thread.name") for part in parts] == ["main", None]
    assert not {"thread.id", "cpu", "empty"} & own_labels(parts[0]).keys()


@pytest.mark.parametrize(
    ("trace_id", "span_id", "kept"),
    [
        (TRACE_ID, SPAN_ID, ([TRACE_ID], [int.from_bytes(SPAN_ID)])),
        (b"", SPAN_ID, ([bytes(16)], [int.from_bytes(SPAN_ID)])),
        (b"short", SPAN_ID, ([bytes(16)], [int.from_bytes(SPAN_ID)])),
        (bytes(16), bytes(8), ([], [])),
        (b"", b"x" * 9, ([], [])),
    ],
)
def test_a_link_gives_a_sample_its_span(
    trace_id: bytes, span_id: bytes, kept: tuple[list[bytes], list[int]]
) -> None:
    export = Export()
    link = export.tables.link(trace_id, span_id)
    export.add(export.profile(export.sample(link=link)))
    [part] = stored(export)
    assert (part.trace_ids, [*part.span_ids]) == kept
    assert own_labels(part) == {}


def test_times_are_those_of_the_profile_or_of_its_receipt() -> None:
    export = Export()
    for time_ns, duration_ns in ((YEAR_2026_NS, 7), (0, 0)):
        export.add(export.profile(export.sample(), time_ns=time_ns, duration_ns=duration_ns))
    before = time.time_ns()
    own, given = stored(export)
    assert (own.time_ns, own.duration_ns) == (YEAR_2026_NS, 7)
    assert (before <= given.time_ns <= time.time_ns(), given.duration_ns) == (True, 10_000_000_000)


def test_native_frames_keep_their_address_and_build_id() -> None:
    export = Export()
    named = {
        "process.executable.build_id.gnu": "abc",
        "process.executable.build_id.htlhash": "def",
    }
    mapping = export.tables.mapping("/lib/libc.so", named)
    export.add(export.profile(export.sample(["main", 0x1234], mapping=mapping)))
    [part] = stored(export)
    [library] = part.symbols.mappings.values()
    assert (library.filename, library.build_id, library.memory_start) == ("/lib/libc.so", "abc", 0x1000)
    native = [location for location in part.symbols.locations.values() if not location.lines]
    assert [(location.address, location.mapping_id) for location in native] == [(0x1234, library.id)]


def test_lines_keep_inlined_functions_and_their_positions() -> None:
    export = Export()
    export.add(export.profile(export.sample(["main", ("caller", "inlined")])))
    [part] = stored(export)
    named = {id_: function.name for id_, function in part.symbols.functions.items()}
    lines = [
        [(named[line.function_id], line.line) for line in location.lines]
        for location in part.symbols.locations.values()
    ]
    assert sorted(lines) == [[("inlined", 7), ("caller", 7)], [("main", 7)]]
    assert {(function.filename, function.start_line) for function in part.symbols.functions.values()} == {
        ("app.c", 3)
    }


def test_a_line_without_a_function_is_ignored() -> None:
    export = Export()
    sample = export.sample([9])
    export.tables.message.location_table[1].lines.add(function_index=0, line=3)
    export.add(export.profile(sample))
    [part] = stored(export)
    assert [(each.address, each.lines) for each in part.symbols.locations.values()] == [(9, ())]


def test_entries_at_index_0_are_used() -> None:
    dictionary = otlp.ProfilesDictionary(
        string_table=["", "samples", "count", "first", "second", "lib.so"],
        mapping_table=[otlp.Mapping(filename_strindex=5)],
        function_table=[otlp.Function(name_strindex=3), otlp.Function(name_strindex=4)],
        location_table=[
            otlp.Location(lines=[otlp.Line(function_index=0)]),
            otlp.Location(lines=[otlp.Line(function_index=1)]),
        ],
        stack_table=[otlp.Stack(location_indices=[0, 1])],
    )
    export = Export()
    profile = otlp.Profile(
        samples=[otlp.Sample(values=[1])],
        sample_type=otlp.ValueType(type_strindex=1, unit_strindex=2),
        time_unix_nano=YEAR_2026_NS,
    )
    export.add(profile)
    message = export.message
    message.dictionary.CopyFrom(dictionary)
    ingest, response = sent(message.SerializeToString())
    assert response.status_code == 200
    [part] = ingest.uploads[0].profiles
    assert {function.name for function in part.symbols.functions.values()} == {"first", "second"}
    assert [mapping.filename for mapping in part.symbols.mappings.values()] == ["lib.so"]
    assert len(part.symbols.location_ids_of(part.stacktrace_ids[0])) == 2


def test_each_profile_gets_only_its_part_of_the_dictionary() -> None:
    export = Export()
    for name in ("shop", "bank"):
        export.add(export.profile(export.sample(["main", name])), resource={"service.name": name})
    for part in stored(export):
        names = {function.name for function in part.symbols.functions.values()}
        assert names == {"main", part.service}


def test_maps_within_attributes_are_skipped() -> None:
    nested = AnyValue(string_value="x")
    for _ in range(10):
        inner = KeyValueList(values=[KeyValue(key="k", value=nested)])
        nested = AnyValue(array_value=ArrayValue(values=[AnyValue(kvlist_value=inner)]))
    [part] = stored(exported(deep=nested))
    assert "deep" not in own_labels(part)


@pytest.mark.parametrize(
    ("rules", "labels"),
    [
        ("", {"zone": "b", "thread.name": "gc"}),
        (
            "process.pid=keep,thread.id=keep",
            {"process.pid": "42", "thread.id": "7", "zone": "b", "thread.name": "gc"},
        ),
        ("zone=drop, thread.name=drop", {}),
    ],
)
def test_dropped_attributes_of_resources_and_samples_make_no_labels(
    rules: str, labels: dict[str, str]
) -> None:
    export = Export()
    sample = export.sample(named={"thread.id": "7", "thread.name": "gc"})
    export.add(export.profile(sample), resource={"process.pid": 42}, scope={"zone": "b"})
    settings = replace(ANY_TIME, label_rules=rules)
    ingest, _ = sent(export.body, settings=settings)
    [part] = ingest.uploads[0].profiles
    assert own_labels(part) == labels


def test_an_export_with_more_processes_than_allowed_series_is_stored_completely() -> None:
    export = Export()
    for pid in range(1_100):
        export.add(
            export.profile(export.sample(values=[3])), resource={"service.name": "shop", "process.pid": pid}
        )
    parts = stored(export)
    assert (len({part.fingerprint for part in parts}), sum(sum(part.values) for part in parts)) == (
        1,
        1_100 * 3 * 10_000_000,
    )
