"""Whatever a recording is made of, it is stored or refused with 422: in bounded time and memory, and never in part."""

import gzip
import random
import resource
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flamehouse.errors import Code, RpcError
from flamehouse.pb.jfr_pb2 import Context, LabelsSnapshot
from fuzzing import fuzzed, rounds
from ingest.formats.jfr import parse
from ingest.request import parse_ingest_request
from jfr_recordings import (
    CLASS,
    CLASSES,
    EXECUTION_SAMPLE,
    METHOD,
    POOLS,
    SETTING,
    STACK_TRACE,
    STRING,
    SYMBOL,
    Chunk,
    Classes,
    Raw,
    Typed,
    changed,
    recording,
    sample,
    setting,
    varint,
)
from uploads import FORM, Ingest, form, refusal

QUERY = "name=shop&format=jfr"
MIB = 1 << 20
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


def send(data: bytes, labels: bytes = b"") -> int:
    """Send a recording; what is not stored must be refused with 422 and leave nothing behind."""
    ingest = Ingest()
    status = ingest.post(form(("jfr", data), ("labels", labels)), QUERY, content_type=FORM).status_code
    assert status == 200 or (status == 422 and not ingest.uploads)
    return status


def refused(data: bytes, labels: bytes = b"") -> str:
    """Send a recording that must not be stored; says what is wrong with it."""
    ingest = Ingest()
    response = ingest.post(form(("jfr", data), ("labels", labels)), QUERY, content_type=FORM)
    status, code, message = refusal(response)
    assert (status, code, ingest.uploads) == (422, "unknown", [])
    return message.removeprefix("parsing IngestInput-jfr failed ")


def is_read(data: bytes) -> bool:
    """Whether a recording is read, or refused in the one way that there is."""
    try:
        parse(parse_ingest_request(QUERY, 0), {"profile": data})
    except RpcError as error:
        if error.code is not Code.INVALID_ARGUMENT:
            raise
        return False
    return True


def test_what_is_cut_anywhere_is_refused() -> None:
    assert [end for end in range(len(RECORDING) + 1) if is_read(RECORDING[:end])] == [
        len(FIRST),
        len(RECORDING),
    ]
    assert {send(RECORDING[:end]) for end in range(0, len(FIRST), 99)} == {422}


@pytest.mark.parametrize("change", [lambda byte: byte ^ 0x80, lambda _: 0xFF, lambda _: 0], ids=range(3))
def test_any_byte_may_be_another(change: Callable[[int], int]) -> None:
    for recorded in (FIRST, RECORDING[len(FIRST) :]):
        for at in range(0, len(recorded), 3):
            is_read(b"".join((recorded[:at], bytes([change(recorded[at])]), recorded[at + 1 :])))


@fuzzed(100)
@given(st.data())
def test_any_bytes_in_place_of_others_are_answered(data: st.DataObject) -> None:
    body = bytearray(RECORDING)
    for _ in range(data.draw(st.integers(1, 6))):
        at = data.draw(st.integers(0, len(body) - 1))
        body[at : at + data.draw(st.integers(0, 3))] = data.draw(st.binary(max_size=9))
    send(bytes(body), LABELS.SerializeToString())


@fuzzed(60)
@given(st.binary(max_size=200))
def test_any_labels_are_answered(labels: bytes) -> None:
    send(FIRST, labels)


