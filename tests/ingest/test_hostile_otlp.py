"""Whatever comes in as OTLP is answered as a client's fault or stored: never a fault of ours, and in bounded time."""

import gzip
import json
import random
import resource
import time
from pathlib import Path
from typing import Any

import pytest
from google.protobuf import json_format
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.proto.collector.profiles.v1development.profiles_service_pb2 import (
    ExportProfilesServiceRequest,
)
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue, KeyValueList
from opentelemetry.proto.profiles.v1development import profiles_pb2 as otlp

from flamehouse.pb.status_pb2 import Status
from flamehouse.settings import Settings
from fuzzing import fuzzed, rounds
from otlp import JSON, PATH, PROTO, Export, exported, partial_success
from uploads import ANY_TIME, Ingest, members


def whole() -> Export:
    """An export with something in every table."""
    export = Export()
    mapping = export.tables.mapping("/lib/libc.so", {"process.executable.build_id.gnu": "abc"})
    link = export.tables.link(bytes(range(16)), bytes(range(8)))
    samples = [
        export.sample(["main", ("caller", "inlined"), 0x1234], named={"zone": "b", "n": 7}, mapping=mapping),
        export.sample(["main", "work"], [1, 2], timestamps=[1, 2], link=link),
    ]
    return export.add(export.profile(*samples), resource={"service.name": "shop", "list": ["x"]})


def within(field: int, content: bytes) -> bytes:
    """A message of one field, which is a message, a text or a list."""
    length, left = bytearray(), len(content)
    while left > 0x7F:
        length.append(left & 0x7F | 0x80)
        left >>= 7
    return bytes([field << 3 | 2, *length, left]) + content


BODY = whole().body
TEXT = json.dumps(json_format.MessageToDict(whole().message)).encode()


def send(body: bytes, content_type: str = PROTO, *, settings: Settings = ANY_TIME) -> tuple[int, str]:
    """The status and message of a body, which must be a client's fault if it is not taken, and leave nothing behind."""
    ingest = Ingest(settings=settings)
    response = ingest.send("POST", PATH, body, content_type=content_type)
    if response.status_code == 200:
        return 200, "" if content_type == JSON else partial_success(response.content)[1]
    assert 400 <= response.status_code < 500
    assert ingest.uploads == []
    if content_type == JSON:
        return response.status_code, response.json()["message"]
    return response.status_code, Status.FromString(response.content).message


def refused(export: Export | ExportProfilesServiceRequest) -> str:
    """Why the only profile of an export is refused."""
    body = export.body if isinstance(export, Export) else export.SerializeToString()
    status, message = send(body)
    place, _, reason = message.partition(": ")
    assert (status, place) == (400, "resource 0, scope 0, profile 0")
    return reason


@fuzzed(100)
@given(st.binary(max_size=300))
def test_any_bytes_are_answered(data: bytes) -> None:
    for content_type in (PROTO, JSON):
        send(data, content_type)
        send(gzip.compress(data, mtime=0), content_type)


@fuzzed(100)
@given(st.data())
def test_any_bytes_in_place_of_others_are_answered(data: st.DataObject) -> None:
    for body, content_type in ((BODY, PROTO), (TEXT, JSON)):
        changed = bytearray(body)
        for _ in range(data.draw(st.integers(1, 6))):
            changed[data.draw(st.integers(0, len(changed) - 1))] = data.draw(st.integers(0, 255))
        send(bytes(changed), content_type)


INTEGERS = st.one_of(st.integers(-3, 8), st.sampled_from([-(1 << 31), (1 << 31) - 1]))
BIG = st.one_of(st.integers(-3, 8), st.sampled_from([-(1 << 63), (1 << 63) - 1]))


@fuzzed(100)
@given(st.data())
def test_any_numbers_in_place_of_others_are_answered(data: st.DataObject) -> None:
    message = whole().message
    for _ in range(data.draw(st.integers(1, 4))):
        change_a_number(message, data)
    send(message.SerializeToString())


