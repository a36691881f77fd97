"""Builds the profiles of a recording: the samples of all chunks, with one table of locations and functions.

Numbers of constants are local to a chunk. So across chunks, a function's name and a line identify a frame, and frames
identify a stack.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final, NamedTuple

from flamehouse.pb.profile_pb2 import Function, Label, Line, Location, Profile, Sample, ValueType
from flamehouse.pb.profile_pb2 import Mapping as Mapped
from ingest.formats.jfr.kinds import Kind
from ingest.formats.jfr.limits import Budgets, damaged
from ingest.profile.pprof import shorten

_LINE_MASK: Final = 0xFFFFFFFF
_INT64: Final = range(-(1 << 63), 1 << 63)

type Labels = tuple[tuple[str, str], ...]
type Stack = tuple[int, ...]
"""The ids of a stack's locations, leaf first.

Samples refer to a stack by number, because the time to hash it grows with its depth.
"""


class _Place(NamedTuple):
    function: int
    line: int


type _Samples = Mapping[tuple[int, Labels], Sequence[int]]


class Profiles:
    """Collects samples, and builds a pprof message for each kind."""

    def __init__(self, budgets: Budgets) -> None:
        self._budgets = budgets
        self._functions: dict[str, int] = {}
        self._methods: dict[tuple[str, str], int] = {}
        self._locations: dict[_Place, int] = {}
        self._stacks: dict[Stack, int] = {}
        self._depths: list[int] = []
        self._samples: dict[Kind, dict[tuple[int, Labels], Sequence[int]]] = {}

    def function(self, class_name: str, method_name: str) -> int:
        """Returns the id of the function for a method of a class."""
        method = (class_name, method_name)
        id_ = self._methods.get(method)
        if id_ is None:
            self._budgets.names.take(len(class_name) + len(method_name))
            name = shorten(f"{class_name}.{method_name}")
            id_ = self._methods[method] = self._functions.setdefault(name, len(self._functions) + 1)
        return id_

    def location(self, function: int, line: int) -> int:
        """Returns the location id for a line of a function."""
        place = _Place(function, line & _LINE_MASK)
        id_ = self._locations.get(place)
        if id_ is None:
            self._budgets.locations.take()
            id_ = self._locations[place] = len(self._locations) + 1
        return id_

    def stack(self, locations: Iterable[int]) -> int:
        """Returns the number of a stack; its locations are leaf first."""
        stack = tuple(locations)
        number = self._stacks.setdefault(stack, len(self._stacks))
        if number == len(self._depths):
            self._depths.append(len(stack))
        return number

    def add(self, kind: Kind, stack: int, labels: Labels, values: Sequence[int]) -> None:
        """Adds a sample. Equal samples are summed."""
        # Merging equal label sets takes time that grows with the number of labels.
        self._budgets.labels.take(len(labels))
        samples = self._samples.setdefault(kind, {})
        key = (stack, labels)
        known = samples.get(key)
        if known is None:
            self._budgets.samples.take()
            self._budgets.parts.take(self._depths[stack] + len(labels))
            samples[key] = values
        else:
            samples[key] = [old + new for old, new in zip(known, values, strict=True)]

    def messages(self, *, time_ns: int, duration_ns: int) -> Iterator[tuple[Kind, Profile]]:
        """Returns a pprof message for each kind with samples."""
        table = _Table([*self._functions], [*self._locations], [*self._stacks])
        for kind, samples in self._samples.items():
            message = _Message(table)
            message.add_kind(kind)
            message.add_samples(samples)
            message.pprof.time_nanos = time_ns
            message.pprof.duration_nanos = duration_ns
            yield kind, message.finished()


class _Table(NamedTuple):
    """The functions and locations of all profiles, by id - 1, and stacks by number."""

    functions: Sequence[str]
    locations: Sequence[_Place]
    stacks: Sequence[Stack]


class _Message:
    """Builds a pprof message of the functions and locations that its samples use."""

    def __init__(self, table: _Table) -> None:
        self.pprof = Profile(mapping=[Mapped(id=1, has_functions=True)])
        self._table = table
        self._texts: dict[str, int] = {"": 0}

    def add_kind(self, kind: Kind) -> None:
        self.pprof.sample_type.extend(map(self._value_type, kind.sample_types))
        if kind.period_type is not None:
            self.pprof.period_type.CopyFrom(self._value_type(kind.period_type))

    def add_samples(self, samples: _Samples) -> None:
        stacks = self._table.stacks
        labels = {labels: self._labels(labels) for _, labels in samples}
        for values in samples.values():
            if any(value not in _INT64 for value in values):
                raise damaged("the values of equal samples add up to more than 64 bits")
        self.pprof.sample.extend(
            Sample(location_id=stacks[stack], value=values, label=labels[of_sample])
            for (stack, of_sample), values in samples.items()
        )
        self._add_locations(set().union(*(stacks[stack] for stack in {stack for stack, _ in samples})))

    def finished(self) -> Profile:
        self.pprof.string_table.extend(self._texts)
        return self.pprof

    def _add_locations(self, ids: Iterable[int]) -> None:
        lines = [(id_, *self._table.locations[id_ - 1]) for id_ in sorted(ids)]
        self.pprof.location.extend(
            Location(id=id_, mapping_id=1, line=[Line(function_id=function, line=line)])
            for id_, function, line in lines
        )
        self.pprof.function.extend(
            Function(id=id_, name=self._text(self._table.functions[id_ - 1]))
            for id_ in sorted({function for _, function, _ in lines})
        )

    def _value_type(self, type_and_unit: tuple[str, str]) -> ValueType:
        type_, unit = type_and_unit
        return ValueType(type=self._text(type_), unit=self._text(unit))

    def _labels(self, labels: Labels) -> Sequence[Label]:
        return [Label(key=self._text(name), str=self._text(value)) for name, value in labels]

    def _text(self, text: str) -> int:
        return self._texts.setdefault(text, len(self._texts))