def damaged(data: bytes, chosen: random.Random) -> bytes:
    """The recording with some of it changed, left out, or cut off."""
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
def test_recordings_of_real_jvms_that_were_damaged_are_answered(shared_dir: Path, name: str) -> None:
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
        ({"size": 0}, "a chunk ends beyond the recording"),
        ({"size": 67}, "a chunk ends beyond the recording"),
        ({"size": -1}, "a chunk ends beyond the recording"),
        ({"size": 1 << 40}, "a chunk ends beyond the recording"),
        ({"size": len(FIRST) - 5}, "an event ends beyond its chunk, or before it begins"),
        ({"major": 3}, "version 3 of the format is not known"),
        ({"metadata": 0}, "a chunk's metadata or constants lie beyond it"),
        ({"metadata": 1 << 40}, "a chunk's metadata or constants lie beyond it"),
        ({"metadata": 70}, "its metadata is not where the header says"),
        ({"checkpoint": -1}, "a chunk's metadata or constants lie beyond it"),
        ({"checkpoint": 1 << 40}, "a chunk's metadata or constants lie beyond it"),
        ({"checkpoint": 69}, "its constants are not where the header says"),
        ({"features": 0}, "its metadata is not where the header says"),
    ],
)
def test_a_header_that_leads_astray_is_refused(header: Mapping[str, int], message: str) -> None:
    assert message in refused(recording(*EVENTS, header=header))


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
def test_classes_within_classes_without_end_are_refused_where_they_are_needed(
    classes: Classes, type_: str
) -> None:
    name, values = sample(1)
    event = (name, [*values, Raw(b"\x01" * 9)])
    assert send(recording(sample(1), classes=classes)) == 200
    assert "has too much within it" in refused(recording(event, classes=sample_with(type_, classes)))
    pool = {type_: {1: Raw(b"\x01")}, **POOLS}
    assert "has too much within it" in refused(recording(sample(1), classes=classes, pools=pool))


def test_a_class_that_is_not_there_is_refused_where_it_is_needed() -> None:
    classes = sample_with("4711", CLASSES)
    name, values = sample(1)
    assert send(recording(classes=classes)) == 200
    assert "is of a class that the metadata does not have" in refused(
        recording((name, [*values, Raw(b"\x01")]), classes=classes)
    )


def test_constants_that_lead_in_a_circle_lead_nowhere() -> None:
    circle = {1: Raw(b"\x02\x02"), 2: Raw(b"\x02\x01")}
    symbols = {**POOLS[SYMBOL], 1: [Raw(b"\x02\x01")]}
    assert send(recording(sample(1), pools={**POOLS, SYMBOL: symbols, STRING: circle})) == 200


@pytest.mark.parametrize(
    ("pool", "message"),
    [
        ({STACK_TRACE: {1: [0, Raw(varint(65_537))]}}, "a stack trace has more than 65536 frames"),
        ({STACK_TRACE: {1: [0, Raw(varint(60_000))]}}, "a list ends beyond the event that it is in"),
        ({STACK_TRACE: {1: [0, Raw(varint(1 << 63))]}}, "a stack trace has more than 65536 frames"),
        ({SYMBOL: {1: [Raw(b"\x03" + varint(1 << 31))]}}, "a value ends beyond the event that it is in"),
        ({SYMBOL: {1: [Raw(b"\x04" + varint(1 << 62))]}}, "a list ends beyond the event that it is in"),
        ({SYMBOL: {1: [Raw(b"\x06x")]}}, "no string has the encoding 6"),
        ({STACK_TRACE: {1: Raw(b"\x80" * 9)}}, "ends beyond the event that it is in"),
    ],
)
def test_lengths_beyond_what_there_is_are_refused(
    pool: Mapping[str, Mapping[int, Sequence[Any]]], message: str
) -> None:
    assert message in refused(recording(sample(1), pools={**POOLS, **pool}))
    assert send(recording(sample(1), pools={**POOLS, **pool}, compressed=False)) == 422


@dataclass(frozen=True, slots=True, kw_only=True)
class Bomb(Chunk):
    """A chunk with more in it than is worth writing out: whole events behind the metadata, and a pool's contents."""

    more: bytes = b""
    pool: tuple[str, int, bytes] | None = None

    def event(self, type_: int, content: bytes) -> bytes:
        if type_ == 1 and self.pool is not None:
            name, count, constants = self.pool
            head = self.integer(7, 8) + self.integer(0, 8) * 2 + b"\x01"
            at = len(head) + len(self.integer(len(self.pools)))
            pool = self.integer(self.id(name), 8) + self.integer(count) + constants
            content = head + self.integer(len(self.pools) + 1) + content[at:] + pool
        # What `super()` stands for in a class with slots is not this class.
        return Chunk.event(self, type_, content) + (self.more if type_ == 0 else b"")