def change_a_number(message: Any, data: st.DataObject) -> None:
    """Go down to any message within, and set one of its numbers."""
    set_fields = message.ListFields()
    inner = [
        each
        for field, value in set_fields
        if field.message_type is not None
        for each in (value if field.is_repeated else [value])
    ]
    goes_down: int = data.draw(st.integers(0, 4))
    if inner and goes_down:
        change_a_number(data.draw(st.sampled_from(inner)), data)
        return
    fields = [
        field
        for field in message.DESCRIPTOR.fields
        if field.cpp_type in {field.CPPTYPE_INT32, field.CPPTYPE_INT64}
    ]
    if not fields:
        return
    field = data.draw(st.sampled_from(fields))
    numbers = INTEGERS if field.cpp_type == field.CPPTYPE_INT32 else BIG
    if field.is_repeated:
        getattr(message, field.name)[:] = data.draw(st.lists(numbers, max_size=4))
    else:
        number: Any = data.draw(numbers)
        setattr(message, field.name, number)


LEAVES = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=5))
TREES = st.recursive(
    LEAVES,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(
            st.sampled_from(
                [
                    "dictionary",
                    "resourceProfiles",
                    "scopeProfiles",
                    "profiles",
                    "linkTable",
                    "traceId",
                    "samples",
                ]
            ),
            inner,
            max_size=3,
        ),
    ),
    max_leaves=20,
)


@fuzzed(100)
@given(st.dictionaries(st.sampled_from(["dictionary", "resourceProfiles", "resource_profiles"]), TREES))
def test_any_json_is_answered(content: dict[str, Any]) -> None:
    send(json.dumps(content).encode(), JSON)


@pytest.mark.parametrize(
    ("body", "content_type"), [(BODY, PROTO), (TEXT, JSON), (gzip.compress(BODY), PROTO)]
)
def test_what_is_cut_anywhere_is_answered(body: bytes, content_type: str) -> None:
    statuses = {send(body[:end], content_type)[0] for end in range(len(body))}
    assert statuses <= {200, 400}
    assert 400 in statuses


