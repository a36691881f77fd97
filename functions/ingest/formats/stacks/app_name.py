"""Derives the metric of plain stacks from an application's name: `checkout.alloc_space` is bytes of memory.

Plain stacks do not contain their type. The names are those of Pyroscope's older agents.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from flamehouse.errors import Code
from flamehouse.units import NS_PER_S
from ingest.formats import RefusedProfileError
from ingest.request.query import DEFAULT_SAMPLE_RATE

_DEFAULT_ENDING: Final = "cpu"


@dataclass(frozen=True, slots=True, kw_only=True)
class SampleType:
    """A metric, and the type and unit of its values.

    `period_ns` is the time that one sample represents; 0 if values are not samples of a clock.
    """

    metric: str
    type: str
    unit: str
    period_ns: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class _Clock:
    """Samples taken at a rate; their values are converted to time of this type."""

    metric: str
    type: str


_CPU: Final = _Clock(metric="process_cpu", type="cpu")
_WALL: Final = _Clock(metric="wall", type="wall")


def _memory(type_: str, unit: str) -> SampleType:
    return SampleType(metric="memory", type=type_, unit=unit)


def _contentions(metric: str) -> SampleType:
    return SampleType(metric=metric, type="contentions", unit="count")


def _delay(metric: str) -> SampleType:
    return SampleType(metric=metric, type="delay", unit="nanoseconds")


_BY_ENDING: Final[Mapping[str, _Clock | SampleType]] = {
    "cpu": _CPU,
    "itimer": _CPU,
    "wall": _WALL,
    "seconds": _WALL,
    "milliseconds": _WALL,
    "microseconds": _WALL,
    "nanoseconds": _WALL,
    "alloc_objects": _memory("alloc_objects", "count"),
    "alloc_space": _memory("alloc_space", "bytes"),
    "inuse_objects": _memory("inuse_objects", "count"),
    "inuse_space": _memory("inuse_space", "bytes"),
    "alloc_in_new_tlab_objects": _memory("alloc_in_new_tlab_objects", "count"),
    "alloc_in_new_tlab_bytes": _memory("alloc_in_new_tlab_bytes", "bytes"),
    "alloc_outside_tlab_objects": _memory("alloc_outside_tlab_objects", "count"),
    "alloc_outside_tlab_bytes": _memory("alloc_outside_tlab_bytes", "bytes"),
    "live": _memory("live", "count"),
    "bytes": _memory("samples", "bytes"),
    "goroutines": SampleType(metric="goroutine", type="goroutines", unit="count"),
    "mutex_count": _contentions("mutex"),
    "mutex_duration": _delay("mutex"),
    "block_count": _contentions("block"),
    "block_duration": _delay("block"),
    "lock_count": _contentions("block"),
    "lock_duration": _delay("block"),
    "exceptions": SampleType(metric="exceptions", type="samples", unit="count"),
}


def sample_type_of(ending: str) -> SampleType:
    """Returns the sample type of a known ending, at the default sample rate."""
    return read_app_name(f".{ending}", DEFAULT_SAMPLE_RATE)[1]


def read_app_name(app_name: str, sample_rate: int) -> tuple[str, SampleType]:
    """Returns the service, which is the name up to its last dot, and the sample type of the ending after the dot.

    Without a dot, the sample type is CPU. At a `sample_rate` of 0, samples of a clock stay counts.
    Raises RefusedProfileError for an unknown ending.
    """
    service, dot, ending = app_name.rpartition(".")
    if not dot:
        service, ending = app_name, _DEFAULT_ENDING
    found = _BY_ENDING.get(ending)
    if found is None:
        raise RefusedProfileError(Code.INVALID_ARGUMENT, _unknown(service, ending))
    return service, _at_rate(found, sample_rate) if isinstance(found, _Clock) else found


def _at_rate(clock: _Clock, sample_rate: int) -> SampleType:
    if not sample_rate:
        return SampleType(metric=clock.metric, type="samples", unit="count")
    period_ns = max(1, NS_PER_S // sample_rate)
    return SampleType(metric=clock.metric, type=clock.type, unit="nanoseconds", period_ns=period_ns)


def _unknown(service: str, ending: str) -> str:
    reason = (
        f"unknown profile type: {ending} (the application name '{service}.{ending}' was split at its last dot into the "
        f"service '{service}' and a profile type; a name without a dot means cpu; known types: {', '.join(_BY_ENDING)})"
    )
    return reason.encode(errors="surrogateescape").decode(errors="replace")
