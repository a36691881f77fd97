"""Finds the events of a chunk by their sizes, and counts its samples.

Events that consist only of integers are read together with others of their class, into one list per field.
"""

from abc import ABC, abstractmethod
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import repeat
from typing import Final, NamedTuple

from flamehouse.units import NS_PER_S
from ingest.formats.jfr.chunks import Chunk
from ingest.formats.jfr.constants import CHECKPOINT_TYPE
from ingest.formats.jfr.cursor import Cursor
from ingest.formats.jfr.kinds import EVENTS, Event
from ingest.formats.jfr.layout import Layout, layout_of, read_values
from ingest.formats.jfr.limits import MAX_EVENT_CLASSES, MAX_SAMPLES, MAX_SETTINGS, damaged
from ingest.formats.jfr.metadata import Class, Classes
from ingest.formats.jfr.numbers import MAX_NUMBER_BYTES, read_numbers
from ingest.request.budget import Budget

SETTING: Final = "jdk.ActiveSetting"
_BATCH_EVENTS: Final = 1 << 12
_BATCH_VALUES: Final = 1 << 16
"""The maximum number of values to read at once."""
_STACK_TRACE: Final = "stackTrace"


type _Key = tuple[int, int | None, int, int, int, int, int]
"""The fields of a `Sample`; the object itself is created once all samples are counted."""


class Sample(NamedTuple):
    """What identifies equal samples of one class: numbers of constants, and ids from a tracer. 0 means none.

    `state` is None if the class has no such field.
    """

    stacktrace: int
    state: int | None
    context: int
    span: int
    span_name: int
    trace_high: int
    trace_low: int


_FIELDS: Final = (_STACK_TRACE, "state", "contextId", "spanId", "spanName", "traceIdHi", "traceIdLo")
"""The event fields that `Sample` has, in the same order."""
_MISSING: Final = (None, None, 0, 0, 0, 0, 0)


