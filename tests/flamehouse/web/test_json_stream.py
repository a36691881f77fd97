"""Responses in JSON are what protobuf's own `json_format` writes, whatever they contain."""

import json
import math
from typing import cast

import pytest
from google.protobuf import json_format
from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.message import Message
from hypothesis import given
from hypothesis import strategies as st

from flamehouse.pb.adhocprofiles_pb2 import AdHocProfilesGetResponse
from flamehouse.pb.querier_pb2 import (
    AnalyzeQueryResponse,
    DiffResponse,
    FlameGraph,
    Level,
    ProfileTypesResponse,
    SelectHeatmapResponse,
    SelectMergeStacktracesResponse,
    SelectSeriesResponse,
)
from flamehouse.pb.settings_pb2 import GetSettingsResponse
from flamehouse.pb.types_pb2 import (
    GetProfileStatsResponse,
    LabelPair,
    Point,
    Series,
)
from flamehouse.web.json_stream import json_pieces

VALUES: dict[int, st.SearchStrategy[object]] = {
    FieldDescriptor.CPPTYPE_BOOL: st.booleans(),
    FieldDescriptor.CPPTYPE_INT32: st.integers(-(2**31), 2**31 - 1),
    FieldDescriptor.CPPTYPE_UINT32: st.integers(0, 2**32 - 1),
    FieldDescriptor.CPPTYPE_INT64: st.integers(-(2**63), 2**63 - 1),
    FieldDescriptor.CPPTYPE_UINT64: st.integers(0, 2**64 - 1),
    FieldDescriptor.CPPTYPE_DOUBLE: st.floats(),
    FieldDescriptor.CPPTYPE_STRING: st.text(),
    FieldDescriptor.CPPTYPE_ENUM: st.integers(0, 9),
}


def messages_of(message_type: type[Message]) -> st.SearchStrategy[Message]:
    """Any messages of this type."""

    def values_of(field: FieldDescriptor) -> st.SearchStrategy[object]:
        if field.message_type:
            one: st.SearchStrategy[object] = fields_of(field.message_type)
        elif field.type == FieldDescriptor.TYPE_BYTES:
            one = st.binary()
        else:
            one = VALUES[field.cpp_type]
        return st.lists(one, max_size=3) if field.is_repeated else one

    def fields_of(descriptor: Descriptor) -> st.SearchStrategy[dict[str, object]]:
        oneofs = {each for oneof in descriptor.oneofs for each in [*oneof.fields][1:]}
        fields = {field.name: values_of(field) for field in descriptor.fields if field not in oneofs}
        return st.fixed_dictionaries({}, optional=fields)

    return fields_of(cast(Descriptor, message_type.DESCRIPTOR)).map(lambda fields: message_type(**fields))


def written(message: Message) -> object:
    return json.loads(b"".join(json_pieces(message)))


RESPONSES = [
    AdHocProfilesGetResponse,
    AnalyzeQueryResponse,
    DiffResponse,
    GetProfileStatsResponse,
    GetSettingsResponse,
    ProfileTypesResponse,
    SelectHeatmapResponse,
    SelectMergeStacktracesResponse,
    SelectSeriesResponse,
]


@pytest.mark.parametrize("message_type", RESPONSES, ids=lambda each: each.__name__)
@given(data=st.data())
def test_a_response_equals_what_json_format_writes(message_type: type[Message], data: st.DataObject) -> None:
    message = data.draw(messages_of(message_type))
    assert written(message) == json.loads(json.dumps(json_format.MessageToDict(message)))


TEXTS: dict[str, tuple[Message, str]] = {
    "an empty message": (SelectSeriesResponse(), "{}"),
    "64-bit integers are strings": (
        FlameGraph(names=["total"], levels=[Level(values=[0, 2**63 - 1, -1, 0])], total=2**63 - 1),
        '{"names":["total"],"levels":[{"values":["0","9223372036854775807","-1","0"]}],"total":"9223372036854775807"}',
    ),
    "an empty level": (FlameGraph(levels=[Level(), Level(values=[7])]), '{"levels":[{},{"values":["7"]}]}'),
    "names are escaped": (
        FlameGraph(names=['"', "\\", "\n", "\x00", "é", "\u2028", ", ", "\U0001f600"]),
        '{"names":["\\"","\\\\","\\n","\\u0000","é","\u2028",", ","\U0001f600"]}',
    ),
    "doubles": (
        Series(points=[Point(value=value) for value in (0.1, 1e300, -0.0, math.inf, -math.inf, math.nan)]),
        '{"points":[{"value":0.1},{"value":1e+300},{"value":-0.0},{"value":"Infinity"},{"value":"-Infinity"},{"value":"NaN"}]}',
    ),
    "bytes are base64": (SelectMergeStacktracesResponse(tree=b"\xff\xfe?"), '{"tree":"//4/"}'),
    "a false bool is omitted": (GetProfileStatsResponse(data_ingested=False), "{}"),
    "a true bool": (GetProfileStatsResponse(data_ingested=True), '{"dataIngested":true}'),
    "an empty message in a list": (
        Series(labels=[LabelPair(), LabelPair(name="a")]),
        '{"labels":[{},{"name":"a"}]}',
    ),
}


@pytest.mark.parametrize(("message", "text"), TEXTS.values(), ids=TEXTS)
def test_a_message_is_written_without_whitespace(message: Message, text: str) -> None:
    assert b"".join(json_pieces(message)).decode() == text
    assert text == json.dumps(json_format.MessageToDict(message), separators=(",", ":"), ensure_ascii=False)
