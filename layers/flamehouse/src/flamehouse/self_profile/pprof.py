"""Converts CPU time by stack to a pprof message."""

from collections.abc import Iterable, Mapping
from types import CodeType

from flamehouse.pb.profile_pb2 import Function, Line, Location, Profile, Sample, ValueType
from flamehouse.self_profile.cpu_sampler import Stack


def pprof_of(stacks: Mapping[Stack, int], *, start_ns: int, end_ns: int) -> Profile:
    """Return the profile of the CPU time in nanoseconds by stack, for [start, end)."""
    table = _Table()
    cpu = ValueType(type=table.text("cpu"), unit=table.text("nanoseconds"))
    samples = [
        Sample(location_id=[table.location(code, line) for code, line in stack], value=[spent])
        for stack, spent in stacks.items()
    ]
    return Profile(
        sample_type=[cpu],
        period_type=cpu,
        sample=samples,
        location=table.locations.values(),
        function=table.functions.values(),
        string_table=table.texts,
        time_nanos=start_ns,
        duration_nanos=end_ns - start_ns,
    )


class _Table:
    """The distinct symbols of a profile, numbered from 1; the first text is empty."""

    def __init__(self) -> None:
        self._numbers: dict[str, int] = {"": 0}
        self.functions: dict[CodeType, Function] = {}
        self.locations: dict[tuple[CodeType, int], Location] = {}

    @property
    def texts(self) -> Iterable[str]:
        return self._numbers

    def text(self, text: str) -> int:
        return self._numbers.setdefault(text, len(self._numbers))

    def location(self, code: CodeType, line: int) -> int:
        if (code, line) not in self.locations:
            number = len(self.locations) + 1
            at = Line(function_id=self._function(code), line=line)
            self.locations[code, line] = Location(id=number, line=[at])
        return self.locations[code, line].id

    def _function(self, code: CodeType) -> int:
        if code not in self.functions:
            self.functions[code] = Function(
                id=len(self.functions) + 1,
                name=self.text(code.co_qualname),
                filename=self.text(code.co_filename),
                start_line=code.co_firstlineno,
            )
        return self.functions[code].id
