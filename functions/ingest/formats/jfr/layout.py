"""How instances of a class lie in a recording: a row of plain values, made out of its fields and their fields.

A value that is an instance itself, and no constant, is written in its place. So a class is flattened into steps, each
of which reads one integer, some bytes, a string or a list.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import Enum, auto
from functools import cached_property
from typing import Final

from ingest.formats.jfr.chunks import Chunk
from ingest.formats.jfr.cursor import LONG_BYTES, Cursor
from ingest.formats.jfr.limits import MAX_CLASS_DEPTH, MAX_CLASS_FIELDS, damaged
from ingest.formats.jfr.metadata import Class, Classes, Field
from ingest.formats.jfr.numbers import NumberStream
from ingest.request.budget import Room

STRING: Final = "java.lang.String"
_SIZES: Final = {
    "boolean": 1,
    "byte": 1,
    "char": 2,
    "short": 2,
    "int": 4,
    "long": LONG_BYTES,
    "float": 4,
    "double": 8,
}
"""Bytes of a value where integers are not compressed."""
_WITHIN: Final = "."
"""The name of what nobody asks for by its name. Made out of the names around it, it could be of any length."""
_COMPRESSED: Final = frozenset({"boolean", "char", "short", "int", "long"})
"""What is a compressed integer where these are; a boolean is 0 or 1 either way."""


class Kind(Enum):
    """What a step reads: a compressed integer, an integer of so many bytes, a string, or a list of instances."""

    NUMBER = auto()
    FIXED = auto()
    TEXT = auto()
    LIST = auto()


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """`name` is the field's, `_WITHIN` if that is part of another's value. `type` is the id of its declared class."""

    name: str
    kind: Kind
    type: int
    size: int = 0
    of: "Layout | None" = None


@dataclass(frozen=True, kw_only=True)
class Layout:
    """The steps of a class."""

    steps: Sequence[Step]

    @cached_property
    def numbers(self) -> int:
        """How many compressed integers an instance is, if it is nothing else; else 0."""
        return len(self.steps) if self._all(Kind.NUMBER) else 0

    @cached_property
    def is_text(self) -> bool:
        """Whether an instance is one string."""
        return len(self.steps) == 1 and self._all(Kind.TEXT)

    @cached_property
    def size(self) -> int:
        """The bytes of an instance, if they are always as many; else 0."""
        return sum(step.size for step in self.steps) if self._all(Kind.FIXED) else 0

    def index(self, name: str) -> int | None:
        """The number of the step for the field `name`, if the class has one."""
        return next((index for index, step in enumerate(self.steps) if step.name == name), None)

    def _all(self, kind: Kind) -> bool:
        return all(step.kind is kind for step in self.steps)


def layout_of(class_: Class, classes: Classes, chunk: Chunk) -> Layout:
    """The layout of a class of the chunk.

    RpcError invalid_argument for one that holds itself, or too much, or what is not known.
    """
    return _Flattening(classes, chunk).layout(class_, 0)


class _Flattening:
    def __init__(self, classes: Classes, chunk: Chunk) -> None:
        self._classes = classes
        self._compressed = chunk.compressed
        self._rooms = chunk.rooms
        self._room = MAX_CLASS_FIELDS

    def layout(self, class_: Class, depth: int) -> Layout:
        return Layout(steps=tuple(self._instance("", class_, depth)))

    def _instance(self, name: str, class_: Class, depth: int) -> Iterator[Step]:
        if class_.name == STRING:
            yield Step(name=name, kind=Kind.TEXT, type=class_.id)
        elif class_.name in _SIZES:
            yield self._integer(name, class_.name, class_.id)
        else:
            for field in class_.fields:
                yield from self._field(_WITHIN if name else field.name, field, depth + 1)

    def _field(self, name: str, field: Field, depth: int) -> Iterator[Step]:
        self._room -= 1
        self._rooms.fields.take()
        if depth > MAX_CLASS_DEPTH or self._room < 0:
            raise damaged(f"the class of the field {field.name} has too much within it")
        class_ = self._classes.get(field.type)
        if class_ is None and not field.constant:
            raise damaged(f"the field {field.name} is of a class that the metadata does not have")
        if field.array:
            element = Layout(steps=tuple(self._value("", field, class_, depth)))
            yield Step(name=name, kind=Kind.LIST, type=field.type, of=element)
        else:
            yield from self._value(name, field, class_, depth)

    def _value(self, name: str, field: Field, class_: Class | None, depth: int) -> Iterator[Step]:
        if field.constant or class_ is None:
            yield self._integer(name, "long", field.type)
        else:
            yield from self._instance(name, class_, depth)

    def _integer(self, name: str, primitive: str, type_: int) -> Step:
        if self._compressed and primitive in _COMPRESSED:
            return Step(name=name, kind=Kind.NUMBER, type=type_)
        return Step(name=name, kind=Kind.FIXED, type=type_, size=_SIZES[primitive])


type Value = int | bytes | None


def read_values(cursor: Cursor, layout: Layout, room: Room) -> list[Value]:
    """One instance, a value for each step: an integer, a string as it is encoded, None for a list."""
    # One of nothing takes time all the same.
    room.take(len(layout.steps) or 1)
    return [read_value(cursor, step, room) for step in layout.steps]


def read_value(cursor: Cursor, step: Step, room: Room) -> Value:
    match step.kind:
        case Kind.NUMBER:
            return cursor.varint()
        case Kind.FIXED:
            return cursor.fixed(step.size)
        case Kind.TEXT:
            return cursor.text()
        case Kind.LIST:
            _skip_instances(cursor, step.of, cursor.integer(), room)
            return None


def _skip_instances(cursor: Cursor, layout: Layout | None, count: int, room: Room) -> None:
    if layout is None or not layout.steps:
        return
    if layout.size:
        cursor.skip(count * layout.size)
    elif layout.numbers:
        stream = NumberStream(cursor.data, cursor.position, cursor.end)
        stream.skip(count * layout.numbers)
        cursor.position = stream.position
    else:
        for _ in range(count):
            read_values(cursor, layout, room)