class Collector(ABC):
    """Collects the events of one class, in batches of thousands."""

    def __init__(self, chunk: Chunk, class_: Class, classes: Classes) -> None:
        self.class_name = class_.name
        self.payloads: list[bytes] = []
        self._chunk = chunk
        self._class = class_
        self._classes = classes
        self._layout: Layout | None = None

    def settle(self) -> None:
        """Counts the collected events.

        Raises RpcError(INVALID_ARGUMENT) for an event that does not match its class.
        """
        if not self.payloads:
            return
        if self._layout is None:
            self._layout = layout_of(self._class, self._classes, self._chunk)
        most = max(1, _BATCH_VALUES // (len(self._layout.steps) or 1))
        for start in range(0, len(self.payloads), most):
            self._count(self._layout, self.payloads[start : start + most])
        self.payloads.clear()

    @abstractmethod
    def _count(self, layout: Layout, payloads: Sequence[bytes]) -> None: ...

    def _rows(self, layout: Layout, payloads: Iterable[bytes]) -> Iterator[list[int | bytes | None]]:
        for payload in payloads:
            cursor = Cursor(payload, 0, len(payload), compressed=self._chunk.compressed)
            yield read_values(cursor, layout, self._chunk.budgets.values)


class Settings(Collector):
    """Collects the settings of the recording: encoded names and values."""

    def __init__(self, chunk: Chunk, class_: Class, classes: Classes) -> None:
        super().__init__(chunk, class_, classes)
        self.values: dict[bytes, bytes] = {}

    def _count(self, layout: Layout, payloads: Sequence[bytes]) -> None:
        name_index, value_index = layout.index("name"), layout.index("value")
        if name_index is None or value_index is None:
            return
        for values in self._rows(layout, payloads):
            name, value = values[name_index], values[value_index]
            if isinstance(name, bytes) and isinstance(value, bytes) and len(self.values) < MAX_SETTINGS:
                self.values[name] = value


class Samples(Collector):
    """Counts the samples of one class, and sums their amounts if the class has an amount."""

    def __init__(self, chunk: Chunk, class_: Class, classes: Classes, budget: Budget) -> None:
        super().__init__(chunk, class_, classes)
        self.event: Event = EVENTS[class_.name]
        self._budget = budget
        self._counts: Counter[_Key] = Counter()
        self._amounts: dict[_Key, int] = defaultdict(int)

    def counted(self) -> Iterator[tuple[Sample, int, int]]:
        """Yields the distinct samples, each with its count and total amount."""
        amounts = self._counts if self.event.amount is None else self._amounts
        ticks_per_s = self._chunk.ticks_per_s if self.event.ticks else NS_PER_S
        for key, count in self._counts.items():
            yield Sample._make(key), count, amounts.get(key, 0) * NS_PER_S // ticks_per_s

    @property
    def stacktraces(self) -> set[int]:
        """Returns the numbers of the stack traces that samples refer to."""
        return {key[0] for key in self._counts}

    def _count(self, layout: Layout, payloads: Sequence[bytes]) -> None:
        indices = [layout.index(name) for name in _FIELDS]
        amount_index = layout.index(self.event.amount) if self.event.amount else None
        if indices[0] is None:
            return
        columns = self._columns(layout, payloads, [*indices, amount_index])
        keys = [
            repeat(missing) if column is None else column
            for column, missing in zip(columns, _MISSING, strict=False)
        ]
        samples: list[_Key] = [*zip(*keys, strict=False)]
        known = len(self._counts)
        self._counts.update(samples)
        self._budget.take(len(self._counts) - known)
        amounts = columns[-1]
        if amounts is not None:
            sums = self._amounts
            for sample, amount in zip(samples, amounts, strict=True):
                sums[sample] += amount if amount < 1 << 63 else amount - (1 << 64)

    def _columns(
        self, layout: Layout, payloads: Sequence[bytes], indices: Sequence[int | None]
    ) -> Sequence[Sequence[int] | None]:
        """Reads the values of the steps at these indices into a list for each."""
        width = layout.numbers
        if width and max(map(len, payloads)) <= width * MAX_NUMBER_BYTES:
            numbers = read_numbers(b"".join(payloads))
            if len(numbers) == width * len(payloads):
                return [None if index is None else numbers[index::width] for index in indices]
        rows = [
            [None if index is None else values[index] for index in indices]
            for values in self._rows(layout, payloads)
        ]
        return [
            None if index is None else [value if isinstance(value, int) else 0 for value in column]
            for index, column in zip(indices, zip(*rows, strict=True), strict=True)
        ]


class Found(NamedTuple):
    """The positions of a chunk's checkpoints, its samples and its settings."""

    checkpoints: Sequence[int]
    samples: Sequence[Samples]
    settings: Sequence[Settings]


def read_events(chunk: Chunk, classes: Classes) -> Found:
    """Reads the events of a chunk.

    Raises RpcError(INVALID_ARGUMENT) for a damaged chunk, and for too many samples or classes of samples.
    """
    samples: dict[int, Samples] = {}
    settings: dict[int, Settings] = {}
    budget = Budget(MAX_SAMPLES, "distinct samples in a chunk")
    class_budget = Budget(MAX_EVENT_CLASSES, "classes of sample and setting events in a chunk")
    for class_ in classes.values():
        if class_.name in EVENTS:
            samples[class_.id] = Samples(chunk, class_, classes, budget)
        elif class_.name == SETTING:
            settings[class_.id] = Settings(chunk, class_, classes)
        else:
            continue
        class_budget.take()
    checkpoints = [*_scan(chunk, {**samples, **settings})]
    if chunk.checkpoint and chunk.checkpoint not in checkpoints:
        raise damaged("its constants are not where the header says")
    return Found(checkpoints, [*samples.values()], [*settings.values()])


def _scan(chunk: Chunk, collectors: Mapping[int, Collector]) -> Iterator[int]:
    """Passes events to the collectors, which are given by class id, and yields the positions of checkpoints."""
    for type_, start, payload, end in _events(chunk):
        if type_ == CHECKPOINT_TYPE:
            chunk.budgets.pools.take()
            yield start
            continue
        collector = collectors.get(type_)
        if collector is None:
            continue
        collector.payloads.append(chunk.data[payload:end])
        if len(collector.payloads) == _BATCH_EVENTS:
            collector.settle()
    for collector in collectors.values():
        collector.settle()


def _events(chunk: Chunk) -> Iterator[tuple[int, int, int, int]]:
    """Yields the class, the start, the start of the fields, and the end of each event."""
    data, position, last = chunk.data, chunk.start, chunk.end
    cursor = Cursor(data, position, last, compressed=chunk.compressed)
    while position < last:
        # In nearly all events, the size and the class take one byte each.
        size = data[position]
        end = position + size
        if chunk.compressed and 1 < size < 0x80 and end <= last and (type_ := data[position + 1]) < 0x80:
            yield type_, position, position + 2, end
        else:
            cursor.position = position
            end = position + cursor.integer()
            type_ = cursor.long()
            if not cursor.position <= end <= last:
                raise damaged("an event extends beyond its chunk, or its size is too small")
            yield type_, position, cursor.position, end
        position = end
