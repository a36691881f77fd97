"""Times calls in turn, so that other load on the machine affects all of them equally."""

import statistics
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from time import perf_counter

type Call = Callable[[int], object]
"""A call to time; its argument is the number of the repetition."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Times:
    """The milliseconds of a call over several repetitions."""

    least: float
    median: float

    def __str__(self) -> str:
        return f"{self.least:.3g} / {self.median:.3g} ms"


def time_calls(calls: Mapping[str, Call], repeats: int) -> dict[str, Times]:
    """Return times by name. Each call runs once untimed; then the calls take turns."""
    taken: dict[str, list[float]] = {name: [] for name in calls}
    for repeat in range(-1, repeats):
        for name, call in calls.items():
            before = perf_counter()
            call(repeat)
            if repeat >= 0:
                taken[name].append((perf_counter() - before) * 1_000)
    return {name: Times(least=min(times), median=statistics.median(times)) for name, times in taken.items()}
