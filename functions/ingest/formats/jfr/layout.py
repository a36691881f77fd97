"""The encoding of a class's instances: a row of plain values, one for each field and nested field.

A value that is an instance and not a constant is written inline. So a class is flattened into steps, each of which
reads an integer, some bytes, a string or a list.
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
from ingest.request.budget import Budget

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
"""The size of a value in bytes if integers are not compressed."""
_WITHIN: Final = "."
"""The name of every nested field: no code looks these up, and joined names could have any length."""
_COMPRESSED: Final = frozenset({"boolean", "char", "short", "int", "long"})
"""The types that compression applies to; a boolean is 0 or 1 in both encodings."""


class Kind(Enum):
    """What a step reads: a compressed integer, an integer of a fixed width, a string, or a list of instances."""

    NUMBER = auto()
    FIXED = auto()
    TEXT = auto()
    LIST = auto()


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One value of an instance. `name` is its field's name, or `_WITHIN` if the field is nested in another.

    `type` is the id of the field's declared class.
    """

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
        """The number of compressed integers in an instance; 0 if an instance has anything else."""
        return len(self.steps) if self._all(Kind.NUMBER) else 0

    @cached_property
    def is_text(self) -> bool:
        """Whether an instance is a single string."""
        return len(self.steps) == 1 and self._all(Kind.TEXT)

    @cached_property
    def size(self) -> int:
        """The size of an instance in bytes; 0 if it is not fixed."""
        return sum(step.size for step in self.steps) if self._all(Kind.FIXED) else 0

    def index(self, name: str) -> int | None:
        """Returns the index of the step for the field `name`; None if the class lacks it."""
        return next((index for index, step in enumerate(self.steps) if step.name == name), None)

    def _all(self, kind: Kind) -> bool:
        return all(step.kind is kind for step in self.steps)


def layout_of(class_: Class, classes: Classes, chunk: Chunk) -> Layout:
    """Returns the layout of a class of the chunk.

    Raises RpcError(INVALID_ARGUMENT) for a class that contains itself, has too many fields, or has a field of an
    unknown class.
    """
    return _Flattening(classes, chunk).layout(class_, 0)


class _Flattening:
    def __init__(self, classes: Classes, chunk: Chunk) -> None:
        self._classes = classes
        self._compressed = chunk.compressed
        self._budgets = chunk.budgets
        self._budget = MAX_CLASS_FIELDS

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
        self._budget -= 1
        self._budgets.fields.take()
        if depth > MAX_CLASS_DEPTH or self._budget < 0:
            raise damaged(f"the class of the field {field.name} has too many nested fields")
        class_ = self._classes.get(field.type)
        if class_ is None and not field.constant:
            raise damaged(f"the class of the field {field.name} is missing from the metadata")
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


def read_values(cursor: Cursor, layout: Layout, budget: Budget) -> list[Value]:
    """Reads one instance and returns a value for each step: an integer, an encoded string, or None for a list."""
    # An instance without fields takes time too.
    budget.take(len(layout.steps) or 1)
    return [read_value(cursor, step, budget) for step in layout.steps]


def read_value(cursor: Cursor, step: Step, budget: Budget) -> Value:
    match step.kind:
        case Kind.NUMBER:
            return cursor.varint()
        case Kind.FIXED:
            return cursor.fixed(step.size)
        case Kind.TEXT:
            return cursor.text()
        case Kind.LIST:
            _skip_instances(cursor, step.of, cursor.integer(), budget)
            return None


def _skip_instances(cursor: Cursor, layout: Layout | None, count: int, budget: Budget) -> None:
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
            read_values(cursor, layout, budget)
