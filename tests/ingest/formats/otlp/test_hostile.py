"""Any OTLP request is stored or rejected as the client's fault: none is a server fault."""

import gzip
import json
import random
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

from flamehouse.settings import Settings
from tests.support.fuzzing import fuzzed, rounds
from tests.support.uploads.otlp import JSON, PROTO, Export, exported, within
from tests.support.uploads.otlp_uploads import outcome, rejected


def whole() -> Export:
    """Returns an export with entries in every table."""
    export = Export()
    mapping = export.tables.mapping("/lib/libc.so", {"process.executable.build_id.gnu": "abc"})
    link = export.tables.link(bytes(range(16)), bytes(range(8)))
    samples = [
        export.sample(["main", ("caller", "inlined"), 0x1234], named={"zone": "b", "n": 7}, mapping=mapping),
        export.sample(["main", "work"], [1, 2], timestamps=[1, 2], link=link),
    ]
    return export.add(export.profile(*samples), resource={"service.name": "shop", "list": ["x"]})


BODY = whole().body
TEXT = json.dumps(json_format.MessageToDict(whole().message)).encode()


@fuzzed(100)
@given(st.binary(max_size=300))
def test_arbitrary_bytes_cause_no_server_fault(data: bytes) -> None:
    for content_type in (PROTO, JSON):
        outcome(data, content_type)
        outcome(gzip.compress(data, mtime=0), content_type)


@fuzzed(100)
@given(st.data())
def test_replaced_bytes_cause_no_server_fault(data: st.DataObject) -> None:
    for body, content_type in ((BODY, PROTO), (TEXT, JSON)):
        changed = bytearray(body)
        for _ in range(data.draw(st.integers(1, 6))):
            changed[data.draw(st.integers(0, len(changed) - 1))] = data.draw(st.integers(0, 255))
        outcome(bytes(changed), content_type)


INTEGERS = st.one_of(st.integers(-3, 8), st.sampled_from([-(1 << 31), (1 << 31) - 1]))
BIG = st.one_of(st.integers(-3, 8), st.sampled_from([-(1 << 63), (1 << 63) - 1]))


@fuzzed(100)
@given(st.data())
def test_replaced_numbers_cause_no_server_fault(data: st.DataObject) -> None:
    message = whole().message
    for _ in range(data.draw(st.integers(1, 4))):
        change_a_number(message, data)
    outcome(message.SerializeToString())


def change_a_number(message: Any, data: st.DataObject) -> None:
    """Descends to any message within, and sets one of its numbers."""
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
def test_arbitrary_json_causes_no_server_fault(content: dict[str, Any]) -> None:
    outcome(json.dumps(content).encode(), JSON)


@pytest.mark.parametrize(
    ("body", "content_type"), [(BODY, PROTO), (TEXT, JSON), (gzip.compress(BODY, mtime=0), PROTO)]
)
def test_truncated_input_causes_no_server_fault(body: bytes, content_type: str) -> None:
    statuses = {outcome(body[:end], content_type)[0] for end in range(len(body))}
    assert statuses <= {200, 400}
    assert 400 in statuses


