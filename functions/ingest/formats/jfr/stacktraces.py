"""Reads the stack traces of a chunk: lists of frames, which make up most of a recording.

Frames usually consist only of integers, and are then read thousands at a time. Only stack traces that samples refer to
are retained.
"""

from collections.abc import Collection, Sequence
from typing import Final

from ingest.formats.jfr.cursor import Cursor
from ingest.formats.jfr.layout import Kind, Layout, Step, Value, read_value, read_values
from ingest.formats.jfr.limits import MAX_STACK_FRAMES, MAX_STACK_NUMBERS, Budgets, damaged
from ingest.formats.jfr.numbers import NumberStream

_FRAMES: Final = "frames"
_METHOD: Final = "method"
_LINE: Final = "lineNumber"

type Frames = tuple[Sequence[int], Sequence[int]]
"""A stack trace: the methods of its frames, leaf first, and their line numbers."""


class StackTraces:
    """Collects the stack traces of pools by number, in `found`."""

    def __init__(self, budgets: Budgets) -> None:
        self.found: dict[int, Frames] = {}
        self._budgets = budgets

    def read(self, cursor: Cursor, count: int, layout: Layout, wanted: Collection[int]) -> None:
        """Reads a pool of `count` stack traces, and retains those whose numbers are `wanted`.

        Raises RpcError(INVALID_ARGUMENT) for a stack trace that is damaged or too long. If the class of frames has no
        method, stack traces have no frames.
        """
        index = layout.index(_FRAMES)
        element = None if index is None else layout.steps[index].of
        around = layout.steps if index is None else (*layout.steps[:index], *layout.steps[index + 1 :])
        if index is not None and element is not None and element.numbers and _are_numbers(around):
            self._read_numbers(cursor, count, element, (index, len(around) - index), wanted)
            return
        for _ in range(count):
            key = cursor.long()
            methods: list[int] = []
            lines: list[int] = []
            for step in layout.steps:
                if step.name == _FRAMES and step.of is not None:
                    methods, lines = self._read_frames(cursor, step.of)
                else:
                    read_value(cursor, step, self._budgets.values)
            if key in wanted:
                self._keep(key, methods, lines)

    def _read_numbers(
        self,
        cursor: Cursor,
        count: int,
        element: Layout,
        around: tuple[int, int],
        wanted: Collection[int],
    ) -> None:
        """Reads stack traces of integers alone; `around` is how many come before and after the frames."""
        before, after = around
        width, method, line = element.numbers, element.index(_METHOD), element.index(_LINE)
        stream = NumberStream(cursor.data, cursor.position, cursor.end)
        take = stream.take
        for _ in range(count):
            head = take(before + 2)
            size = _checked(head[-1]) * width
            if size > MAX_STACK_NUMBERS:
                raise damaged(f"the frames of a stack trace have more than {MAX_STACK_NUMBERS} numbers")
            frames = take(size + after)
            if head[0] in wanted:
                methods = [] if method is None else frames[method:size:width]
                lines = [0] * len(methods) if line is None else frames[line:size:width]
                self._keep(head[0], methods, lines)
        cursor.position = stream.position

    def _read_frames(self, cursor: Cursor, element: Layout) -> tuple[list[int], list[int]]:
        method, line = element.index(_METHOD), element.index(_LINE)
        methods: list[int] = []
        lines: list[int] = []
        for _ in range(_checked(cursor.integer())):
            values = read_values(cursor, element, self._budgets.values)
            methods.append(_integer(values, method))
            lines.append(_integer(values, line))
        return methods, lines

    def _keep(self, number: int, methods: list[int], lines: list[int]) -> None:
        self._budgets.frames.take(len(methods))
        self.found[number] = (methods, lines[: len(methods)])


def _are_numbers(steps: Sequence[Step]) -> bool:
    return all(step.kind is Kind.NUMBER for step in steps)


def _checked(count: int) -> int:
    if count > MAX_STACK_FRAMES:
        raise damaged(f"a stack trace has more than {MAX_STACK_FRAMES} frames")
    return count


def _integer(values: Sequence[Value], index: int | None) -> int:
    value = None if index is None else values[index]
    return value if isinstance(value, int) else 0
