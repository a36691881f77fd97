"""The columns of a pprof match its messages, in every encoding."""

from collections.abc import Callable
from itertools import chain
from unittest.mock import patch

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flamehouse.errors import RpcError
from flamehouse.pb.profile_pb2 import Function, Label, Line, Location, Profile, Sample
from ingest.profile import vectors_used
from ingest.profile.columns import ColumnarProfile, PprofColumns, read_columns
from ingest.profile.pprof import decode_pprof, read_pprof

_U64 = st.integers(0, 3) | st.integers(0, (1 << 64) - 1)
_I64 = st.integers(-1, 3) | st.integers(-(1 << 63), (1 << 63) - 1)
_LABELS = st.builds(Label, key=_I64, str=_I64, num=_I64, num_unit=_I64)
_SAMPLES = st.builds(
    Sample,
    location_id=st.lists(_U64, max_size=4),
    value=st.lists(_I64, max_size=3),
    label=st.lists(_LABELS, max_size=3),
)
_LINES = st.builds(Line, function_id=_U64, line=_I64, column=_I64)
_LOCATIONS = st.builds(
    Location,
    id=_U64,
    mapping_id=_U64,
    address=_U64,
    line=st.lists(_LINES, max_size=3),
    is_folded=st.booleans(),
)
_FUNCTIONS = st.builds(Function, id=_U64, name=_I64, system_name=_I64, filename=_I64, start_line=_I64)
_PROFILES = st.builds(
    Profile,
    sample=st.lists(_SAMPLES, max_size=5),
    location=st.lists(_LOCATIONS, max_size=5),
    function=st.lists(_FUNCTIONS, max_size=5),
    string_table=st.lists(st.text(max_size=5), max_size=3),
)


def check(pprof: Profile) -> None:
    """Checks that the columns of the message match its fields, read one by one, with and without NumPy."""
    check_columns(read_columns(pprof), pprof)
    with patch.object(vectors_used, "has_numpy", lambda: False):
        check_columns(read_columns(pprof), pprof)


def check_as_sent(encoded: bytes) -> None:
    """Checks the columns of a message in the encoding of its client, which may be too unusual for NumPy."""
    incoming = read_pprof(encoded, {})
    assert isinstance(incoming, ColumnarProfile) or isinstance(incoming.pprof, Profile)
    columns = incoming.columns if isinstance(incoming, ColumnarProfile) else read_columns(incoming.pprof)
    message = Profile.FromString(encoded)
    message.DiscardUnknownFields()
    check_columns(columns, message)


def check_columns(columns: PprofColumns, pprof: Profile) -> None:
    samples, locations, functions = columns.samples, columns.locations, columns.functions
    assert [*samples.location_ids] == [*chain.from_iterable(each.location_id for each in pprof.sample)]
    assert [*samples.values] == [*chain.from_iterable(each.value for each in pprof.sample)]
    assert [*map(Label.FromString, samples.labels)] == [
        *chain.from_iterable(each.label for each in pprof.sample)
    ]
    assert [*samples.depths] == [len(each.location_id) for each in pprof.sample]
    assert [*samples.widths] == [len(each.value) for each in pprof.sample]
    assert [*samples.label_counts] == [len(each.label) for each in pprof.sample]
    lines = [*chain.from_iterable(each.line for each in pprof.location)]
    assert [*locations.ids] == [each.id for each in pprof.location]
    assert [*locations.mapping_ids] == [each.mapping_id for each in pprof.location]
    assert [*locations.addresses] == [each.address for each in pprof.location]
    assert [*locations.line_counts] == [len(each.line) for each in pprof.location]
    assert [*locations.function_ids] == [each.function_id for each in lines]
    assert [*locations.lines] == [each.line for each in lines]
    assert [*locations.columns] == [each.column for each in lines]
    assert [*functions.ids] == [each.id for each in pprof.function]
    assert [*functions.names] == [each.name for each in pprof.function]
    assert [*functions.system_names] == [each.system_name for each in pprof.function]
    assert [*functions.filenames] == [each.filename for each in pprof.function]
    assert [*functions.start_lines] == [each.start_line for each in pprof.function]


@given(_PROFILES)
def test_columns_match_the_messages(pprof: Profile) -> None:
    check(pprof)
    check_as_sent(pprof.SerializeToString())


@given(_PROFILES)
def test_messages_written_by_protobuf_libraries_are_read_with_numpy(pprof: Profile) -> None:
    assert isinstance(read_pprof(pprof.SerializeToString(), {}), ColumnarProfile)


