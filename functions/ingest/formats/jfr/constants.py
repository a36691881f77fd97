"""Reads the constants of a chunk that profiles need: stack traces, methods, classes and strings, by number.

Checkpoint events contain the constants, in a pool for each class. Every pool is read, because pools do not state their
length. Strings stay encoded, and only stack traces that samples refer to are retained.
"""

from collections.abc import Collection, Mapping, Sequence
from itertools import repeat
from typing import Final

from ingest.formats.jfr.chunks import Chunk
from ingest.formats.jfr.cursor import Cursor, constant_of, decode_text
from ingest.formats.jfr.layout import (
    STRING,
    Layout,
    Value,
    layout_of,
    read_values,
)
from ingest.formats.jfr.limits import damaged
from ingest.formats.jfr.metadata import Classes
from ingest.formats.jfr.numbers import NumberStream, batches
from ingest.formats.jfr.stacktraces import Frames, StackTraces

CHECKPOINT_TYPE: Final = 1
STACK_TRACE: Final = "jdk.types.StackTrace"
METHOD: Final = "jdk.types.Method"
CLASS: Final = "java.lang.Class"
_ROWS: Final[Mapping[str, Sequence[str]]] = {METHOD: ("type", "name"), CLASS: ("name",)}
"""The retained fields of classes that have several fields."""

_NO_TEXT: Final = b"\0"


class Constants:
    """The constants of a chunk; checkpoints are added one by one."""

    def __init__(self, chunk: Chunk, classes: Classes) -> None:
        self._chunk = chunk
        self._classes = classes
        self._layouts: dict[int, Layout] = {}
        self._by_name = {class_.name: class_.id for class_ in classes.values()}
        self._stacktraces = StackTraces(chunk.budgets)
        self._texts: dict[int, dict[int, bytes]] = {}
        self._decoded: dict[int, str] = {}
        self._pools: dict[tuple[str, str], Mapping[int, bytes]] = {}
        self._rows: dict[str, dict[int, Sequence[Value]]] = {name: {} for name in _ROWS}

    def read(self, position: int, stacktraces: Collection[int]) -> None:
        """Adds the constants of the checkpoint event at `position`; of its stack traces, only those in `stacktraces`.

        Raises RpcError(INVALID_ARGUMENT) for a damaged event.
        """
        chunk = self._chunk
        cursor = Cursor(chunk.data, position, chunk.end, compressed=chunk.compressed)
        cursor.end = position + cursor.integer()
        for _ in ("type", "start", "duration", "delta"):
            cursor.long()
        cursor.skip(1)
        for _ in range(cursor.integer()):
            self._read_pool(cursor, cursor.long(), cursor.integer(), stacktraces)

    def frames(self, stacktrace: int) -> Frames | None:
        """Returns the frames of a stack trace; None if its number is unknown or was not in `stacktraces`."""
        return self._stacktraces.found.get(stacktrace)

    def row(self, class_name: str, number: int) -> Sequence[Value] | None:
        """Returns the fields of a method or class, in the order of `_ROWS`; None for an unknown number."""
        return self._rows[class_name].get(number)

    def text(self, class_name: str, field: str, value: Value) -> str | None:
        """Returns the string in a field of such a class, inline or a constant; None for a dangling reference."""
        if isinstance(value, bytes):
            return self.decode(value)
        found = self._pool_of(class_name, field).get(value or 0)
        return None if found is None else self.decode(found)

    def decode(self, text: bytes) -> str:
        """Decodes a string, which may be a reference to a constant."""
        compressed = self._chunk.compressed
        number = constant_of(text, compressed=compressed)
        if number is None:
            self._chunk.budgets.texts.take(len(text))
            return decode_text(text, compressed=compressed)
        text = self._texts.get(self._by_name.get(STRING, -1), {}).get(number, _NO_TEXT)
        self._chunk.budgets.texts.take(len(text))
        decoded = self._decoded.get(number)
        if decoded is None:
            decoded = self._decoded[number] = decode_text(text, compressed=compressed)
        return decoded

    def _pool_of(self, class_name: str, field: str) -> Mapping[int, bytes]:
        """Returns the strings that a field of such a class may refer to, by number."""
        pool = self._pools.get((class_name, field))
        if pool is None:
            layout = self._layout(self._by_name[class_name])
            index = layout.index(field)
            pool = {} if index is None else self._texts.get(layout.steps[index].type, {})
            self._pools[class_name, field] = pool
        return pool

    def _layout(self, type_: int) -> Layout:
        layout = self._layouts.get(type_)
        if layout is None:
            class_ = self._classes.get(type_)
            if class_ is None:
                raise damaged(f"it has constants of class {type_}, which is missing from its metadata")
            layout = layout_of(class_, self._classes, self._chunk)
            self._layouts[type_] = layout
        return layout

    def _read_pool(self, cursor: Cursor, type_: int, count: int, stacktraces: Collection[int]) -> None:
        self._chunk.budgets.pools.take()
        self._chunk.budgets.constants.take(count)
        if not count:
            return
        layout = self._layout(type_)
        name = self._classes[type_].name
        if name in _ROWS:
            indices = [layout.index(field) for field in _ROWS[name]]
            self._read_rows(cursor, count, layout, indices, self._rows[name])
        elif layout.is_text:
            _read_texts(cursor, count, self._texts.setdefault(type_, {}))
        elif name == STACK_TRACE:
            self._stacktraces.read(cursor, count, layout, stacktraces)
        else:
            self._read_rows(cursor, count, layout, (), {})

    def _read_rows(
        self,
        cursor: Cursor,
        count: int,
        layout: Layout,
        indices: Sequence[int | None],
        rows: dict[int, Sequence[Value]],
    ) -> None:
        """Reads a pool, and adds the values of the steps at these indices to `rows`; index None stays None."""
        if not layout.numbers:
            for _ in range(count):
                key = cursor.long()
                values = read_values(cursor, layout, self._chunk.budgets.values)
                rows[key] = [None if index is None else values[index] for index in indices]
            return
        width = 1 + layout.numbers
        stream = NumberStream(cursor.data, cursor.position, cursor.end)
        for batch in batches(count, width):
            numbers = stream.take(batch * width)
            columns = [repeat(None) if index is None else numbers[1 + index :: width] for index in indices]
            rows.update(zip(numbers[::width], zip(*columns, strict=False), strict=False))
        cursor.position = stream.position


def _read_texts(cursor: Cursor, count: int, texts: dict[int, bytes]) -> None:
    number, text = cursor.long, cursor.text
    for _ in range(count):
        key = number()
        texts[key] = text()
