"""Any message survives both encodings, and any bytes decode or are an invalid argument."""

import json

import pytest
from google.protobuf import json_format
from google.protobuf.message import Message
from hypothesis import given
from hypothesis import strategies as st

from flamehouse.errors import Code, RpcError
from flamehouse.pb.profile_pb2 import Location, Profile, Sample, ValueType
from flamehouse.pb.push_pb2 import PushRequest
from flamehouse.pb.querier_pb2 import (
    DiffRequest,
    FlameGraph,
    Level,
    PprofProfile,
    SelectMergeStacktracesResponse,
    SelectSeriesRequest,
    SelectSeriesResponse,
)
from flamehouse.pb.types_pb2 import LabelPair, Point, Series
from flamehouse.web.codec import CODECS, Codec

JSON = CODECS["application/json"]
FIELDS = [
    name
    for message in (PushRequest, DiffRequest, SelectSeriesRequest)
    for field in message.DESCRIPTOR.fields
    for name in (field.name, field.json_name)
]

every_codec = pytest.mark.parametrize("codec", CODECS.values(), ids=lambda codec: codec.media_type)
every_message = pytest.mark.parametrize("message_type", [PushRequest, DiffRequest, SelectSeriesRequest])
int64 = st.integers(-(2**63), 2**63 - 1)
requests = st.builds(
    SelectSeriesRequest,
    profile_typeID=st.text(),
    label_selector=st.text(),
    start=int64,
    end=int64,
    group_by=st.lists(st.text()),
    step=st.floats(allow_nan=False),
    limit=st.none() | int64,
    exemplar_type=st.integers(0, 3),
)
documents = st.dictionaries(
    st.sampled_from(FIELDS) | st.text(),
    st.recursive(
        st.none()
        | st.booleans()
        | st.integers()
        | st.floats()
        | st.text()
        | st.sampled_from(["\ud800", "1e9"]),
        lambda inner: st.lists(inner) | st.dictionaries(st.sampled_from(FIELDS) | st.text(), inner),
        max_leaves=20,
    ),
)


def read(codec: Codec, body: bytes, message_type: type[Message]) -> Message | None:
    """Returns the message, or None if the body is rejected with the expected error."""
    try:
        return codec.decode(body, message_type)
    except RpcError as error:
        if error.code is not Code.INVALID_ARGUMENT:
            raise
        return None


@every_codec
@given(message=requests)
def test_a_message_survives_a_round_trip(codec: Codec, message: SelectSeriesRequest) -> None:
    assert read(codec, codec.encode(message), SelectSeriesRequest) == message


@every_codec
@every_message
@given(body=st.binary())
def test_any_bytes_decode_or_are_an_invalid_argument(
    codec: Codec, message_type: type[Message], body: bytes
) -> None:
    message = read(codec, body, message_type)
    assert message is None or read(codec, codec.encode(message), message_type) is not None


@every_message
@given(document=documents)
def test_any_json_object_decodes_or_is_an_invalid_argument(
    message_type: type[Message], document: dict[str, object]
) -> None:
    message = read(JSON, json.dumps(document).encode(), message_type)
    assert message is None or read(JSON, JSON.encode(message), message_type) is not None


MANY = range(100_000)
LARGE = {
    "many samples": SelectMergeStacktracesResponse(
        pprof=PprofProfile(
            profile=Profile(
                sample_type=[ValueType(type=1, unit=2)],
                sample=[Sample(location_id=[number + 1, 7], value=[number]) for number in MANY],
                location=[Location(id=1), Location()],
                string_table=["", "cpu", "ns", 'q"\\é\u2028'],
                period_type=ValueType(),
            )
        )
    ),
    "long levels": SelectMergeStacktracesResponse(
        flamegraph=FlameGraph(
            names=["total", "", *map(str, MANY)],
            levels=[Level(values=MANY), Level(), Level(values=[-1, *MANY])],
            total=1 << 62,
        )
    ),
    "points of one series": SelectSeriesResponse(
        series=[
            Series(labels=[LabelPair(name="pod", value="a")]),
            Series(points=[Point(value=number / 3, timestamp=number) for number in MANY]),
        ]
    ),
    "bytes": SelectMergeStacktracesResponse(tree=bytes(1 << 20)),
    "fields that are present and empty": SelectSeriesRequest(
        group_by=["x" * (1 << 20), ""],
        limit=0,
        aggregation="TIME_SERIES_AGGREGATION_TYPE_SUM",
        stack_trace_selector={},
    ),
}


