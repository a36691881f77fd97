"""Recordings crafted to cost much time or memory cost little, whether they are stored or rejected."""

import tracemalloc
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pytest

from flamehouse.pb.jfr_pb2 import Context, LabelsSnapshot
from ingest.formats.jfr.chunks import read_chunks
from ingest.formats.jfr.limits import Budgets
from ingest.formats.jfr.metadata import Metadata
from tests.support.costs import costing_at_most
from tests.support.uploads.jfr_recordings import (
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
    text,
    varint,
)
from tests.support.uploads.jfr_uploads import rejected, send

MIB = 1 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Bomb(Chunk):
    """A chunk with encoded parts, too many to write field by field: extra events, and a pool's contents."""

    more: bytes = b""
    pool: tuple[str, int, bytes] | None = None
    metadata: bytes = b""
    """Replaces the metadata of its classes."""

    def event(self, type_: int, content: bytes) -> bytes:
        if type_ == 1 and self.pool is not None:
            name, count, constants = self.pool
            head = self.integer(7, 8) + self.integer(0, 8) * 2 + b"\x01"
            at = len(head) + len(self.integer(len(self.pools)))
            pool = self.integer(self.id(name), 8) + self.integer(count) + constants
            content = head + self.integer(len(self.pools) + 1) + content[at:] + pool
        if type_ == 0 and self.metadata:
            content = bytes((7, 0, 1)) + self.metadata
        # In a class with slots, `super()` does not refer to this class.
        return Chunk.event(self, type_, content) + (self.more if type_ == 0 else b"")


def with_pool(
    name: str,
    count: int,
    constants: bytes,
    *events: Any,
    classes: Classes = CLASSES,
    pools: Mapping[str, Mapping[int, Sequence[Any]]] = POOLS,
) -> bytes:
    """Returns a recording with one more pool, whose constants are already encoded."""
    return Bomb(events=events, classes=classes, pools=pools, pool=(name, count, constants)).written()


def with_events(events: bytes) -> bytes:
    return Bomb(more=events).written()


def event(name: str, values: Sequence[Any]) -> bytes:
    chunk = Chunk()
    return chunk.event(chunk.id(name), chunk.instance(name, values))


def sample_in_span(span: int) -> bytes:
    """Returns an encoded execution sample in a span with a three-byte id; faster than writing each field."""
    return bytes((13, Chunk().id(EXECUTION_SAMPLE), 1, 1, 1)) + varint(span) + bytes(5)


def frames(count: int) -> bytes:
    return b"".join((varint(2), varint(20), b"\0")) * count


def deep_stacks(stacks: int, depth: int) -> bytes:
    """Returns this many stack traces of this depth, each of one sample."""
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


def one_long_text(
    constant: str, count: int, content: bytes = b"x" * 1_000_000
) -> Mapping[str, Mapping[int, Sequence[Any]]]:
    """Returns pools in which many constants refer to the same string, of two bytes a character in memory."""
    chars = Raw(b"\x04" + varint(len(content)) + content)
    return {**POOLS, STRING: {1: chars}, constant: {n: Raw(b"\x02\x01") for n in range(1, count + 1)}}


def methods(count: int) -> Mapping[str, Mapping[int, Sequence[Any]]]:
    """Returns pools of many methods, each with its own symbol, and a stack of all of them."""
    return {
        METHOD: {n: [1, n, 0] for n in range(1, count + 1)},
        STACK_TRACE: {1: [0, [(n, 1, 0) for n in range(1, count + 1)]]},
    }


def classes_of_one(count: int) -> bytes:
    """Returns many classes of constants, each a list of the same large class."""
    large = {"Large": tuple(Typed(f"f{n}", "int") for n in range(1_900))}
    lists = {f"L{n}": (Typed("all", "Large", array=True),) for n in range(count)}
    pools = {**POOLS, **{name: {1: [[]]} for name in lists}}
    return recording(sample(1), classes={**CLASSES, **large, **lists}, pools=pools)