@pytest.mark.fuzz
def test_recorded_requests_that_were_damaged_are_answered(shared_dir: Path) -> None:
    chosen = random.Random(7)
    for path in sorted((shared_dir / "fixtures/sdk/java-otlp").glob("*/body.bin")):
        recorded = gzip.decompress(path.read_bytes())
        for _ in range(rounds(25)):
            body = bytearray(recorded)
            for bit in chosen.sample(range(len(body) * 8), chosen.randrange(1, 9)):
                body[bit // 8] ^= 1 << bit % 8
            send(bytes(body))
            send(recorded[: chosen.randrange(len(recorded))])


def dangling(change: Any) -> ExportProfilesServiceRequest:
    message = whole().message
    dictionary = message.dictionary
    profile = message.resource_profiles[0].scope_profiles[0].profiles[0]
    change(dictionary, profile)
    return message


DANGLING: dict[str, tuple[Any, str]] = {
    "stack": (lambda _, p: setattr(p.samples[0], "stack_index", 9), "9 is out of range: stack_table has 3"),
    "attribute": (
        lambda _, p: p.samples[0].attribute_indices.append(9),
        "9 is out of range: attribute_table has 4",
    ),
    "link": (lambda _, p: setattr(p.samples[0], "link_index", -1), "-1 is out of range: link_table has 2"),
    "location": (
        lambda d, _: d.stack_table[1].location_indices.append(9),
        "9 is out of range: location_table has 5",
    ),
    "negative location": (
        lambda d, _: d.stack_table[1].location_indices.append(-2),
        "-2 is out of range: location_table has 5",
    ),
    "function": (
        lambda d, _: setattr(d.location_table[1].lines.add(), "function_index", 9),
        "9 is out of range: function_table has 5",
    ),
    "mapping": (
        lambda d, _: setattr(d.location_table[1], "mapping_index", 2),
        "2 is out of range: mapping_table has 2",
    ),
    "build id": (
        lambda d, _: d.mapping_table[1].attribute_indices.append(77),
        "77 is out of range: attribute_table has 4",
    ),
    "function's name": (
        lambda d, _: setattr(d.function_table[1], "name_strindex", 99),
        "99 is out of range: string_table has 14",
    ),
    "function's file": (
        lambda d, _: setattr(d.function_table[1], "filename_strindex", -1),
        "-1 is out of range: string_table has 14",
    ),
    "mapping's file": (
        lambda d, _: setattr(d.mapping_table[1], "filename_strindex", 99),
        "99 is out of range: string_table has 14",
    ),
    "attribute's name": (
        lambda d, _: setattr(d.attribute_table[2], "key_strindex", 99),
        "99 is out of range: string_table has 14",
    ),
    "sample type": (
        lambda _, p: setattr(p.sample_type, "type_strindex", 99),
        "99 is out of range: string_table has 14",
    ),
    "no dictionary": (lambda d, _: d.Clear(), "1 is out of range: stack_table has 0"),
}


@pytest.mark.parametrize(("change", "reason"), DANGLING.values(), ids=DANGLING)
def test_an_index_that_leads_nowhere_is_told_of(change: Any, reason: str) -> None:
    assert reason in refused(dangling(change))


def test_what_leads_nowhere_and_is_not_needed_does_no_harm() -> None:
    export = exported()
    export.tables.message.location_table.add(mapping_index=99, lines=[otlp.Line(function_index=-5)])
    export.tables.message.function_table.add(name_strindex=99)
    export.tables.message.stack_table.add(location_indices=[99])
    assert send(export.body) == (200, "")


def nested(depth: int) -> AnyValue:
    value = AnyValue(string_value="x")
    for _ in range(depth):
        outer = AnyValue()
        outer.kvlist_value.CopyFrom(KeyValueList(values=[KeyValue(key="k", value=value)]))
        value = outer
    return value


@pytest.mark.parametrize("depth", [100, 30_000])
def test_values_within_values_are_refused_before_they_are_followed(depth: int) -> None:
    value = b""
    for _ in range(depth):
        value = within(5, within(1, value))
    status, message = send(within(1, within(1, within(1, within(2, value)))))
    assert (status, message.startswith("the body is not a valid message")) == (400, True)
    text = (
        '{"resourceProfiles":[{"resource":{"attributes":[{"key":"a","value":'
        + '{"arrayValue":{"values":[' * depth
    )
    assert send((text + "]}}" * depth + "}]}}]}").encode(), JSON)[0] == 400


def test_values_within_values_that_protobuf_follows_are_passed_over() -> None:
    export = exported()
    export.resources[0].resource.attributes.add(key="deep", value=nested(20))
    assert send(export.body) == (200, "")


@pytest.mark.parametrize("body", [b"[]", b'"x"', b"null", b"7", b"", b"{", b'{"dictionary":7}', b'{"a":NaN'])
def test_json_that_is_no_request_is_refused(body: bytes) -> None:
    assert send(body, JSON)[0] == 400


@pytest.mark.parametrize("text", ["\\ud800", "\\u0000"])
def test_texts_that_utf8_cannot_carry_are_answered(text: str) -> None:
    body = TEXT.replace(b"shop", text.encode())
    status, message = send(body, JSON)
    assert status == (400 if "ud800" in text else 200), message


def test_a_text_that_is_not_utf8_is_refused() -> None:
    assert send(BODY.replace(b"shop", b"sh\xffp"))[0] == 400


@pytest.mark.parametrize("value", [(1 << 63) - 1, 1 << 62])
def test_values_beyond_64_bits_are_refused(value: int) -> None:
    export = Export()
    export.add(export.profile(export.sample(values=[value])))
    assert refused(export) == "the values of a sample add up to more than 64 bits hold"
    export = Export()
    export.add(export.profile(export.sample(values=[value] * 4), period=0))
    assert refused(export) == "the values of a sample add up to more than 64 bits hold"


def test_too_many_samples_are_refused() -> None:
    export = Export()
    export.add(export.profile(*[export.sample()] * 16_001))
    assert "exceeds the samples count limit (max_profile_stacktrace_samples, actual: 16001" in refused(export)


def test_too_many_labels_of_a_sample_are_refused() -> None:
    export = Export()
    sample = export.sample(named={"a": "b"})
    sample.attribute_indices.extend([1] * 100)
    export.add(export.profile(sample))
    assert "exceeds the sample labels limit" in refused(export)


def test_too_many_profiles_are_refused() -> None:
    export = Export()
    export.add(*[otlp.Profile()] * 10_001)
    assert send(export.body) == (400, "a request may hold 10000 profiles, not 10001")


def test_too_many_services_of_samples_are_refused() -> None:
    export = Export()
    samples = [export.sample(named={"service.name": f"s{n}"}) for n in range(10_001)]
    reason = "the request has more than 10000 profiles, one for each service"
    assert send(export.add(export.profile(*samples), export.profile(samples[0])).body) == (
        400,
        f"resource 0, scope 0, profile 0: {reason}; resource 0, scope 0, profile 1: {reason}",
    )


def test_too_many_texts_are_refused() -> None:
    export = Export()
    export.add(export.profile(export.sample([f"{n}{'x' * 60_000}" for n in range(80)])))
    assert "exceeds the size limit (max_profile_size_byte" in refused(export)


def deep(depth: int, samples: int, profiles: int = 1) -> Export:
    """Profiles whose samples are all of one stack of one location with so many lines."""
    export = Export()
    sample = export.sample()
    export.tables.message.location_table[1].lines.extend([otlp.Line(function_index=1)] * depth)
    return export.add(*[export.profile(*[sample] * samples)] * profiles)


def many(profiles: int, resource_: dict[str, Any] | None = None, text: str = "work") -> bytes:
    """As many profiles of one resource, each of a stack of a hundred such functions."""
    export = Export()
    sample = export.sample([f"{n}{text}" for n in range(100)])
    return export.add(*[export.profile(sample)] * profiles, resource=resource_).body


BOMBS = {
    "attributes of a resource": (many(5_000, {str(n): "x" for n in range(50_000)}), PROTO, 400),
    "texts of profiles": (many(5_000, text="x" * 60_000), PROTO, 400),
    "texts of good profiles": (many(5_000, text="x" * 40_000), PROTO, 200),
    "frames of a profile": (deep(100_000, 16_000).body, PROTO, 400),
    "frames of profiles": (deep(100_000, 1, 9_000).body, PROTO, 200),
    "locations of a stack": (
        Export().add(Export().profile(*[otlp.Sample(stack_index=2, values=[1])] * 16_000)).body
        + within(2, within(7, b"") + within(7, within(1, bytes(15 << 20)))),
        PROTO,
        400,
    ),
    "values of a sample": (
        Export().body + within(1, within(2, within(2, within(2, within(4, bytes(15 << 20)))))),
        PROTO,
        400,
    ),
    "fields": (b"\x0a\x00" * (1 << 20), PROTO, 400),
    "members": (members(bytes(1 << 12), 2_000), PROTO, 400),
    "gzip": (gzip.compress(bytes(100 << 20)), PROTO, 413),
    "json": (b'{"resourceProfiles":[' + b"{}," * (1 << 20) + b"{}]}", JSON, 400),
    "long json": (gzip.compress(b'{"a":"' + b" " * (20 << 20) + b'"}'), JSON, 413),
    "numbers of json": (b'{"a":' + b"9" * 100_000 + b"}", JSON, 400),
}


@pytest.mark.parametrize(("body", "content_type", "status"), BOMBS.values(), ids=BOMBS)
def test_a_bomb_costs_little(body: bytes, content_type: str, status: int) -> None:
    memory_kb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    started = time.process_time()
    assert send(body, content_type)[0] == status
    assert time.process_time() - started < 10
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - memory_kb < 500_000


def test_a_body_may_be_as_long_as_the_settings_say() -> None:
    tight = Settings(ingest_window_past_s=0, max_body_bytes=len(BODY))
    assert send(BODY, settings=tight) == (200, "")
    assert send(BODY + b"\x0a\x00", settings=tight)[0] == 413
