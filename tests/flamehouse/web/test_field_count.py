"""The fields of a message are counted from its bytes."""

from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message
from hypothesis import given
from hypothesis import strategies as st

from flamehouse.pb.push_pb2 import PushRequest, RawProfileSeries, RawSample
from flamehouse.pb.querier_pb2 import DiffRequest, FlameGraph, Level, SelectMergeStacktracesRequest
from flamehouse.pb.types_pb2 import LabelPair, Point, Series
from flamehouse.web.field_count import has_more_fields

int64 = st.integers(-(2**63), 2**63 - 1)
pairs = st.lists(st.builds(LabelPair, name=st.text(), value=st.text()), max_size=4)
samples = st.lists(st.builds(RawSample, raw_profile=st.binary(max_size=300), ID=st.text()), max_size=4)
sides = st.builds(
    SelectMergeStacktracesRequest, profile_typeID=st.text(), start=int64, max_nodes=st.none() | int64
)
messages = st.one_of(
    st.builds(
        PushRequest,
        series=st.lists(st.builds(RawProfileSeries, labels=pairs, samples=samples), max_size=4),
    ),
    st.builds(
        Series,
        labels=pairs,
        points=st.lists(st.builds(Point, value=st.floats(), timestamp=int64), max_size=4),
    ),
    st.builds(DiffRequest, left=sides, right=sides),
    st.builds(
        FlameGraph,
        names=st.lists(st.text()),
        levels=st.lists(st.builds(Level, values=st.lists(int64)), max_size=4),
        total=int64,
    ),
)


def fields_of(message: Message) -> int:
    """Returns the number of fields in the message and in the messages within it; packed numbers count as one."""
    count = 0
    for field, value in message.ListFields():
        values = value if field.is_repeated else [value]
        count += 1 if field.is_packed else len(values)
        if field.type == FieldDescriptor.TYPE_MESSAGE:
            count += sum(map(fields_of, values))
    return count


@given(messages)
def test_the_number_of_fields_is_exact(message: Message) -> None:
    data, count = message.SerializeToString(), fields_of(message)
    assert not has_more_fields(data, type(message), count)
    assert count == 0 or has_more_fields(data, type(message), count - 1)


@given(st.binary())
def test_no_input_has_more_fields_than_bytes(data: bytes) -> None:
    assert not has_more_fields(data, PushRequest, len(data))