@given(_PROFILES, st.data())
def test_damaged_messages_are_read_the_same_with_and_without_numpy(
    pprof: Profile, data: st.DataObject
) -> None:
    encoded = bytearray(pprof.SerializeToString())
    for _ in range(data.draw(st.integers(1, 4))):
        if encoded:
            place = data.draw(st.integers(0, len(encoded) - 1))
            encoded[place : place + data.draw(st.integers(0, 2))] = data.draw(st.binary(max_size=3))
    error = error_of(decode_pprof, bytes(encoded))
    assert error_of(lambda content: read_pprof(content, {}), bytes(encoded)) == error
    if not error:
        check_as_sent(bytes(encoded))


def error_of(read: Callable[[bytes], object], encoded: bytes) -> str:
    """Returns the message of the error that the bytes raise; empty for none."""
    try:
        read(encoded)
    except RpcError as error:
        return error.message
    return ""


def test_many_integers_are_arrays_that_match_the_messages() -> None:
    pprof = Profile(string_table=[""])
    for number in range(200):
        ids = [number * 1_000 + each for each in range(3_000)]
        pprof.sample.add(location_id=ids, value=[number, -number, (1 << 63) - 1])
    check(pprof)
    samples = read_columns(pprof).samples
    assert (samples.location_ids.typecode, samples.values.typecode) == ("Q", "q")  # type: ignore[attr-defined]
    assert list(samples.values[2::3]) == [(1 << 63) - 1] * 200


@given(_PROFILES, _PROFILES)
def test_concatenated_profiles_are_read_as_one(first: Profile, second: Profile) -> None:
    encoded = first.SerializeToString() + second.SerializeToString()
    check(Profile.FromString(encoded))
    check_as_sent(encoded)


def field(number: int, *content: bytes) -> bytes:
    """Returns a length-delimited field with this content, shorter than 128 bytes."""
    joined = b"".join(content)
    return bytes((number << 3 | 2, len(joined))) + joined


ODD_ENCODINGS = {
    "a repeated id counts once": field(4, b"\x08\x05\x08\x07"),
    "an explicit id of zero": field(4, b"\x08\x00\x10\x00\x18\x00") + field(4, b"\x08\x01"),
    "an id as a list is ignored": field(4, b"\x0a\x02\x05\x06") + field(4, b"\x08\x01"),
    "a line's function as a list is ignored": field(4, b"\x08\x01", field(4, b"\x0a\x01\x09\x10\x07")),
    "a name as a fixed32 is ignored": field(5, b"\x08\x01\x15\x01\x02\x03\x04"),
    "a field of a later version": field(4, b"\x08\x01", field(9, b"later")) + field(4, b"\x10\x02"),
    "unpacked locations": field(2, b"\x08\x01\x08\x02\x08\x03\x10\x04"),
    "locations in two packed lists": field(2, field(1, b"\x01\x02"), field(1, b"\x03"), field(2, b"\x04")),
    "an empty list": field(2, field(1), field(2, b"\x01")) + field(2, field(1, b"\x01")),
    "a location 0": field(2, field(1, b"\x00\x00"), field(2, b"\x00")) + field(2, field(1, b"\x00")),
    "an overlong varint": field(2, field(1, b"\x81\x80\x00\x02"), field(2, b"\x80\x00")),
    "an empty label": field(2, field(3), field(3, b"\x08\x00")) + field(2, field(3, b"\x08\x01")),
    "an empty line": field(4, field(4)) + field(4, field(4, b"\x08\x00")) + field(4, b"\x08\x01"),
    "a line within a line": field(4, b"\x08\x01", field(4, field(4, b"\x08\x02"))) + field(4, b"\x08\x03"),
    "fields after lines": field(4, field(4, b"\x08\x02"), b"\x08\x01", field(4, b"\x10\x03"), b"\x18\x07"),
    "values before locations": field(2, field(2, b"\x01"), field(1, b"\x02")) + field(2, field(1, b"\x03")),
    "labels between lists": field(2, field(1, b"\x01"), field(3, b"\x08\x01"), field(2, b"\x05")),
    "an overlong tag": field(4, b"\x88\x00\x01") + field(2, b"\x8a\x00\x01\x05"),
    "the largest number": field(4, b"\x08" + b"\xff" * 9 + b"\x01"),
    "a number beyond 64 bits": field(4, b"\x08" + b"\xff" * 9 + b"\x7f"),
    "a later field of a label": field(2, field(1, b"\x01"), field(3, b"\x08\x01\x48\x07")),
    "empty messages of every kind": field(2) + field(2) + field(4) + field(4) + field(5) + field(5),
}


@pytest.mark.parametrize("encoded", ODD_ENCODINGS.values(), ids=ODD_ENCODINGS)
@pytest.mark.parametrize("follow", [lambda it: it, lambda it: it + it], ids=["once", "twice"])
def test_an_unusual_encoding_decodes_to_the_same_message(
    encoded: bytes, follow: Callable[[bytes], bytes]
) -> None:
    check(Profile.FromString(follow(encoded)))
    check_as_sent(follow(encoded))