@pytest.mark.fuzz
def test_damaged_recorded_requests_cause_no_server_fault(shared_dir: Path) -> None:
    chosen = random.Random(7)
    for path in sorted((shared_dir / "fixtures/sdk/java-otlp").glob("*/body.bin")):
        recorded = gzip.decompress(path.read_bytes())
        for _ in range(rounds(25)):
            body = bytearray(recorded)
            for bit in chosen.sample(range(len(body) * 8), chosen.randrange(1, 9)):
                body[bit // 8] ^= 1 << bit % 8
            outcome(bytes(body))
            outcome(recorded[: chosen.randrange(len(recorded))])


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
def test_an_index_out_of_range_is_reported(change: Any, reason: str) -> None:
    assert reason in rejected(dangling(change))


def test_unused_dangling_references_are_ignored() -> None:
    export = exported()
    export.tables.message.location_table.add(mapping_index=99, lines=[otlp.Line(function_index=-5)])
    export.tables.message.function_table.add(name_strindex=99)
    export.tables.message.stack_table.add(location_indices=[99])
    assert outcome(export.body) == (200, "")


def nested(depth: int) -> AnyValue:
    value = AnyValue(string_value="x")
    for _ in range(depth):
        outer = AnyValue()
        outer.kvlist_value.CopyFrom(KeyValueList(values=[KeyValue(key="k", value=value)]))
        value = outer
    return value


@pytest.mark.parametrize("depth", [100, 30_000])
def test_deeply_nested_values_are_rejected_before_they_are_decoded(depth: int) -> None:
    value = b""
    for _ in range(depth):
        value = within(5, within(1, value))
    status, message = outcome(within(1, within(1, within(1, within(2, value)))))
    assert (status, message.startswith("the body is not a valid message")) == (400, True)
    text = (
        '{"resourceProfiles":[{"resource":{"attributes":[{"key":"a","value":'
        + '{"arrayValue":{"values":[' * depth
    )
    assert outcome((text + "]}}" * depth + "}]}}]}").encode(), JSON)[0] == 400


def test_nested_values_within_protobufs_limit_are_skipped() -> None:
    export = exported()
    export.resources[0].resource.attributes.add(key="deep", value=nested(20))
    assert outcome(export.body) == (200, "")


@pytest.mark.parametrize(
    "body", [b"[]", b'"x"', b"null", b"7", b"", b"{", b'{"dictionary":7}', b'{"a":NaN', b'{"\\ud800":1}']
)
def test_malformed_json_is_rejected(body: bytes) -> None:
    assert outcome(body, JSON)[0] == 400


@pytest.mark.parametrize(
    ("body", "place"),
    [
        ('{"dictionary":VALUE}', "dictionary"),
        ('{"dictionary":{"stackTable":[{},VALUE]}}', "stackTable"),
        ('{"resourceProfiles":[VALUE]}', "resourceProfiles"),
        ('{"resourceProfiles":[{"resource":VALUE}]}', "resource"),
        ('{"resourceProfiles":[{"resource":{"attributes":[{"key":"a","value":VALUE}]}}]}', "value"),
        ('{"resource_profiles":[{"scope_profiles":[{"profiles":[{"period_type":VALUE}]}]}]}', "period_type"),
    ],
)
@pytest.mark.parametrize("value", ['""', '"shop"', "[]", '["shop"]'])
def test_a_string_or_a_list_in_place_of_a_message_is_not_an_empty_message(
    body: str, place: str, value: str
) -> None:
    status, message = outcome(body.replace("VALUE", value).encode(), JSON)
    assert (status, message) == (400, f"the body is not a valid message: {place} is not a JSON object")


def test_repeated_member_names_are_rejected() -> None:
    status, message = outcome(TEXT.replace(b"{", b'{"dictionary":{},', 1), JSON)
    assert status == 400
    assert message == "the body is not a valid message: Failed to load JSON: duplicate key dictionary."


@pytest.mark.parametrize("text", ["\\ud800", "\\u0000"])
def test_lone_surrogates_cause_no_server_fault(text: str) -> None:
    body = TEXT.replace(b"shop", text.encode())
    status, message = outcome(body, JSON)
    assert status == (400 if "ud800" in text else 200), message


def test_a_string_of_invalid_utf8_is_rejected() -> None:
    assert outcome(BODY.replace(b"shop", b"sh\xffp"))[0] == 400


@pytest.mark.parametrize("value", [(1 << 63) - 1, 1 << 62])
def test_values_beyond_64_bits_are_rejected(value: int) -> None:
    export = Export()
    export.add(export.profile(export.sample(values=[value])))
    assert rejected(export) == "the values of a sample add up to more than 64 bits"
    export = Export()
    export.add(export.profile(export.sample(values=[value] * 4), period=0))
    assert rejected(export) == "the values of a sample add up to more than 64 bits"


def test_a_body_may_be_as_long_as_the_settings_allow() -> None:
    tight = Settings(ingest_window_past_s=0, max_body_bytes=len(BODY))
    assert outcome(BODY, settings=tight) == (200, "")
    assert outcome(BODY + b"\x0a\x00", settings=tight)[0] == 413
