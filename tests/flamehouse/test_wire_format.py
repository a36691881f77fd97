"""Fields are counted as they are in the messages that bytes stand for."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flamehouse.pb.push_pb2 import PushRequest, RawProfileSeries, RawSample
from flamehouse.pb.types_pb2 import LabelPair
from flamehouse.wire_format import has_more_fields

labels = st.builds(LabelPair, name=st.text(max_size=3), value=st.text(max_size=200))
samples = st.builds(RawSample, raw_profile=st.binary(max_size=300), ID=st.text(max_size=3))
requests = st.builds(
    PushRequest,
    series=st.lists(
        st.builds(
            RawProfileSeries, labels=st.lists(labels, max_size=3), samples=st.lists(samples, max_size=3)
        ),
        max_size=4,
    ),
)


@given(requests)
def test_series_labels_and_profiles_are_counted(request: PushRequest) -> None:
    count = sum(1 + len(series.labels) + len(series.samples) for series in request.series)
    body = request.SerializeToString()
    assert not has_more_fields(body, PushRequest, count)
    if count:
        assert has_more_fields(body, PushRequest, count - 1)


@pytest.mark.parametrize(
    ("body", "count"),
    [
        (b"", 0),
        (b"\x78\x01", 1),
        (b"\x79" + bytes(8), 1),
        (b"\x7d" + bytes(4), 1),
        (b"\x7b\x78\x01\x7c", 3),
        (b"\x7a\x02\x0a\x00", 1),
        (b"\x0a\x04\x0a\x02\x0a\x00", 2),
        (b"\x0a\x02\x0a", 2),
        (b"\x7f\x0a\x00", 1),
        (b"\x80" * 11, 1),
        (b"\x0a\x02\x0a\x00" + b"\x0a\x01\x0f" + b"\x0a\x00", 5),
    ],
)
def test_odd_bytes_are_counted_as_far_as_they_are_read(body: bytes, count: int) -> None:
    assert not has_more_fields(body, PushRequest, count)
    assert count == 0 or has_more_fields(body, PushRequest, count - 1)


@given(st.binary(max_size=100))
def test_any_bytes_are_counted(body: bytes) -> None:
    assert not has_more_fields(body, PushRequest, len(body))
