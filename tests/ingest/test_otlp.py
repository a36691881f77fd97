"""OTLP profiles: what of a request is stored, under which labels, and what the client is answered."""

import base64
import gzip
import json
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import httpx
import pytest
from google.protobuf import json_format
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, ArrayValue, KeyValue, KeyValueList
from opentelemetry.proto.profiles.v1development import profiles_pb2 as otlp

from doubles import CannedStore
from flamehouse.errors import Code, RpcError
from flamehouse.pb.status_pb2 import Status
from flamehouse.profile import SeriesProfile, Upload
from flamehouse.settings import Settings
from otlp import JSON, PATH, PROTO, RPC_PATH, Export, attributes, exported, partial_success
from uploads import ANY_TIME, YEAR_2026_NS, Ingest

CPU_ID = "process_cpu:cpu:nanoseconds:cpu:nanoseconds"
TRACE_ID = bytes(range(16))
SPAN_ID = bytes(range(8))


def sent(
    body: bytes, *, settings: Settings = ANY_TIME, content_type: str = PROTO
) -> tuple[Ingest, httpx.Response]:
    ingest = Ingest(settings=settings)
    return ingest, ingest.send("POST", PATH, body, content_type=content_type)


def stored(export: Export, settings: Settings = ANY_TIME) -> Sequence[SeriesProfile]:
    """What is stored of an export, which has to be taken whole."""
    ingest, response = sent(export.body, settings=settings)
    assert (response.status_code, response.content) == (200, b"")
    return [part for upload in ingest.uploads for part in upload.profiles]


def refused(body: bytes, *, settings: Settings = ANY_TIME, content_type: str = PROTO) -> tuple[int, int, str]:
    """The status, code and message that a body gets of which nothing is stored."""
    ingest, response = sent(body, settings=settings, content_type=content_type)
    assert ingest.uploads == []
    assert response.headers["Content-Type"] == content_type
    if content_type == JSON:
        answer = response.json()
        return response.status_code, answer["code"], answer["message"]
    status = Status.FromString(response.content)
    return response.status_code, status.code, status.message


def own_labels(part: SeriesProfile) -> dict[str, str]:
    return {name: value for name, value in part.labels if not name.startswith("__")}


def as_json(export: Export, id_: Callable[[bytes], str]) -> bytes:
    """The export as JSON, its ids written by `id_`."""
    content = json_format.MessageToDict(export.message)
    for link in content["dictionary"]["linkTable"]:
        for name in link:
            link[name] = id_(base64.b64decode(link[name]))
    return json.dumps(content).encode()


@pytest.mark.parametrize("path", [PATH, RPC_PATH])
@pytest.mark.parametrize(
    "content_type",
    [
        PROTO,
        "application/protobuf",
        "application/proto",
        "application/x-protobuf; charset=utf-8",
        "Application/X-Protobuf;version=1",
    ],
)
@pytest.mark.parametrize("encoding", [None, "gzip", "identity"])
def test_protobuf_is_taken_on_both_paths(path: str, content_type: str, encoding: str | None) -> None:
    body = exported().body
    ingest = Ingest()
    response = ingest.send(
        "POST",
        path,
        gzip.compress(body) if encoding == "gzip" else body,
        content_type=content_type,
        headers={"Content-Encoding": encoding} if encoding else None,
    )
    assert (response.status_code, response.content) == (200, b"")
    assert response.headers["Content-Type"] == content_type.partition(";")[0].lower()
    assert ingest.profile_types == [CPU_ID]
    assert ingest.uploads[0].id == stored_id(body)


def stored_id(body: bytes) -> bytes:
    ingest, _ = sent(body)
    return ingest.uploads[0].id


@pytest.mark.parametrize(
    "id_",
    [bytes.hex, lambda id_: id_.hex().upper(), lambda id_: base64.b64encode(id_).decode()],
    ids=["hexadecimal", "in capitals", "base64"],
)
@pytest.mark.parametrize("content_type", [JSON, "application/json; charset=utf-8"])
def test_json_is_taken_with_ids_in_hexadecimal_or_base64(
    id_: Callable[[bytes], str], content_type: str
) -> None:
    export = Export()
    link = export.tables.link(TRACE_ID, SPAN_ID)
    export.add(export.profile(export.sample(link=link)), resource={"service.name": "shop"})
    ingest, response = sent(as_json(export, id_), content_type=content_type)
    assert (response.status_code, response.json()) == (200, {})
    assert response.headers["Content-Type"] == JSON
    [part] = ingest.uploads[0].profiles
    assert (part.service, part.trace_ids, [*part.span_ids]) == ("shop", [TRACE_ID], [int.from_bytes(SPAN_ID)])