def with_pool(
    name: str,
    count: int,
    constants: bytes,
    *events: Any,
    classes: Classes = CLASSES,
    pools: Mapping[str, Mapping[int, Sequence[Any]]] = POOLS,
) -> bytes:
    """A recording with one more pool, whose constants are written already."""
    return Bomb(events=events, classes=classes, pools=pools, pool=(name, count, constants)).written()


def with_events(events: bytes) -> bytes:
    return Bomb(more=events).written()


def event(name: str, values: Sequence[Any]) -> bytes:
    chunk = Chunk()
    return chunk.event(chunk.id(name), chunk.instance(name, values))


def sample_in_span(span: int) -> bytes:
    """An execution sample in a span whose id takes three bytes, in less time than it takes to write out each field."""
    return bytes((13, Chunk().id(EXECUTION_SAMPLE), 1, 1, 1)) + varint(span) + bytes(5)


def frames(count: int) -> bytes:
    return b"".join((varint(2), varint(20), b"\0")) * count


def deep_stacks(stacks: int, depth: int) -> bytes:
    """So many stack traces of such a depth, each of which a sample names."""
    constants = b"".join(varint(n + 9) + b"\0" + varint(depth) + frames(depth) for n in range(stacks))
    return with_pool(STACK_TRACE, stacks, constants, *(sample(n + 9) for n in range(stacks)))