@pytest.mark.parametrize("message", LARGE.values(), ids=LARGE)
def test_a_large_message_in_pieces_is_the_json_of_the_whole(message: Message) -> None:
    pieces = [*JSON.pieces(message)]
    assert len(pieces) > 1
    assert json.loads(b"".join(pieces)) == json_format.MessageToDict(message)
    assert b"".join(pieces) == JSON.encode(message)


@pytest.mark.parametrize("body", [rb'{"\ud800": 1}', rb'{"left": {"\ud800": 1}}', rb'{"left": "\ud800"}'])
def test_a_name_with_a_lone_surrogate_is_an_invalid_argument(body: bytes) -> None:
    with pytest.raises(RpcError) as raised:
        JSON.decode(body, DiffRequest)
    assert (
        raised.value.message
        == "the body is not a valid message: it contains a name that is not valid Unicode text"
    )


@pytest.mark.parametrize(
    ("body", "name"),
    [
        ({"stackTraceSelector": "main"}, "stackTraceSelector"),
        ({"stack_trace_selector": ["main"]}, "stack_trace_selector"),
        ({"stackTraceSelector": {"callSite": ["main"]}}, "callSite"),
        ({"stackTraceSelector": {"goPgo": ""}}, "goPgo"),
    ],
)
def test_a_string_in_place_of_a_message_is_not_an_empty_message(body: object, name: str) -> None:
    with pytest.raises(RpcError) as raised:
        JSON.decode(json.dumps(body).encode(), SelectSeriesRequest)
    assert raised.value.code is Code.INVALID_ARGUMENT
    assert raised.value.message == f"the body is not a valid message: {name} is not a JSON object"


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ('{"start":1,"start":1}', "Failed to load JSON: duplicate key start."),
        ('{"left":{"start":1,"end":2,"start":3}}', "Failed to load JSON: duplicate key start."),
        ('{"left":', "Failed to load JSON: Expecting value: line 1 column 9 (char 8)."),
        ('{"left":{"start":1.5}}', "Couldn't parse integer: 1.5"),
        ('{"left":{"start":"now"}}', "invalid literal for int() with base 10: 'now'"),
        ("[" * 100_000, "not a JSON object"),
        ('{"a":' + "[" * 100_000, "Failed to load JSON: "),
    ],
)
def test_an_invalid_body_is_explained(body: str, reason: str) -> None:
    with pytest.raises(RpcError) as raised:
        JSON.decode(body.encode(), DiffRequest)
    assert raised.value.code is Code.INVALID_ARGUMENT
    assert reason in raised.value.message


@pytest.mark.parametrize("body", [{"stackTraceSelector": None}, {"stackTraceSelector": {"callSite": None}}])
def test_null_is_an_absent_field(body: object) -> None:
    assert not JSON.decode(json.dumps(body).encode(), SelectSeriesRequest).stack_trace_selector.call_site


@given(message=requests, cut=st.integers(0, 200), bit=st.integers(0, 2000))
def test_a_damaged_message_decodes_or_is_an_invalid_argument(
    message: SelectSeriesRequest, cut: int, bit: int
) -> None:
    body = bytearray(message.SerializeToString())
    if body:
        body[bit // 8 % len(body)] ^= 1 << bit % 8
    read(CODECS["application/proto"], bytes(body[: len(body) - cut]), SelectSeriesRequest)
