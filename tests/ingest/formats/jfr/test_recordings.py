"""A recording is read by its own metadata: any fields, encodings and type ids, and any number of chunks."""

from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from flamehouse.pb.profile_pb2 import Profile
from ingest.formats.jfr import parse
from ingest.request.query import parse_ingest_request
from tests.support.uploads.jfr_recordings import (
    CLASS,
    CLASSES,
    EXECUTION_SAMPLE,
    METHOD,
    POOLS,
    STACK_TRACE,
    STRING,
    SYMBOL,
    THREAD_STATE,
    Chunk,
    Classes,
    Fields,
    Raw,
    Typed,
    changed,
    recording,
    sample,
    setting,
    text,
    varint,
)

WORK, REST = "Shop.main:10;Shop.work:20", "Shop.main:10;Shop.rest:30"
PERIOD = 10_000_000
NO_IDS = (0, 0, 0, 0, 0)


def stacks(data: bytes) -> dict[str, dict[str, tuple[int, ...]]]:
    """Returns the values of each profile by metric and sample types, and by stack, root first with lines."""
    profiles = parse(parse_ingest_request("name=a&format=jfr", 0), {"profile": data}).profiles
    return {
        f"{each.labels['__name__']} {' '.join(types_of(each.pprof))}": by_stack(each.pprof)
        for each in profiles
    }


def types_of(pprof: Profile) -> list[str]:
    return [pprof.string_table[each.type] for each in pprof.sample_type]


def by_stack(pprof: Profile) -> dict[str, tuple[int, ...]]:
    names = {function.id: pprof.string_table[function.name] for function in pprof.function}
    frames = {each.id: f"{names[each.line[0].function_id]}:{each.line[0].line}" for each in pprof.location}
    found = {}
    for each in pprof.sample:
        stack = ";".join(frames[id_] for id_ in reversed(each.location_id))
        assert stack not in found
        found[stack] = tuple(each.value)
    return found


