"""JFR recordings written from scratch: a test describes a chunk, valid or not, and gets the bytes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from struct import pack
from typing import Any, NamedTuple

MAGIC = b"FLR\x00"
HEADER_BYTES = 68
START_TICKS = 7
NOTHING: Mapping[str, str] = {}
_SIZES = {"char": 2, "short": 2, "int": 4, "long": 8}
_PACKED = {"boolean": ">B", "byte": ">b", "float": ">f", "double": ">d"}


class Typed(NamedTuple):
    """A field: its class, and whether its value is a constant's number or a list."""

    name: str
    type: str
    constant: bool = False
    array: bool = False


class Raw(bytes):
    """Raw bytes in place of a value."""


type Fields = Sequence[Typed]
type Classes = Mapping[str, Fields]

STACK_TRACE = "jdk.types.StackTrace"
SYMBOL = "jdk.types.Symbol"
METHOD = "jdk.types.Method"
CLASS = "java.lang.Class"
STRING = "java.lang.String"
THREAD_STATE = "jdk.types.ThreadState"
EXECUTION_SAMPLE = "jdk.ExecutionSample"
SETTING = "jdk.ActiveSetting"

_CORRELATION = tuple(
    Typed(name, "long") for name in ("spanId", "spanName", "contextId", "traceIdHi", "traceIdLo")
)
_STACK = Typed("stackTrace", STACK_TRACE, constant=True)
_START = Typed("startTime", "long")
_DURATION = Typed("duration", "long")

CLASSES: Classes = {
    **dict.fromkeys((*_SIZES, *_PACKED, STRING), ()),
    SYMBOL: (Typed("string", STRING),),
    THREAD_STATE: (Typed("name", STRING),),
    CLASS: (Typed("name", SYMBOL, constant=True), Typed("modifiers", "int")),
    METHOD: (
        Typed("type", CLASS, constant=True),
        Typed("name", SYMBOL, constant=True),
        Typed("hidden", "boolean"),
    ),
    "jdk.types.StackFrame": (
        Typed("method", METHOD, constant=True),
        Typed("lineNumber", "int"),
        Typed("bytecodeIndex", "int"),
    ),
    STACK_TRACE: (Typed("truncated", "boolean"), Typed("frames", "jdk.types.StackFrame", array=True)),
    SETTING: (_START, Typed("id", "long"), Typed("name", STRING), Typed("value", STRING)),
    EXECUTION_SAMPLE: (_START, _STACK, Typed("state", THREAD_STATE, constant=True), *_CORRELATION),
    "profiler.WallClockSample": (
        _START,
        _STACK,
        Typed("state", THREAD_STATE, constant=True),
        Typed("samples", "int"),
    ),
    "jdk.ObjectAllocationInNewTLAB": (_START, _STACK, Typed("tlabSize", "long"), *_CORRELATION),
    "jdk.ObjectAllocationOutsideTLAB": (_START, _STACK, Typed("allocationSize", "long"), *_CORRELATION),
    "jdk.ObjectAllocationSample": (_START, _STACK, Typed("weight", "long")),
    "jdk.JavaMonitorEnter": (_START, _DURATION, _STACK, *_CORRELATION),
    "jdk.ThreadPark": (_START, _DURATION, _STACK),
    "jdk.CPUTimeSample": (
        _START,
        _STACK,
        Typed("failed", "boolean"),
        Typed("samplingPeriod", "long"),
        Typed("biased", "boolean"),
    ),
    "profiler.LiveObject": (_START, _STACK, Typed("allocationSize", "long")),
    "profiler.Malloc": (_START, _STACK, Typed("size", "long")),
}
"""The classes that async-profiler writes, without those that no profile needs."""

POOLS: Mapping[str, Mapping[int, Sequence[Any]]] = {
    THREAD_STATE: {1: ["STATE_RUNNABLE"], 2: ["STATE_SLEEPING"]},
    SYMBOL: {1: ["Shop"], 2: ["main"], 3: ["work"], 4: ["rest"]},
    CLASS: {1: [1, 0]},
    METHOD: {1: [1, 2, 0], 2: [1, 3, 0], 3: [1, 4, 0]},
    STACK_TRACE: {1: [0, [(2, 20, 0), (1, 10, 0)]], 2: [0, [(3, 30, 0), (1, 10, 0)]]},
}
"""The stacks `Shop.main;Shop.work` and `Shop.main;Shop.rest`, numbers 1 and 2."""


def changed(classes: Classes = CLASSES, /, **fields: Fields) -> Classes:
    """Returns the classes with these fields replaced; their names have `__` for a dot."""
    return {**classes, **{name.replace("__", "."): value for name, value in fields.items()}}


