"""Profiles in a short notation as stacks, and the pprof message that a client would send."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from flamehouse.pb.profile_pb2 import Function, Label, Line, Location, Profile, ValueType
from flamehouse.pb.profile_pb2 import Mapping as Mapped
from flamehouse.pb.profile_pb2 import Sample as PprofSample

type Frame = str | tuple[str, ...] | int
"""A function; functions inlined into each other, the callee first; or the address of an unknown function."""

MS = 1_000_000
"""Nanoseconds in a millisecond."""
CPU_TYPES = (("cpu", "nanoseconds"),)
CPU = "process_cpu:cpu:nanoseconds:cpu:nanoseconds"


def labels_of(**labels: str) -> Mapping[str, str]:
    """Returns labels of a CPU profile's series; the default service is `shop`."""
    return {"__name__": "process_cpu", "service_name": "shop", **labels}


CPU_LABELS = labels_of()


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """One sample: its stack, root first, a value a sample type, and its string labels."""

    stack: Sequence[Frame]
    values: Sequence[int]
    labels: Mapping[str, str] = field(default_factory=dict)


def sample(stack: Sequence[Frame], *values: int, **labels: str) -> Sample:
    """Returns a sample; a stack of one-letter functions may be a string."""
    return Sample(stack=stack, values=values, labels=labels)


def names_of(stack: Iterable[Frame]) -> list[str]:
    """Returns the frames that a flame graph shows for a stack without a mapping, root first."""
    names: list[str] = []
    for frame in stack:
        names += (f"{frame:#x}",) if isinstance(frame, int) else (frame,) if isinstance(frame, str) else frame
    return names or ["[unknown]"]


def pprof_of(
    samples: Sequence[Sample],
    *,
    time_ms: int,
    types: Sequence[tuple[str, str]] = CPU_TYPES,
    period: tuple[str, str] | None = None,
    mapping: Mapped | None = None,
) -> Profile:
    """Returns the pprof message; its period type defaults to the last sample type.

    Its locations are in `mapping` if there is one.
    """
    table = _Table()
    period_type, period_unit = period or types[-1]
    message = Profile(
        time_nanos=time_ms * MS,
        sample_type=[ValueType(type=table.text(type_), unit=table.text(unit)) for type_, unit in types],
        period_type=ValueType(type=table.text(period_type), unit=table.text(period_unit)),
        mapping=[mapping] if mapping else [],
    )
    for each in samples:
        message.sample.append(
            PprofSample(
                location_id=[table.location(frame) for frame in reversed(each.stack)],
                value=each.values,
                label=[
                    Label(key=table.text(name), str=table.text(value)) for name, value in each.labels.items()
                ],
            )
        )
    for frame, id_ in table.locations.items():
        message.location.append(table.location_message(frame, id_, mapping.id if mapping else 0))
    message.function.extend(Function(id=id_, name=table.text(name)) for name, id_ in table.functions.items())
    message.string_table.extend(table.texts)
    return message


class _Table:
    """The entries to which parts of a message refer, numbered in the order of first use."""

    def __init__(self) -> None:
        self.texts = {"": 0}
        self.functions: dict[str, int] = {}
        self.locations: dict[Frame, int] = {}

    def text(self, text: str) -> int:
        return self.texts.setdefault(text, len(self.texts))

    def location(self, frame: Frame) -> int:
        return self.locations.setdefault(frame, len(self.locations) + 1)

    def location_message(self, frame: Frame, id_: int, mapping_id: int) -> Location:
        if isinstance(frame, int):
            return Location(id=id_, mapping_id=mapping_id, address=frame)
        names = (frame,) if isinstance(frame, str) else frame
        lines = [
            Line(function_id=self.functions.setdefault(name, len(self.functions) + 1))
            for name in reversed(names)
        ]
        return Location(id=id_, mapping_id=mapping_id, line=lines)
