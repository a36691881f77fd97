"""The constants of a chunk that profiles need: stack traces, methods, classes and strings, by their numbers.

They lie in checkpoint events, a pool for each class. All pools have to be gone through, as none says how long it is.
Strings are kept as they are encoded, and of stack traces only those that samples name.
"""

from collections.abc import Collection, Mapping, Sequence
from itertools import repeat
from typing import Final

from ingest.formats.jfr.chunks import Chunk
from ingest.formats.jfr.cursor import Cursor, constant_of, decode_text
from ingest.formats.jfr.damage import damaged
from ingest.formats.jfr.layout import (
    STRING,
    Kind,
    Layout,
    Value,
    batches,
    layout_of,
    read_value,
    read_values,
)
from ingest.formats.jfr.metadata import Classes
from ingest.formats.jfr.numbers import NumberStream

CHECKPOINT_TYPE: Final = 1
STACK_TRACE: Final = "jdk.types.StackTrace"
METHOD: Final = "jdk.types.Method"
CLASS: Final = "java.lang.Class"
_ROWS: Final[Mapping[str, Sequence[str]]] = {METHOD: ("type", "name"), CLASS: ("name",)}
"""The fields that are kept of classes that hold several."""
_FRAMES, _METHOD, _LINE = "frames", "method", "lineNumber"

_MAX_CONSTANTS: Final = 1 << 20
"""Of a chunk: each that is kept takes some hundred bytes of memory."""
_MAX_FRAMES: Final = 1 << 16
"""Of a stack trace. A JVM records 2,048 at most."""

_NO_TEXT: Final = b"\0"

type Frames = tuple[Sequence[int], Sequence[int]]
"""A stack trace: the methods of its frames, the leaf's first, and their line numbers."""


class Constants:
    """What was read of a chunk's constants."""

    def __init__(self, chunk: Chunk, classes: Classes) -> None:
        self._chunk = chunk
        self._classes = classes
        self._room = _MAX_CONSTANTS
        self._layouts: dict[int, Layout] = {}
        self._by_name = {class_.name: class_.id for class_ in classes.values()}
        self.stacktraces: dict[int, Frames] = {}
        self._texts: dict[int, dict[int, bytes]] = {}
        self._pools: dict[tuple[str, str], Mapping[int, bytes]] = {}
        self._rows: dict[str, dict[int, Sequence[Value]]] = {name: {} for name in _ROWS}

    def read(self, position: int, stacktraces: Collection[int]) -> None:
        """Add the constants of the checkpoint event at `position`, and of stack traces those asked for.

        RpcError invalid_argument for a damaged event.
        """
        chunk = self._chunk
        cursor = Cursor(chunk.data, position, chunk.end, compressed=chunk.compressed)
        cursor.end = position + cursor.integer()
        for _ in ("type", "start", "duration", "delta"):
            cursor.long()
        cursor.skip(1)
        for _ in range(cursor.integer()):
            self._read_pool(cursor, cursor.long(), cursor.integer(), stacktraces)

    def row(self, class_name: str, number: int) -> Sequence[Value] | None:
        """The fields of a method or class, in the order of `_ROWS`; None for a number that has none."""
        return self._rows[class_name].get(number)

    def text(self, class_name: str, field: str, value: Value) -> str:
        """The string that a field of such a class has, be it in place or a constant; empty where it leads nowhere."""
        if not isinstance(value, bytes):
            value = self._pool_of(class_name, field).get(value or 0, _NO_TEXT)
        return self.decode(value)

    def decode(self, text: bytes) -> str:
        """The characters of an encoded string, which may be a constant's."""
        compressed = self._chunk.compressed
        number = constant_of(text, compressed=compressed)
        if number is not None:
            text = self._texts.get(self._by_name.get(STRING, -1), {}).get(number, _NO_TEXT)
        return decode_text(text, compressed=compressed)

    def _pool_of(self, class_name: str, field: str) -> Mapping[int, bytes]:
        """The strings by the numbers that a field of such a class may have."""
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
                raise damaged(f"it has constants of a class {type_}, which its metadata does not have")
            layout = layout_of(class_, self._classes, compressed=self._chunk.compressed)
            self._layouts[type_] = layout
        return layout

    def _read_pool(self, cursor: Cursor, type_: int, count: int, stacktraces: Collection[int]) -> None:
        self._room -= count
        if self._room < 0:
            raise damaged(f"a chunk has more than {_MAX_CONSTANTS} constants")
        if not count:
            return
        layout = self._layout(type_)
        name = self._classes[type_].name
        if layout.is_text:
            _read_texts(cursor, count, self._texts.setdefault(type_, {}))
        elif name in _ROWS:
            indices = [layout.index(field) for field in _ROWS[name]]
            _read_rows(cursor, count, layout, indices, self._rows[name])
        elif name == STACK_TRACE:
            _read_stacktraces(cursor, count, layout, stacktraces, self.stacktraces)
        else:
            _skip_pool(cursor, count, layout)


