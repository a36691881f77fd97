"""Any recording is stored or rejected with 422, in bounded time and memory, and never partly stored."""

import gzip
import random
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flamehouse.errors import Code, RpcError
from flamehouse.pb.jfr_pb2 import Context, LabelsSnapshot
from ingest.formats.jfr import parse
from ingest.request.query import parse_ingest_request
from tests.support.fuzzing import fuzzed, rounds
from tests.support.uploads.jfr_recordings import (
    CLASSES,
    EXECUTION_SAMPLE,
    POOLS,
    STACK_TRACE,
    STRING,
    SYMBOL,
    Classes,
    Raw,
    Typed,
    changed,
    recording,
    sample,
    setting,
    varint,
)
from tests.support.uploads.jfr_uploads import QUERY, rejected, send

EVENTS = [
    setting("event", "wall"),
    sample(1, contextId=5, spanId=1 << 63),
    sample(2, 2),
    ("profiler.WallClockSample", [1, 1, 1, 3]),
    ("jdk.ObjectAllocationSample", [1, 2, 77]),
    ("jdk.ThreadPark", [1, 901, 1]),
]
FIRST = recording(*EVENTS)
RECORDING = FIRST + recording(*EVENTS, compressed=False, apart=True)
LABELS = LabelsSnapshot(contexts={5: Context(labels={1: 2})}, strings={1: "endpoint", 2: "/cart"})


def is_read(data: bytes) -> bool:
    """Reports whether a recording is stored; checks that it is rejected with 422 otherwise."""
    try:
        parse(parse_ingest_request(QUERY, 0), {"profile": data})
    except RpcError as error:
        if error.code is not Code.INVALID_ARGUMENT:
            raise
        return False
    return True


def test_truncated_input_is_rejected() -> None:
    assert [end for end in range(len(RECORDING) + 1) if is_read(RECORDING[:end])] == [
        len(FIRST),
        len(RECORDING),
    ]
    assert {send(RECORDING[:end]) for end in range(0, len(FIRST), 99)} == {422}


@pytest.mark.parametrize("change", [lambda byte: byte ^ 0x80, lambda _: 0xFF, lambda _: 0], ids=range(3))
def test_a_changed_byte_causes_no_server_fault(change: Callable[[int], int]) -> None:
    for recorded in (FIRST, RECORDING[len(FIRST) :]):
        for at in range(0, len(recorded), 3):
            is_read(b"".join((recorded[:at], bytes([change(recorded[at])]), recorded[at + 1 :])))


@fuzzed(100)
@given(st.data())
def test_replaced_bytes_cause_no_server_fault(data: st.DataObject) -> None:
    body = bytearray(RECORDING)
    for _ in range(data.draw(st.integers(1, 6))):
        at = data.draw(st.integers(0, len(body) - 1))
        body[at : at + data.draw(st.integers(0, 3))] = data.draw(st.binary(max_size=9))
    send(bytes(body), LABELS.SerializeToString())


@fuzzed(60)
@given(st.binary(max_size=200))
def test_arbitrary_labels_cause_no_server_fault(labels: bytes) -> None:
    send(FIRST, labels)