def distinct_frames(count: int) -> bytes:
    constants = b"".join(
        varint(n + 9)
        + b"\0"
        + varint(50_000)
        + b"".join(b"\2" + varint(n * 50_000 + i) + b"\0" for i in range(50_000))
        for n in range(count // 50_000)
    )
    return with_pool(
        STACK_TRACE, count // 50_000, constants, *(sample(n + 9) for n in range(count // 50_000))
    )


def one_long_text(constant: str, count: int) -> Mapping[str, Mapping[int, Sequence[Any]]]:
    """Pools in which so many constants stand for the same string, of two bytes a character once it is read."""
    text = Raw(b"\x04" + varint(1_000_000) + b"x" * 1_000_000)
    return {**POOLS, STRING: {1: text}, constant: {n: Raw(b"\x02\x01") for n in range(1, count + 1)}}


def methods(count: int) -> Mapping[str, Mapping[int, Sequence[Any]]]:
    """Pools of so many methods, each called by a symbol of its own, and a stack of them all."""
    return {
        METHOD: {n: [1, n, 0] for n in range(1, count + 1)},
        STACK_TRACE: {1: [0, [(n, 1, 0) for n in range(1, count + 1)]]},
    }


def classes_of_one(count: int) -> bytes:
    """So many classes of constants, each a list of the same large class."""
    large = {"Large": tuple(Typed(f"f{n}", "int") for n in range(1_900))}
    lists = {f"L{n}": (Typed("all", "Large", array=True),) for n in range(count)}
    pools = {**POOLS, **{name: {1: [[]]} for name in lists}}
    return recording(sample(1), classes={**CLASSES, **large, **lists}, pools=pools)


def with_wide_events(size: int) -> bytes:
    """Events of a thousand numbers of two bytes each."""
    fields = tuple(Typed(f"f{n}", "long") for n in range(1_000))
    chunk = Chunk(classes=changed(jdk__ThreadPark=(*fields, *CLASSES["jdk.ThreadPark"])))
    park = chunk.event(chunk.id("jdk.ThreadPark"), b"\xff\x7f" * 1_000 + b"\1\1\1")
    return Bomb(classes=chunk.classes, more=park * (size // len(park))).written()


FRAMES_OF_NOTHING = changed(jdk__types__StackFrame=())
WIDE_FRAMES = changed(jdk__types__StackFrame=tuple(Typed(f"f{n}", "long") for n in range(250)))
LISTS = changed(Odd=(Typed("texts", STRING, array=True), Typed("numbers", "long", array=True)))
LONG_NAMES = {
    **POOLS,
    SYMBOL: {1: ["x" * 30_000], **{n: [f"{n}" + "y" * 30_000] for n in range(2, 700)}},
    METHOD: {n: [1, n, 0] for n in range(2, 700)},
    STACK_TRACE: {1: [0, [(n, 1, 0) for n in range(2, 700)]]},
}
SHARED_LABELS = LabelsSnapshot(
    contexts={n: Context(labels={k: k + n % 2 for k in range(1, 1_001)}) for n in range(1, 200)},
    strings={n: f"s{n}" for n in range(1, 1_003)},
)

BOMBS: Mapping[str, tuple[Callable[[], bytes], str]] = {
    "constants": (
        lambda: with_pool(STACK_TRACE, 1_100_000, b"\x01\0\0" * 1_100_000, sample(1)),
        "more than 1048576 constants",
    ),
    "constants of no bytes": (
        lambda: with_pool(STACK_TRACE, 1_000_000, b"", sample(1)),
        "ends beyond the event that it is in",
    ),
    "frames": (lambda: deep_stacks(70, 65_000), "more than 4194304 frames"),
    "distinct frames": (lambda: distinct_frames(400_000), "more than 262144 distinct frames"),
    "distinct samples": (
        lambda: with_events(b"".join(sample_in_span(n) for n in range(1 << 18, 530_000))),
        "more than 262144 distinct samples",
    ),
    "samples of a deep stack": (
        lambda: with_pool(
            STACK_TRACE,
            1,
            varint(9) + b"\0" + varint(60_000) + frames(60_000),
            *(sample(9, spanId=n + 1) for n in range(100)),
        ),
        "more than 4000000 frames and labels",
    ),
    "frames of nothing": (
        lambda: with_pool(
            STACK_TRACE, 200, (b"\x63\0" + varint(65_000)) * 200, classes=FRAMES_OF_NOTHING, pools={}
        ),
        "more than 4194304 values",
    ),
    "wide frames": (
        lambda: with_pool(
            STACK_TRACE,
            1,
            b"\x63\0" + varint(60_000) + b"\xff\x7f" * 250 * 60_000,
            classes=WIDE_FRAMES,
            pools={},
        ),
        "the frames of a stack trace have more than 1048576 numbers",
    ),
    "classes of one large class": (lambda: classes_of_one(2_000), "more than 524288 fields"),
    "methods of one long name": (
        lambda: recording(sample(1), pools={**one_long_text(SYMBOL, 400), **methods(400)}),
        "more than 33554432 bytes of names",
    ),
    "states of one long name": (
        lambda: recording(
            *(sample(1, n) for n in range(1, 400)), pools=one_long_text("jdk.types.ThreadState", 400)
        ),
        "more than 33554432 bytes of names",
    ),
    "settings of one long name": (
        lambda: (
            recording(
                *((SETTING, [1, 1, Raw(b"\x02\x01"), Raw(b"\x01")]) for _ in range(3)),
                *(
                    (SETTING, [1, 1, Raw(b"\x02" + b"\x81" + b"\x80" * n + b"\0"), Raw(b"\x01")])
                    for n in range(7)
                ),
                pools=one_long_text("jdk.types.ThreadState", 1),
            )
            * 5
        ),
        "more than 33554432 bytes of names",
    ),
    "names": (lambda: recording(sample(1), pools=LONG_NAMES), "more than 16777216 characters"),
    "strings in a list": (
        lambda: with_pool("Odd", 1, b"\x01" + varint(5 * MIB) + b"\x01" * (5 * MIB) + b"\0", classes=LISTS),
        "more than 4194304 values",
    ),
    "chunks": (lambda: Chunk(pools={}, classes={}).written() * 1_001, "more than 1000 chunks"),
    "metadata": (
        lambda: recording(classes={f"{n}{'x' * 60_000}": () for n in range(40)}, pools={}),
        "its metadata is longer than 2097152 bytes",
    ),
    "differing metadata": (
        lambda: b"".join(recording(classes={f"{n}{'x' * 500_000}": ()}, pools={}) for n in range(9)),
        "more than 4194304 bytes of metadata",
    ),
    "a long name": (
        lambda: recording(sample(1), pools={**POOLS, SYMBOL: {1: ["x" * (MIB + 1)]}}),
        "a name is longer than 1048576 bytes",
    ),
}


@pytest.mark.parametrize(("written", "message"), BOMBS.values(), ids=BOMBS)
def test_little_bytes_that_mean_much_cost_little(written: Callable[[], bytes], message: str) -> None:
    data = written()
    before, started = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.process_time()
    assert message in refused(data)
    assert time.process_time() - started < 20
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 400 << 10


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        (b"\x0a\x00" * (1 << 20), "the labels have more than 524288 fields"),
        (SHARED_LABELS.SerializeToString(), "more than"),
        (
            LabelsSnapshot(
                contexts={5: Context(labels=dict.fromkeys(range(1_001), 1))}, strings={1: "a"}
            ).SerializeToString(),
            "a context has more than 1000 labels",
        ),
        (b"\x12\x07\x08\x01\x12\x03\xff\xfea", "the labels are no LabelsSnapshot"),
    ],
)
def test_labels_that_mean_much_are_refused(labels: bytes, message: str) -> None:
    events = [sample(1, contextId=context, spanId=n) for n in range(30) for context in range(1, 200)]
    started = time.process_time()
    assert message in refused(recording(*events), labels)
    assert time.process_time() - started < 20


def test_a_long_list_of_labels_is_not_kept_for_each_of_many_samples() -> None:
    labels = LabelsSnapshot(
        contexts={0: Context(labels={n: n for n in range(1, 1_001)})},
        strings={n: f"s{n}" for n in range(1, 1_001)},
    )
    data = with_events(b"".join(sample_in_span(n) for n in range(1 << 14, 1 << 16)))
    before, started = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.process_time()
    assert "more than 4000000 frames and labels" in refused(data, labels.SerializeToString())
    assert time.process_time() - started < 20
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 200 << 10


TAKEN: Mapping[str, Callable[[], bytes]] = {
    "events of two bytes": lambda: with_events(b"\x02\x63" * (2 * MIB)),
    "one long event": lambda: with_events(Chunk().event(Chunk().id(EXECUTION_SAMPLE), b"\x01" * (8 * MIB))),
    "numbers in a list": lambda: with_pool(
        "Odd", 1, b"\x01\0" + varint(8 * MIB) + b"\x07" * (8 * MIB), classes=LISTS
    ),
    "characters": lambda: with_pool(SYMBOL, 1, b"\x63\x04" + varint(8 * MIB) + b"\x07" * (8 * MIB)),
    "settings": lambda: with_events(b"".join(event(SETTING, [1, 1, f"{n}", "x"]) for n in range(50_000))),
    "deep stacks": lambda: deep_stacks(30, 65_000),
    "stack traces": lambda: with_pool(STACK_TRACE, 1_000_000, b"\x63\0\0" * 1_000_000, sample(1)),
    "wide events": lambda: with_wide_events(10 * MIB),
    "a class": lambda: recording(sample(1), pools={**POOLS, CLASS: {n: [1, 0] for n in range(1, 50_000)}}),
}


@pytest.mark.parametrize("written", TAKEN.values(), ids=TAKEN)
def test_much_that_means_little_costs_little(written: Callable[[], bytes]) -> None:
    data = written()
    before, started = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.process_time()
    assert send(data) == 200
    assert time.process_time() - started < 20
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 400 << 10