def with_wide_events(size: int) -> bytes:
    """Returns events of a thousand numbers of two bytes each."""
    fields = tuple(Typed(f"f{n}", "long") for n in range(1_000))
    chunk = Chunk(classes=changed(jdk__ThreadPark=(*fields, *CLASSES["jdk.ThreadPark"])))
    park = chunk.event(chunk.id("jdk.ThreadPark"), b"\xff\x7f" * 1_000 + b"\1\1\1")
    return Bomb(classes=chunk.classes, more=park * (size // len(park))).written()


def with_sample_classes(count: int) -> bytes:
    """Returns a chunk whose metadata has many classes of one name, and an event of each."""
    names = ("root", "metadata", "class", "id", "name", EXECUTION_SAMPLE)
    numbers = [0, 0, 1, 1, 0, count]
    for n in range(count):
        numbers += [2, 2, 3, len(names) + n, 4, 5, 0]
    texts = [*names, *(str(1_000 + n) for n in range(count))]
    metadata = varint(len(texts)) + b"".join(map(text, texts)) + b"".join(map(varint, numbers))
    events = b"".join(Chunk().event(1_000 + n, b"") for n in range(count))
    return Bomb(metadata=metadata, more=events, pools={}).written()


def metadata_of(number: int, fields: int) -> bytes:
    """Returns a recording whose metadata has one class of this many fields, distinct for each number."""
    names = ("root", "metadata", "class", "id", "300", "name", f"Class{number}", "field")
    numbers = (0, 0, 1, 1, 0, 1, 2, 2, 3, 4, 5, 6, fields, *(7, 2, 5, 7, 2, 4, 0) * fields)
    metadata = varint(len(names)) + b"".join(map(text, names)) + bytes(numbers[:12]) + varint(fields)
    return Bomb(metadata=metadata + bytes(numbers[13:]), pools={}).written()


FIELDS_WITHIN_A_LONG_NAME = changed(
    Inner=tuple(Typed("f", "int") for _ in range(700)),
    jdk__ThreadPark=(*CLASSES["jdk.ThreadPark"], Typed("x" * 900_000, "Inner")),
)
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
    "zero-length constants": (
        lambda: with_pool(STACK_TRACE, 1_000_000, b"", sample(1)),
        "extends beyond its event",
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
    "zero-length frames": (
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
    "classes with one large class": (lambda: classes_of_one(2_000), "more than 524288 fields"),
    "methods with one long name": (
        lambda: recording(sample(1), pools={**one_long_text(SYMBOL, 400), **methods(400)}),
        "more than 33554432 bytes of names",
    ),
    "thread states with one long name": (
        lambda: recording(
            *(sample(1, n) for n in range(1, 400)), pools=one_long_text("jdk.types.ThreadState", 400)
        ),
        "more than 33554432 bytes of names",
    ),
    "settings with one long name": (
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
    "classes of samples": (
        lambda: with_sample_classes(80_000) * 10,
        "more than 100 classes of sample and setting events in a chunk",
    ),
    "checkpoints": (
        lambda: with_events(Chunk().event(1, b"\0\0\0\1\0") * 2_000_000),
        "more than 524288 checkpoints and constant pools",
    ),
    "empty constant pools": (
        lambda: with_events(Chunk().event(1, b"\0\0\0\1" + varint(8_000_000) + b"\x20\0" * 8_000_000)),
        "more than 524288 checkpoints and constant pools",
    ),
    "a long name": (
        lambda: recording(sample(1), pools={**POOLS, SYMBOL: {1: ["x" * (MIB + 1)]}}),
        "a name is longer than 1048576 bytes",
    ),
}


@pytest.mark.parametrize(("written", "message"), BOMBS.values(), ids=BOMBS)
def test_small_inputs_that_expand_cost_little(written: Callable[[], bytes], message: str) -> None:
    data = written()
    with costing_at_most(seconds=20, mib=400):
        assert message in rejected(data)


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
        (b"\x12\x07\x08\x01\x12\x03\xff\xfea", "the labels are not a LabelsSnapshot"),
    ],
)
def test_labels_that_expand_beyond_the_limit_are_rejected(labels: bytes, message: str) -> None:
    events = [sample(1, contextId=context, spanId=n) for n in range(30) for context in range(1, 200)]
    data = recording(*events)
    with costing_at_most(seconds=20, mib=400):
        assert message in rejected(data, labels)


def test_samples_share_one_copy_of_a_long_label_list() -> None:
    labels = LabelsSnapshot(
        contexts={0: Context(labels={n: n for n in range(1, 1_001)})},
        strings={n: f"s{n}" for n in range(1, 1_001)},
    )
    data = with_events(b"".join(sample_in_span(n) for n in range(1 << 14, 1 << 16)))
    with costing_at_most(seconds=20, mib=200):
        assert "more than 4000000 frames and labels" in rejected(data, labels.SerializeToString())


TAKEN: Mapping[str, Callable[[], bytes]] = {
    "methods with one name": lambda: recording(
        sample(1), pools={**one_long_text(SYMBOL, 20_000, b"a$$Lambda1/" * 145), **methods(20_000)}
    ),
    "two-byte events": lambda: with_events(b"\x02\x63" * (2 * MIB)),
    "one long event": lambda: with_events(Chunk().event(Chunk().id(EXECUTION_SAMPLE), b"\x01" * (8 * MIB))),
    "numbers in a list": lambda: with_pool(
        "Odd", 1, b"\x01\0" + varint(8 * MIB) + b"\x07" * (8 * MIB), classes=LISTS
    ),
    "characters": lambda: with_pool(SYMBOL, 1, b"\x63\x04" + varint(8 * MIB) + b"\x07" * (8 * MIB)),
    "settings": lambda: with_events(b"".join(event(SETTING, [1, 1, f"{n}", "x"]) for n in range(50_000))),
    "deep stacks": lambda: deep_stacks(30, 65_000),
    "stack traces": lambda: with_pool(STACK_TRACE, 1_000_000, b"\x63\0\0" * 1_000_000, sample(1)),
    "many fields within a long name": lambda: recording(
        ("jdk.ThreadPark", [1, 1, 1, Raw(b"\x01" * 700)]), classes=FIELDS_WITHIN_A_LONG_NAME
    ),
    "wide events": lambda: with_wide_events(10 * MIB),
    "a class": lambda: recording(sample(1), pools={**POOLS, CLASS: {n: [1, 0] for n in range(1, 50_000)}}),
}


@pytest.mark.parametrize("written", TAKEN.values(), ids=TAKEN)
def test_large_valid_inputs_cost_little(written: Callable[[], bytes]) -> None:
    data = written()
    with costing_at_most(seconds=20, mib=400):
        assert send(data) == 200


def test_cached_metadata_is_limited_in_bytes() -> None:
    recordings = [metadata_of(number, 34_000) for number in range(16)]
    tracemalloc.start()
    statuses = {send(data) for data in recordings}
    cached_bytes = tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()
    assert statuses == {200}
    assert cached_bytes < 25 * MIB


def test_cached_metadata_is_reused_for_the_next_recording() -> None:
    def classes(data: bytes) -> object:
        budgets = Budgets()
        (chunk,) = read_chunks(data, budgets)
        return Metadata(budgets).classes(chunk)

    first = classes(metadata_of(1, 10))
    assert classes(metadata_of(1, 10)) is first
    assert classes(metadata_of(2, 10)) is not first
    for number in range(10, 16):
        classes(metadata_of(number, 34_000))
    assert classes(metadata_of(1, 10)) is not first