@dataclass(frozen=True, slots=True, kw_only=True)
class Chunk:
    """The contents of a chunk. Events are (class, values); each pool has its own checkpoint if `apart`.

    A class's id is `first_id` plus its index in `classes`. `header` replaces numbers of the header.
    """

    events: Sequence[tuple[str | int, Sequence[Any]]] = ()
    classes: Classes = field(default_factory=lambda: CLASSES)
    pools: Mapping[str, Mapping[int, Sequence[Any]]] = field(default_factory=lambda: POOLS)
    compressed: bool = True
    apart: bool = False
    first_id: int = 20
    header: Mapping[str, int] = field(default_factory=dict)

    def written(self) -> bytes:
        """Returns the bytes of the chunk: metadata first, constants last, as async-profiler writes them."""
        metadata = self.event(0, self._longs(START_TICKS, 0, 1) + self._metadata())
        events = [self.event(*self._instance_of(type_, values)) for type_, values in self.events]
        body = b"".join((metadata, *events))
        checkpoint = 0
        for pools in [{name: pool} for name, pool in self.pools.items()] if self.apart else [self.pools]:
            checkpoint, body = HEADER_BYTES + len(body), body + self._checkpoint(pools)
        return self._header(HEADER_BYTES + len(body), checkpoint) + body

    def id(self, name: str) -> int:
        return [*self.classes].index(name) + self.first_id

    def integer(self, value: int, size: int = 4) -> bytes:
        return varint(value) if self.compressed else (value & (1 << 8 * size) - 1).to_bytes(size)

    def event(self, type_: int, content: bytes) -> bytes:
        """Returns an event with its size, which includes itself."""
        content = self.integer(type_, 8) + content
        size_bytes = (
            4 if not self.compressed else next(n for n in range(1, 6) if len(content) + n < 1 << 7 * n)
        )
        return self.integer(len(content) + size_bytes) + content

    def value(self, typed: Typed, value: Any) -> bytes:
        """Returns a value in the encoding of its field's class."""
        if isinstance(value, Raw):
            return value
        if typed.array:
            element = typed._replace(array=False)
            return self.integer(len(value)) + b"".join(self.value(element, each) for each in value)
        return self.integer(value, 8) if typed.constant else self._plain(typed, value)

    def _plain(self, typed: Typed, value: Any) -> bytes:
        if typed.type in _PACKED:
            return pack(_PACKED[typed.type], value)
        if typed.type in _SIZES:
            return self.integer(value, _SIZES[typed.type])
        if typed.type == STRING:
            return text(value, compressed=self.compressed)
        return self.instance(typed.type, value)

    def instance(self, name: str, values: Sequence[Any]) -> bytes:
        if isinstance(values, Raw):
            return values
        return b"".join(
            self.value(typed, value) for typed, value in zip(self.classes[name], values, strict=True)
        )

    def _instance_of(self, type_: str | int, values: Sequence[Any]) -> tuple[int, bytes]:
        if isinstance(type_, int):
            return type_, b"".join(values)
        return self.id(type_), self.instance(type_, values)

    def _longs(self, *values: int) -> bytes:
        return b"".join(self.integer(value, 8) for value in values)

    def _checkpoint(self, pools: Mapping[str, Mapping[int, Sequence[Any]]]) -> bytes:
        content = self._longs(START_TICKS, 0, 0) + b"\x01" + self.integer(len(pools))
        for name, pool in pools.items():
            content += self.integer(self.id(name), 8) + self.integer(len(pool))
            content += b"".join(
                self.integer(number, 8) + self.instance(name, values) for number, values in pool.items()
            )
        return self.event(1, content)

    def _metadata(self) -> bytes:
        texts: dict[str, int] = {}
        ints: list[int] = []

        def element(name: str, children: int, attributes: Mapping[str, str] = NOTHING) -> None:
            ints.extend((texts.setdefault(name, len(texts)), len(attributes)))
            for pair in attributes.items():
                ints.extend(texts.setdefault(each, len(texts)) for each in pair)
            ints.append(children)

        element("root", 2)
        element("metadata", len(self.classes))
        for name, fields in self.classes.items():
            element("class", len(fields) + 1, {"id": str(self.id(name)), "name": name})
            element("annotation", 0, {"value": name})
            for typed in fields:
                flags = {"constantPool": "true"} if typed.constant else {}
                flags |= {"dimension": "1"} if typed.array else {}
                type_ = str(self.id(typed.type)) if typed.type in self.classes else typed.type
                element("field", 1, {"name": typed.name, "class": type_, **flags})
                element("annotation", 0, {"label": typed.name})
        element("region", 0, {"locale": "en_US"})
        strings = b"".join(text(each, compressed=self.compressed) for each in texts)
        return self.integer(len(texts)) + strings + b"".join(map(self.integer, ints))

    def _header(self, size: int, checkpoint: int) -> bytes:
        values = {
            "major": 2,
            "minor": 1,
            "size": size,
            "checkpoint": checkpoint,
            "metadata": HEADER_BYTES,
            "start": 1,
            "duration": 1,
            "ticks": START_TICKS,
            "frequency": 1_000_000_000,
            "features": int(self.compressed),
            **self.header,
        }
        return pack(">4sHHqqqqqqqI", MAGIC, *values.values())


def varint(value: int) -> bytes:
    """Returns a compressed integer: seven bits a byte, and eight in the ninth."""
    value &= (1 << 64) - 1
    written = bytearray()
    while value > 0x7F and len(written) < 8:
        written.append(value & 0x7F | 0x80)
        value >>= 7
    written.append(value)
    return bytes(written)


def text(value: str | None, *, compressed: bool = True) -> bytes:
    """Returns a string, in UTF-8 unless it is null or empty."""
    if not value:
        return b"\x00" if value is None else b"\x01"
    encoded = value.encode(errors="surrogatepass")
    return b"\x03" + (varint(len(encoded)) if compressed else len(encoded).to_bytes(4)) + encoded


def sample(stacktrace: int = 1, state: int = 1, **correlation: int) -> tuple[str, Sequence[int]]:
    """Returns an execution sample; its span, context and so on by field name."""
    return EXECUTION_SAMPLE, [1, stacktrace, state, *(correlation.get(each.name, 0) for each in _CORRELATION)]


def setting(name: str, value: str) -> tuple[str, Sequence[Any]]:
    return SETTING, [1, 1, name, value]


def recording(*events: tuple[str | int, Sequence[Any]], **chunk: Any) -> bytes:
    """Returns a recording of one chunk."""
    return Chunk(events=events, **chunk).written()