def cpu(data: bytes) -> dict[str, int]:
    """Returns the number of CPU samples of each stack."""
    found = stacks(data).get("process_cpu cpu", {})
    return {stack: value // PERIOD for stack, (value,) in found.items()}


def pools(**changed_pools: Mapping[int, Sequence[Any]]) -> Mapping[str, Mapping[int, Sequence[Any]]]:
    """Returns the constants with these pools replaced; their names have `__` for a dot."""
    return {**POOLS, **{name.replace("__", "."): pool for name, pool in changed_pools.items()}}


TWO_STACKS = [sample(1), sample(2), sample(1)]


@pytest.mark.parametrize("compressed", [True, False])
@pytest.mark.parametrize("apart", [True, False])
@pytest.mark.parametrize("first_id", [20, 126, 1 << 14])
def test_integers_checkpoints_and_ids_are_read_as_recorded(
    compressed: bool, apart: bool, first_id: int
) -> None:
    data = recording(*TWO_STACKS, compressed=compressed, apart=apart, first_id=first_id)
    assert cpu(data) == {WORK: 2, REST: 1}


@pytest.mark.parametrize("count", [1, 10, 5_000])
def test_any_number_of_samples_is_counted(count: int) -> None:
    assert cpu(recording(*[sample(1), sample(2)] * count)) == {WORK: count, REST: count}


@pytest.mark.parametrize("id_", [40, 127, 128, (1 << 56) - 1, 1 << 56, (1 << 63) - 1, 1 << 63, (1 << 64) - 1])
def test_numbers_may_have_64_bits(id_: int) -> None:
    numbered = pools(
        jdk__types__StackTrace={id_: [0, [(id_, 20, 0), (id_ ^ 6, 10, 0)]], 2: POOLS[STACK_TRACE][2]},
        jdk__types__Method={id_ ^ 6: [id_, 2, 0], id_: [id_, id_ ^ 12, 0], 3: [id_, 4, 0], 1: [id_, 2, 0]},
        java__lang__Class={id_: [id_ ^ 24, 0]},
        jdk__types__Symbol={id_ ^ 24: ["Shop"], 2: ["main"], id_ ^ 12: ["work"], 4: ["rest"]},
    )
    data = recording(sample(id_, spanId=id_), sample(id_, spanId=id_), sample(2, spanId=id_), pools=numbered)
    assert cpu(data) == {WORK: 2, REST: 1}


LONE: Fields = (Typed("value", "long"),)
EXTRA: Sequence[tuple[Typed, Any]] = (
    (Typed("text", STRING), "dd-trace"),
    (Typed("number", "double"), 0.5),
    (Typed("octet", "byte"), -1),
    (Typed("flag", "boolean"), 1),
    (Typed("small", "short"), 300),
    (Typed("sign", "char"), 65),
    (Typed("texts", STRING, array=True), ["a", "", None]),
    (Typed("numbers", "long", array=True), [1, 1 << 63, 300]),
    (Typed("octets", "byte", array=True), [1, 2, 3]),
    (Typed("constants", SYMBOL, constant=True, array=True), [1, 2]),
    (Typed("inner", "Inner"), ["x", (7,), [(1,), (2,)]]),
    (Typed("unknown", "4711", constant=True), 5),
)
INNER: Fields = (Typed("name", STRING), Typed("one", "Lone"), Typed("many", "Lone", array=True))


@pytest.mark.parametrize(("typed", "value"), EXTRA, ids=[typed.name for typed, _ in EXTRA])
@pytest.mark.parametrize("compressed", [True, False])
def test_unused_fields_may_be_anywhere(typed: Typed, value: Any, compressed: bool) -> None:
    """Extra fields in events, stack traces, frames, methods, classes and symbols, before and after the needed ones."""
    widened: dict[str, Fields] = {"Lone": LONE, "Inner": INNER}
    for name in (EXECUTION_SAMPLE, STACK_TRACE, "jdk.types.StackFrame", METHOD, CLASS):
        widened[name] = (typed, *CLASSES[name], typed._replace(name="last"))
    around = {
        name: {number: [value, *values, value] for number, values in pool.items()}
        for name, pool in POOLS.items()
        if name in widened
    }
    around[STACK_TRACE] = {
        number: [value, cut, [(value, *frame, value) for frame in frames], value]
        for number, (cut, frames) in POOLS[STACK_TRACE].items()
    }
    events = [(name, [value, *values, value]) for name, values in TWO_STACKS]
    data = recording(
        *events, classes={**CLASSES, **widened}, pools={**POOLS, **around}, compressed=compressed
    )
    assert cpu(data) == {WORK: 2, REST: 1}


@pytest.mark.parametrize("typed", [typed for typed, _ in EXTRA], ids=[typed.name for typed, _ in EXTRA])
def test_unused_constant_pools_are_skipped(typed: Typed) -> None:
    value = next(value for each, value in EXTRA if each is typed)
    classes = {"Lone": LONE, "Inner": INNER, "Odd": (typed, typed._replace(name="last")), **CLASSES}
    odd = {number: [value, value] for number in (1, 2, 1 << 60)}
    assert cpu(recording(*TWO_STACKS, classes=classes, pools={"Odd": odd, **POOLS})) == {WORK: 2, REST: 1}


def test_a_constant_pool_without_fields_is_skipped() -> None:
    data = recording(*TWO_STACKS, classes={**CLASSES, "Empty": ()}, pools={"Empty": {1: [], 2: []}, **POOLS})
    assert cpu(data) == {WORK: 2, REST: 1}


@pytest.mark.parametrize(
    ("encoded", "expected"),
    [
        (b"\x00", ""),
        (b"\x01", ""),
        (b"\x02\x07", "a constant"),
        (b"\x02\x08", ""),
        (b"\x03\x04work", "work"),
        (b"\x03\x00", ""),
        (b"\x03\x05g\xc3\xb6\xc3\xa4", "göä"),
        (b"\x03\x06\xed\xa0\xbd\xed\xb8\x80", "😀"),
        (b"\x04\x02w\xf6\x01", "wö"),
        (b"\x04\x02" + varint(0xD83D) + varint(0xDE00), "😀"),
        (b"\x05\x02\xf6k", "ök"),
        (b"\x05\x00", ""),
    ],
)
def test_strings_are_read_in_every_encoding(encoded: bytes, expected: str) -> None:
    symbols = {**POOLS[SYMBOL], 3: [Raw(encoded)]}
    strings = {7: Raw(text("a constant"))}
    data = recording(sample(1), pools={**POOLS, SYMBOL: symbols, STRING: strings})
    assert cpu(data) == {f"Shop.main:10;Shop.{expected}:20": 1}


@pytest.mark.parametrize(
    "encoded", [b"\x03\x02\xff\xfe", b"\x03\x03\xed\xa0\xbd", b"\x04\x01" + varint(0xD83D)]
)
def test_a_name_other_than_a_string_is_rejected(encoded: bytes) -> None:
    symbols = {**POOLS[SYMBOL], 3: [Raw(encoded)]}
    with pytest.raises(Exception, match="a string"):
        cpu(recording(sample(1), pools=pools(jdk__types__Symbol=symbols)))
    assert cpu(recording(sample(2), pools=pools(jdk__types__Symbol=symbols))) == {REST: 1}


def test_chunks_add_up_even_if_their_constant_ids_differ() -> None:
    shifted: Mapping[str, Mapping[int, Sequence[Any]]] = {
        SYMBOL: {11: ["Shop"], 1: ["work"], 2: ["rest"], 3: ["main"]},
        CLASS: {9: [11, 0]},
        METHOD: {3: [9, 3, 0], 1: [9, 1, 0], 2: [9, 2, 0]},
        STACK_TRACE: {2: [0, [(1, 20, 0), (3, 10, 0)]], 1: [0, [(2, 30, 0), (3, 10, 0)]]},
        THREAD_STATE: {1: ["STATE_SLEEPING"], 2: ["STATE_RUNNABLE"]},
    }
    first = Chunk(events=[setting("event", "wall"), sample(1, 1), sample(2, 2)])
    second = Chunk(
        events=[sample(2, 2), sample(2, 2), sample(1, 1)], pools=shifted, first_id=200, compressed=False
    )
    third = Chunk(events=[("jdk.ObjectAllocationSample", [1, 1, 9])])
    data = b"".join(chunk.written() for chunk in (first, second, third))
    assert stacks(data) == {
        "process_cpu cpu": {WORK: (3 * PERIOD,)},
        "wall wall": {WORK: (3 * PERIOD,), REST: (2 * PERIOD,)},
        "memory alloc_sample_objects alloc_sample_bytes": {WORK: (1, 9)},
    }


def test_a_chunk_without_constants_or_events_is_skipped() -> None:
    data = Chunk(pools={}, header={"checkpoint": 0}).written() + recording(*TWO_STACKS)
    assert cpu(data) == {WORK: 2, REST: 1}


def test_the_sample_type_may_follow_the_samples() -> None:
    assert stacks(recording(sample(1, 2), setting("interval", "x"), setting("event", "wall"))) == {
        "wall wall": {WORK: (PERIOD,)}
    }


def test_settings_may_be_constants() -> None:
    constants = {1: Raw(text("event")), 2: Raw(text("wall"))}
    named = ("jdk.ActiveSetting", [1, 1, Raw(b"\x02\x01"), Raw(b"\x02\x02")])
    data = recording(named, sample(1, 2), pools={**POOLS, STRING: constants})
    assert "wall wall" in stacks(data)


UNKNOWN_EVENTS: Sequence[tuple[int, Sequence[bytes]]] = [
    (0, [b"\x01\x01\x01\xff\xff"]),
    (0, []),
    (9_999, [b"anything"]),
    (3, [b"\xff" * 40]),
    (20, [b"\x80" * 200]),
]


@pytest.mark.parametrize("event", UNKNOWN_EVENTS)
def test_irrelevant_events_are_skipped(event: tuple[int, Sequence[bytes]]) -> None:
    assert cpu(recording(event, TWO_STACKS[0], event, *TWO_STACKS[1:], event)) == {WORK: 2, REST: 1}


def test_an_event_may_be_longer_than_its_class_says() -> None:
    name, values = sample(1)
    longer = (Chunk().id(name), [Chunk().instance(name, values), b"\x85\x01more"])
    assert cpu(recording(longer, sample(2), longer)) == {WORK: 2, REST: 1}


@pytest.mark.parametrize(
    ("classes", "expected"),
    [
        (changed(jdk__ExecutionSample=(Typed("stackTrace", STACK_TRACE, constant=True),)), {WORK: 1}),
        (changed(jdk__ExecutionSample=(Typed("state", THREAD_STATE, constant=True),)), {}),
        (changed(jdk__ExecutionSample=(Typed("stackTrace", "long"),)), {WORK: 1}),
        ({name: fields for name, fields in CLASSES.items() if name != EXECUTION_SAMPLE}, {}),
    ],
)
def test_an_event_may_lack_fields(classes: Classes, expected: Mapping[str, int]) -> None:
    type_ = [*CLASSES].index(EXECUTION_SAMPLE) + 20
    places = {**dict.fromkeys(CLASSES, ()), **classes}
    assert cpu(recording((type_, [b"\x01"]), classes=places)) == expected


@pytest.mark.parametrize(
    ("without", "expected"),
    [
        ({STACK_TRACE: {}}, {}),
        ({METHOD: {}}, {"": 1}),
        ({METHOD: {1: [1, 2, 0]}}, {"Shop.main:10": 1}),
        ({CLASS: {}}, {"": 1}),
        ({SYMBOL: {2: ["main"], 3: ["work"]}}, {".main:10;.work:20": 1}),
        ({SYMBOL: {}}, {".:10;.:20": 1}),
        ({STACK_TRACE: {1: [0, []]}}, {"": 1}),
    ],
)
def test_constants_may_be_missing(
    without: Mapping[str, Mapping[int, Sequence[Any]]], expected: Mapping[str, int]
) -> None:
    assert cpu(recording(sample(1), pools={**POOLS, **without})) == expected


@pytest.mark.parametrize("lost", [("lineNumber", "Shop.main:0;Shop.work:0"), ("method", "")])
def test_frames_may_lack_fields(lost: tuple[str, str]) -> None:
    name, expected = lost
    fields = tuple(typed for typed in CLASSES["jdk.types.StackFrame"] if typed.name != name)
    frames = [(2, 0), (1, 0)] if name == "lineNumber" else [(20, 0), (10, 0)]
    for extra, values in ((), ()), ((Typed("text", STRING),), ("x",)):
        data = recording(
            sample(1),
            classes=changed(jdk__types__StackFrame=(*fields, *extra)),
            pools=pools(jdk__types__StackTrace={1: [0, [(*frame, *values) for frame in frames]]}),
        )
        assert cpu(data) == {expected: 1}


def test_names_may_be_inline() -> None:
    classes = changed(
        java__lang__Class=(Typed("name", STRING),),
        jdk__types__Method=(Typed("name", STRING), Typed("type", CLASS, constant=True)),
    )
    named = pools(
        java__lang__Class={1: ["Shop"]},
        jdk__types__Method={1: ["main", 1], 2: ["work", 1], 3: ["rest", 1]},
    )
    assert cpu(recording(*TWO_STACKS, classes=classes, pools=named)) == {WORK: 2, REST: 1}


@pytest.mark.parametrize(
    ("symbol", "expected"),
    [
        ("jdk/internal/reflect/GeneratedMethodAccessor31", "jdk/internal/reflect/GeneratedMethodAccessor_"),
        ("jdk/internal/reflect/GeneratedMethodAccessor31x", None),
        ("sun/reflect/GeneratedMethodAccessor31", None),
        ("org/OrderService$$Lambda$669.0x0000000800fd7318", "org/OrderService$$Lambda_"),
        ("org/OrderService$$Lambda$669/0x0000000800fd7318", "org/OrderService$$Lambda_"),
        ("org/OrderService$$Lambda$669/1234567", "org/OrderService$$Lambda_"),
        ("Fib$$Lambda.0x00007ffa600c4da0", "Fib$$Lambda_"),
        ("Fib$$Lambda12", "Fib$$Lambda_"),
        ("Fib$$Lambda$12", None),
        ("Fib$$Lambda", None),
        ("libzstd-jni-1.5.1-16931311898282279136.so", "libzstd-jni-_.so"),
        ("./tmp/libzstd-jni-1.5.1-16931311898282279136.so (deleted)", "libzstd-jni-_.so"),
        ("libzstd-jni-1.5-169.so", None),
        ("libamazonCorrettoCryptoProvider109b39cf33c563eb.so", "libamazonCorrettoCryptoProvider_.so"),
        (
            "./tmp/amazonCorrettoCryptoProviderNativeLibraries.7382c2f79097f415/libcrypto.so (deleted)",
            "libamazonCorrettoCryptoProvider_.so",
        ),
        ("libamazonCorrettoCryptoProvider109b.so", None),
        (
            "libasyncProfiler-linux-arm64-17b9a1d8156277a98ccc871afa9a8f69215f92.so",
            "libasyncProfiler-_.so",
        ),
        ("libasyncProfiler-linux-arm64-27b9a1d8156277a98ccc871afa9a8f69215f92.so", None),
        ("Shop$$EnhancerBySpringCGLIB$$f9a33d2d", "Shop$$EnhancerBySpringCGLIB$$_"),
        ("Shop$$EnhancerBySpringCGLIB$$", "Shop$$EnhancerBySpringCGLIB$$_"),
        ("Shop\n$$Lambda12", None),
        ("libc.so.6", None),
    ],
)
def test_names_generated_by_a_jvm_are_merged(symbol: str, expected: str | None) -> None:
    symbols = {**POOLS[SYMBOL], 1: [symbol]}
    (stack,) = cpu(recording(sample(1), pools=pools(jdk__types__Symbol=symbols)))
    assert stack == f"{expected or symbol}.main:10;{expected or symbol}.work:20"


def test_equivalent_frames_make_one_stack() -> None:
    symbols = {**POOLS[SYMBOL], 1: ["A$$Lambda12"], 9: ["A$$Lambda99"]}
    same = pools(
        jdk__types__Symbol=symbols,
        java__lang__Class={1: [1, 0], 9: [9, 0]},
        jdk__types__Method={1: [1, 2, 0], 9: [9, 2, 0]},
        jdk__types__StackTrace={1: [0, [(1, 10, 0)]], 2: [1, [(9, 10, 0)]]},
    )
    assert cpu(recording(sample(1), sample(2), pools=same)) == {"A$$Lambda_.main:10": 2}


def test_a_long_name_is_cut_to_its_end() -> None:
    symbols = {**POOLS[SYMBOL], 1: ["x" * 70_000]}
    (stack,) = cpu(recording(sample(1), pools=pools(jdk__types__Symbol=symbols)))
    assert len(stack.split(";")[0]) == 65_535 + len(":10")