def damaged(data: bytes, chosen: random.Random) -> bytes:
    """Draws the recording with parts changed, removed or truncated."""
    body = bytearray(data)
    match chosen.randrange(4):
        case 0:
            del body[chosen.randrange(len(body)) :]
        case 1:
            for bit in chosen.sample(range(len(body) * 8), chosen.randrange(1, 9)):
                body[bit // 8] ^= 1 << bit % 8
        case 2:
            at = chosen.randrange(len(body))
            body[at : at + chosen.randrange(1, 200)] = b""
        case _:
            at = chosen.randrange(len(body))
            body[at : at + chosen.randrange(1, 12)] = chosen.randbytes(chosen.randrange(12))
    return bytes(body)


@pytest.mark.fuzz
@pytest.mark.parametrize("name", ["wall_tick_sample", "new_spancontext", "FastSlow_2024_01_16_180855"])
def test_damaged_recordings_of_real_jvms_cause_no_server_fault(shared_dir: Path, name: str) -> None:
    folder = shared_dir / "conformance" / "jfr" / name
    recorded = gzip.decompress((folder / "input.jfr.gz").read_bytes())
    chosen = random.Random(name)
    for _ in range(rounds(30)):
        send(damaged(recorded, chosen))
    for end in range(0, len(recorded), len(recorded) // rounds(200) or 1):
        is_read(recorded[:end])


@pytest.mark.parametrize(
    ("header", "message"),
    [
        ({"size": 0}, "a chunk extends beyond the recording"),
        ({"size": 67}, "a chunk extends beyond the recording"),
        ({"size": -1}, "a chunk extends beyond the recording"),
        ({"size": 1 << 40}, "a chunk extends beyond the recording"),
        ({"size": len(FIRST) - 5}, "an event extends beyond its chunk, or its size is too small"),
        ({"major": 3}, "unknown format version 3"),
        ({"metadata": 0}, "a chunk's metadata or constants lie outside the chunk"),
        ({"metadata": 1 << 40}, "a chunk's metadata or constants lie outside the chunk"),
        ({"metadata": 70}, "its metadata is not where the header says"),
        ({"checkpoint": -1}, "a chunk's metadata or constants lie outside the chunk"),
        ({"checkpoint": 1 << 40}, "a chunk's metadata or constants lie outside the chunk"),
        ({"checkpoint": 69}, "its constants are not where the header says"),
        ({"features": 0}, "its metadata is not where the header says"),
    ],
)
def test_a_misleading_chunk_header_is_rejected(header: Mapping[str, int], message: str) -> None:
    assert message in rejected(recording(*EVENTS, header=header))


ITSELF = changed(Loop=(Typed("next", "Loop"),))
IN_TURN = changed(Loop=(Typed("other", "Pool", array=True),), Pool=(Typed("loop", "Loop"),))
DEEP = {f"C{n}": (Typed("a", f"C{n + 1}"), Typed("b", f"C{n + 1}")) for n in range(14)}
WIDE: Classes = {"Wide": tuple(Typed(f"f{n}", "int") for n in range(5_000))}


def sample_with(type_: str, classes: Classes) -> Classes:
    return {**classes, EXECUTION_SAMPLE: (*CLASSES[EXECUTION_SAMPLE], Typed("extra", type_))}


@pytest.mark.parametrize(
    ("classes", "type_"),
    [
        (ITSELF, "Loop"),
        (IN_TURN, "Loop"),
        ({**CLASSES, **DEEP, "C14": (Typed("n", "int"),)}, "C0"),
        ({**CLASSES, **WIDE}, "Wide"),
    ],
)
def test_recursive_classes_are_rejected_only_if_they_are_needed(classes: Classes, type_: str) -> None:
    name, values = sample(1)
    event = (name, [*values, Raw(b"\x01" * 9)])
    assert send(recording(sample(1), classes=classes)) == 200
    assert "has too many nested fields" in rejected(recording(event, classes=sample_with(type_, classes)))
    pool = {type_: {1: Raw(b"\x01")}, **POOLS}
    assert "has too many nested fields" in rejected(recording(sample(1), classes=classes, pools=pool))


def test_a_missing_class_is_rejected_only_if_it_is_needed() -> None:
    classes = sample_with("4711", CLASSES)
    name, values = sample(1)
    assert send(recording(classes=classes)) == 200
    assert "is missing from the metadata" in rejected(
        recording((name, [*values, Raw(b"\x01")]), classes=classes)
    )


def test_circular_constants_resolve_to_nothing() -> None:
    circle = {1: Raw(b"\x02\x02"), 2: Raw(b"\x02\x01")}
    symbols = {**POOLS[SYMBOL], 1: [Raw(b"\x02\x01")]}
    assert send(recording(sample(1), pools={**POOLS, SYMBOL: symbols, STRING: circle})) == 200


@pytest.mark.parametrize(
    ("pool", "message"),
    [
        ({STACK_TRACE: {1: [0, Raw(varint(65_537))]}}, "a stack trace has more than 65536 frames"),
        ({STACK_TRACE: {1: [0, Raw(varint(60_000))]}}, "a list extends beyond its event"),
        ({STACK_TRACE: {1: [0, Raw(varint(1 << 63))]}}, "a stack trace has more than 65536 frames"),
        ({SYMBOL: {1: [Raw(b"\x03" + varint(1 << 31))]}}, "a value extends beyond its event"),
        ({SYMBOL: {1: [Raw(b"\x04" + varint(1 << 62))]}}, "a list extends beyond its event"),
        ({SYMBOL: {1: [Raw(b"\x06x")]}}, "unknown string encoding 6"),
        ({STACK_TRACE: {1: Raw(b"\x80" * 9)}}, "extends beyond its event"),
    ],
)
def test_lengths_beyond_the_input_are_rejected(
    pool: Mapping[str, Mapping[int, Sequence[Any]]], message: str
) -> None:
    assert message in rejected(recording(sample(1), pools={**POOLS, **pool}))
    assert send(recording(sample(1), pools={**POOLS, **pool}, compressed=False)) == 422
