"""Maps events to profiles: grafana.com/docs/pyroscope/latest/configure-client/language-sdks/java."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

type Condition = Callable[[str | None, str], bool]
"""Decides whether an event counts, from its thread's state (None if the recording lacks it) and the sampling mode."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """A kind of profile: its `__name__`, its sample types and its period type; each type is a name and a unit.

    A sample's values are its count and, with a second sample type, its amount. Kinds with a single sample type that
    is a time are `timed` if amounts are periods of the request's sample rate, and `measured` if they are nanoseconds.
    """

    metric: str
    sample_types: Sequence[tuple[str, str]]
    period_type: tuple[str, str] | None
    timed: bool = False
    measured: bool = False

    def values(self, count: int, amount: int, period_ns: int) -> Sequence[int]:
        if self.timed:
            return (amount * period_ns,)
        if self.measured:
            return (amount,)
        return (count, amount)[: len(self.sample_types)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """An event that is a sample: its kinds, and the field with its amount, which is 1 without such a field.

    `ticks` says that the field is in ticks of the chunk's clock, which are converted to nanoseconds.
    """

    into: Sequence[tuple[Kind, Condition]]
    amount: str | None = None
    ticks: bool = False


def _always(_state: str | None, _sampled: str) -> bool:
    return True


def _of_wall(_state: str | None, sampled: str) -> bool:
    return sampled == "wall"


def _awake(state: str | None, _sampled: str) -> bool:
    return state is not None and state != "STATE_SLEEPING"


def _running_by_wall(state: str | None, sampled: str) -> bool:
    return sampled == "wall" and state == "STATE_RUNNABLE"


def _allocations(how: str) -> Kind:
    return Kind(
        metric="memory",
        sample_types=((f"alloc_{how}_objects", "count"), (f"alloc_{how}_bytes", "bytes")),
        period_type=("space", "bytes"),
    )


def _waits(metric: str) -> Kind:
    return Kind(
        metric=metric,
        sample_types=(("contentions", "count"), ("delay", "nanoseconds")),
        period_type=(metric, "count"),
    )


_CPU: Final = Kind(
    metric="process_cpu",
    sample_types=(("cpu", "nanoseconds"),),
    period_type=("cpu", "nanoseconds"),
    timed=True,
)
_CPU_TIME: Final = Kind(
    metric="process_cpu",
    sample_types=(("cpu", "nanoseconds"),),
    period_type=("cpu", "nanoseconds"),
    measured=True,
)
_WALL: Final = Kind(
    metric="wall",
    sample_types=(("wall", "nanoseconds"),),
    period_type=("wall", "nanoseconds"),
    timed=True,
)
_LIVE: Final = Kind(metric="memory", sample_types=(("live", "count"),), period_type=("objects", "count"))
_MALLOC: Final = Kind(
    metric="memory", sample_types=(("malloc_objects", "count"), ("malloc_bytes", "bytes")), period_type=None
)

EVENTS: Final[Mapping[str, Event]] = {
    "jdk.ExecutionSample": Event(into=((_CPU, _awake), (_WALL, _of_wall))),
    "profiler.WallClockSample": Event(into=((_WALL, _always), (_CPU, _running_by_wall)), amount="samples"),
    "jdk.ObjectAllocationInNewTLAB": Event(into=((_allocations("in_new_tlab"), _always),), amount="tlabSize"),
    "jdk.ObjectAllocationOutsideTLAB": Event(
        into=((_allocations("outside_tlab"), _always),), amount="allocationSize"
    ),
    "jdk.ObjectAllocationSample": Event(into=((_allocations("sample"), _always),), amount="weight"),
    "jdk.JavaMonitorEnter": Event(into=((_waits("mutex"), _always),), amount="duration", ticks=True),
    "jdk.ThreadPark": Event(into=((_waits("block"), _always),), amount="duration", ticks=True),
    "jdk.CPUTimeSample": Event(into=((_CPU_TIME, _always),), amount="samplingPeriod", ticks=True),
    "profiler.LiveObject": Event(into=((_LIVE, _always),)),
    "profiler.Malloc": Event(into=((_MALLOC, _always),), amount="size"),
}
"""Sample events by class name."""