def test_an_id_of_a_profile_may_be_hexadecimal() -> None:
    content = json_format.MessageToDict(exported().message)
    content["resourceProfiles"][0]["scopeProfiles"][0]["profiles"][0]["profileId"] = TRACE_ID.hex()
    _, response = sent(json.dumps(content).encode(), content_type=JSON)
    assert response.status_code == 200


TYPES: Mapping[str, tuple[tuple[tuple[str, str], tuple[str, str]], int, str, int]] = {
    "samples of processors": ((("samples", "count"), ("cpu", "nanoseconds")), 50, CPU_ID, 150),
    "samples without a period": (
        (("samples", "count"), ("cpu", "nanoseconds")),
        0,
        "process_cpu:samples:count:cpu:nanoseconds",
        3,
    ),
    "samples of something else": (
        (("samples", "count"), ("wall", "nanoseconds")),
        50,
        "wall:samples:count:wall:nanoseconds",
        3,
    ),
    "off cpu": ((("off_cpu", "nanoseconds"), ("", "")), 0, "off_cpu:off_cpu:nanoseconds::", 3),
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
    "the java agent": ((("itimer", "ns"), ("itimer", "ns")), 7, "itimer:itimer:ns:itimer:ns", 3),
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
def test_a_sample_counts_what_its_values_add_up_to(
    values: list[int], timestamps: list[int], value: int
) -> None:
    export = Export()
    sample = export.sample(values=values, timestamps=timestamps)
    export.add(export.profile(sample, types=(("off_cpu", "nanoseconds"), ("", ""))))
    assert [[*part.values] for part in stored(export)] == [[value]]


@pytest.mark.parametrize("values", [[], [0], [-1], [3, -3]])
def test_a_sample_of_nothing_is_taken_and_left_out(values: list[int]) -> None:
    export = Export()
    export.add(export.profile(export.sample(values=values)))
    assert stored(export) == []


LABELS: Mapping[str, tuple[dict[str, Any], dict[str, Any], dict[str, str]]] = {
    "texts and whole numbers": ({"zone": "b", "port": 80}, {}, {"zone": "b", "port": "80"}),
    "zero": ({"shard": 0}, {}, {"shard": "0"}),
    "lists of one": ({"a": ["x"], "b": [7]}, {}, {"a": "x", "b": "7"}),
    "nothing else": (
        {"a": True, "b": 1.5, "c": b"x", "d": ["x", "y"], "e": [], "f": [["x"]], "g": ""},
        {},
        {},
    ),
    "scopes too": ({"zone": "b"}, {"lib": "1"}, {"zone": "b", "lib": "1"}),
    "the resource's first": ({"zone": "b"}, {"zone": "c"}, {"zone": "b"}),
    "no private ones": ({"__name__": "x", "__session_id__": "y"}, {"__type__": "z"}, {}),
}


@pytest.mark.parametrize(("resource", "scope", "labels"), LABELS.values(), ids=LABELS)
def test_attributes_of_resources_and_scopes_are_labels(
    resource: dict[str, Any], scope: dict[str, Any], labels: dict[str, str]
) -> None:
    export = Export()
    export.add(export.profile(export.sample()), resource=resource, scope=scope)
    [part] = stored(export)
    assert own_labels(part) == {"service_name": "unknown_service", **labels}
    assert dict(part.labels)["__otel__"] == "true"
    assert part.profile_type == CPU_ID


def test_of_an_attribute_that_comes_twice_the_first_counts() -> None:
    export = exported(zone="first")
    export.resources[0].resource.attributes.extend(attributes({"zone": "second"}))
    assert own_labels(stored(export)[0])["zone"] == "first"


def test_attributes_may_name_texts_of_the_dictionary() -> None:
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
    assert (part.service, own_labels(part)["service_name"]) == (service, service)
    assert own_labels(part).get("service.name", "") == resource.get("service.name", "")


def test_samples_that_name_a_service_are_of_it() -> None:
    export = Export()
    samples = [export.sample(values=[n], named=named) for n, named in enumerate(SERVICES, start=1)]
    export.add(export.profile(*samples), resource={"service.name": "host"})
    parts = {
        (part.service, own_labels(part)["service.name"]): sum(part.values) // 10_000_000
        for part in stored(export)
    }
    assert parts == {("shop", "shop"): 1 + 4, ("bank", "bank"): 2, ("host", "host"): 3}


SERVICES = ({"service.name": "shop"}, {"service.name": "bank"}, {"zone": "b"}, {"service.name": "shop"})


def test_attributes_of_samples_that_are_texts_are_labels() -> None:
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
    assert own_labels(part) == {"service_name": "unknown_service"}


def test_times_are_the_profiles_own_or_when_it_came_in() -> None:
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


def test_lines_keep_what_is_inlined_and_where_it_is() -> None:
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


def test_a_line_of_no_function_is_none() -> None:
    export = Export()
    sample = export.sample([9])
    export.tables.message.location_table[1].lines.add(function_index=0, line=3)
    export.add(export.profile(sample))
    [part] = stored(export)
    assert [(each.address, each.lines) for each in part.symbols.locations.values()] == [(9, ())]


def test_what_a_client_puts_at_index_0_is_understood() -> None:
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
    assert len(next(iter(part.symbols.stacktraces.values()))) == 2


def test_each_profile_is_given_its_part_of_the_dictionary() -> None:
    export = Export()
    for name in ("shop", "bank"):
        export.add(export.profile(export.sample(["main", name])), resource={"service.name": name})
    for part in stored(export):
        names = {function.name for function in part.symbols.functions.values()}
        assert names == {"main", part.service}


@pytest.mark.parametrize("body", [b"", Export().body, Export().add().body])
def test_a_request_without_profiles_is_taken(body: bytes) -> None:
    ingest, response = sent(body)
    assert (response.status_code, response.content, ingest.uploads) == (200, b"", [])


def test_good_profiles_are_stored_and_the_answer_tells_of_the_bad() -> None:
    export = Export()
    bad = export.profile(export.sample(), types=(("", ""), ("", "")))
    dangling = export.profile(otlp.Sample(stack_index=99, values=[1]))
    export.add(export.profile(export.sample()), bad).add(dangling)
    ingest, response = sent(export.body)
    rejected, message = partial_success(response.content)
    assert (response.status_code, rejected) == (200, 2)
    assert message.startswith("resource 0, scope 0, profile 1: invalid labels ")
    assert message.endswith(
        "; resource 1, scope 0, profile 0: index 99 is out of range: stack_table has 2 entries"
    )
    assert len(ingest.uploads[0].profiles) == 1


def test_the_answer_tells_of_bad_profiles_in_json() -> None:
    export = Export()
    export.add(
        export.profile(export.sample()), export.profile(export.sample(), types=(("a-b", ""), ("", "")))
    )
    _, response = sent(as_json(export, bytes.hex), content_type=JSON)
    assert response.json() == {
        "partialSuccess": {
            "rejectedProfiles": "1",
            "errorMessage": "resource 0, scope 0, profile 1: sample type contains -",
        }
    }


def test_a_profile_of_several_services_is_refused_once() -> None:
    export = Export()
    samples = [export.sample(named=named) for named in SERVICES[:2]]
    export.add(
        export.profile(*samples, types=(("a-b", ""), ("", ""))),
        export.profile(export.sample()),
    )
    _, response = sent(export.body)
    assert partial_success(response.content)[0] == 1


def test_where_no_profile_is_good_the_request_is_refused() -> None:
    export = Export()
    export.add(*(export.profile(export.sample(), types=(("a-b", ""), ("", ""))) for _ in range(2)))
    text = "resource 0, scope 0, profile {}: sample type contains -"
    assert refused(export.body) == (400, 3, f"{text.format(0)}; {text.format(1)}")


@pytest.mark.parametrize("time_ns", [(1 << 63) - 1, (1 << 64) - 1])
def test_a_profile_from_the_future_turns_the_whole_request_away(time_ns: int) -> None:
    export = Export()
    export.add(export.profile(export.sample()), export.profile(export.sample(), time_ns=time_ns))
    status, code, message = refused(export.body)
    assert (status, code) == (400, 3)
    assert message.startswith("resource 0, scope 0, profile 1: profile with labels ")


def test_a_retry_is_the_same_upload() -> None:
    body = exported().body
    ids = {stored_id(each) for each in (body, gzip.compress(body), gzip.compress(body, 1))}
    assert len(ids) == 1


def test_a_request_without_a_time_is_an_upload_of_its_second(monkeypatch: pytest.MonkeyPatch) -> None:
    export = Export()
    export.add(export.profile(export.sample(), time_ns=0))
    ids = []
    for now_ns in (YEAR_2026_NS, YEAR_2026_NS + 1, YEAR_2026_NS + 2 * 10**9):
        monkeypatch.setattr(time, "time_ns", lambda now_ns=now_ns: now_ns)
        ids.append(stored_id(export.body))
    assert (ids[0] == ids[1], ids[0] == ids[2]) == (True, False)


class FailingStore(CannedStore):
    """A store that fails with an error of some code."""

    def __init__(self, code: Code) -> None:
        super().__init__()
        self.code = code

    def insert(self, upload: Upload) -> None:
        raise RpcError(self.code, f"cannot store {len(upload.profiles)} profiles")


@pytest.mark.parametrize(
    ("code", "status", "number"),
    [
        (Code.RESOURCE_EXHAUSTED, 429, 8),
        (Code.UNAVAILABLE, 503, 14),
        (Code.DEADLINE_EXCEEDED, 504, 4),
        (Code.INTERNAL, 500, 13),
    ],
)
def test_what_the_store_says_has_the_status_that_says_whether_to_retry(
    code: Code, status: int, number: int
) -> None:
    ingest = Ingest(store=FailingStore(code))
    response = ingest.send("POST", PATH, exported().body, content_type=PROTO)
    answer = Status.FromString(response.content)
    assert (response.status_code, answer.code) == (status, number)
    assert answer.message == "cannot store 1 profiles"
    assert ("Retry-After" in response.headers) == (code is Code.UNAVAILABLE)


class BrokenStore(CannedStore):
    """A store with a fault that nobody foresaw."""

    def insert(self, upload: Upload) -> None:
        raise LookupError(upload.tenant)


def test_what_nobody_foresaw_is_no_ones_business() -> None:
    response = Ingest(store=BrokenStore()).send("POST", PATH, exported().body, content_type=PROTO)
    assert response.status_code == 500
    assert Status.FromString(response.content) == Status(code=13, message="internal error")


@pytest.mark.parametrize("content_type", ["", "text/plain", "application/octet-stream"])
def test_another_content_type_is_refused(content_type: str) -> None:
    ingest, response = sent(exported().body, content_type=content_type)
    assert (response.status_code, response.json()["code"]) == (415, 3)
    assert PROTO in response.json()["message"]
    assert ingest.uploads == []


@pytest.mark.parametrize("content_type", ["application/grpc", "application/grpc+proto"])
def test_grpc_is_told_to_come_over_http(content_type: str) -> None:
    response = Ingest().send("POST", RPC_PATH, exported().body, content_type=content_type)
    assert (response.status_code, "otlphttp" in response.json()["message"]) == (415, True)


def test_another_method_is_refused() -> None:
    response = Ingest().send("GET", PATH)
    assert (response.status_code, response.headers["Allow"], response.json()["code"]) == (405, "POST", 12)


def test_a_tenant_that_is_none_is_refused() -> None:
    headers = {"X-Scope-OrgID": "a|b"}
    response = Ingest().send("POST", PATH, exported().body, content_type=PROTO, headers=headers)
    assert (response.status_code, Status.FromString(response.content).code) == (400, 3)


def test_nothing_else_loads_the_messages() -> None:
    modules = (
        "ingest.app, querier.profile_types, querier.label_names, querier.label_values, querier.select_series, "
        "querier.select_merge_stacktraces"
    )
    program = (
        f"import sys, {modules}; print([name for name in sys.modules if name.startswith('opentelemetry')])"
    )
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert run.stdout == "[]\n"


def test_maps_within_attributes_are_passed_over() -> None:
    nested = AnyValue(string_value="x")
    for _ in range(10):
        inner = KeyValueList(values=[KeyValue(key="k", value=nested)])
        nested = AnyValue(array_value=ArrayValue(values=[AnyValue(kvlist_value=inner)]))
    [part] = stored(exported(deep=nested))
    assert "deep" not in own_labels(part)