def _read_texts(cursor: Cursor, count: int, texts: dict[int, bytes]) -> None:
    number, text = cursor.long, cursor.text
    for _ in range(count):
        key = number()
        texts[key] = text()


def _read_rows(
    cursor: Cursor,
    count: int,
    layout: Layout,
    indices: Sequence[int | None],
    rows: dict[int, Sequence[Value]],
) -> None:
    """Keep the steps of these indices; a field that the class does not have is None."""
    if not layout.numbers:
        for _ in range(count):
            key = cursor.long()
            values = read_values(cursor, layout)
            rows[key] = [None if index is None else values[index] for index in indices]
        return
    width = 1 + layout.numbers
    stream = NumberStream(cursor.data, cursor.position, cursor.end)
    for batch in batches(count, width):
        numbers = stream.take(batch * width)
        columns = [repeat(None) if index is None else numbers[1 + index :: width] for index in indices]
        rows.update(zip(numbers[::width], zip(*columns, strict=False), strict=False))
    cursor.position = stream.position


def _skip_pool(cursor: Cursor, count: int, layout: Layout) -> None:
    _read_rows(cursor, count, layout, (), {})


def _read_stacktraces(
    cursor: Cursor, count: int, layout: Layout, wanted: Collection[int], found: dict[int, Frames]
) -> None:
    index = layout.index(_FRAMES)
    step = None if index is None else layout.steps[index]
    element = None if step is None or step.kind is not Kind.LIST else step.of
    if element is None or index is None or element.index(_METHOD) is None:
        _skip_pool(cursor, count, layout)
        return
    before, after = layout.steps[:index], layout.steps[index + 1 :]
    if element.numbers and all(each.kind is Kind.NUMBER for each in (*before, *after)):
        _read_number_stacktraces(cursor, count, element, (len(before), len(after)), wanted, found)
        return
    for _ in range(count):
        key = cursor.long()
        for each in before:
            read_value(cursor, each)
        frames = _read_frames(cursor, element)
        for each in after:
            read_value(cursor, each)
        if key in wanted:
            found[key] = frames


def _read_number_stacktraces(
    cursor: Cursor,
    count: int,
    element: Layout,
    around: tuple[int, int],
    wanted: Collection[int],
    found: dict[int, Frames],
) -> None:
    """Stack traces of nothing but numbers; `around` says how many stand before and after the list of frames."""
    before, after = around
    width, method, line = element.numbers, element.index(_METHOD), element.index(_LINE)
    stream = NumberStream(cursor.data, cursor.position, cursor.end)
    take = stream.take
    for _ in range(count):
        head = take(before + 2)
        frames = take(_frame_count(head[-1]) * width + after)
        if head[0] in wanted:
            stop = len(frames) - after
            lines = [0] * head[-1] if line is None else frames[line:stop:width]
            found[head[0]] = (frames[method:stop:width], lines)
    cursor.position = stream.position


def _read_frames(cursor: Cursor, element: Layout) -> Frames:
    method, line = element.index(_METHOD), element.index(_LINE)
    methods: list[int] = []
    lines: list[int] = []
    for _ in range(_frame_count(cursor.integer())):
        values = read_values(cursor, element)
        methods.append(_integer(values, method))
        lines.append(_integer(values, line))
    return methods, lines


def _frame_count(count: int) -> int:
    if count > _MAX_FRAMES:
        raise damaged(f"a stack trace has more than {_MAX_FRAMES} frames")
    return count


def _integer(values: Sequence[Value], index: int | None) -> int:
    value = 0 if index is None else values[index]
    return value if isinstance(value, int) else 0
