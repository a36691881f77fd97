"""Formats numbers: one unit for a whole column, chosen by its largest value."""

from dataclasses import dataclass
from typing import Final

_STEPS: Final = {
    "nanoseconds": ((1e9, "s"), (1e6, "ms"), (1e3, "µs"), (1, "ns")),
    "bytes": ((1e12, "TB"), (1e9, "GB"), (1e6, "MB"), (1e3, "kB"), (1, "B")),
}
"""Divisors and suffixes by the unit of a profile type, largest first; other units are plain counts."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scale:
    """The format of the values of a column."""

    divisor: float = 1
    suffix: str = ""

    def text(self, value: float) -> str:
        """Return the value in this scale; counts have no decimals."""
        if not self.suffix:
            return f"{value:,.0f}"
        decimals = 0 if self.divisor == 1 else 2
        return f"{value / self.divisor:.{decimals}f} {self.suffix}"


def scale_of(unit: str, largest: float) -> Scale:
    """Return the scale for values up to `largest` of a unit such as `nanoseconds`, `bytes` or `count`."""
    steps = _STEPS.get(unit)
    if steps is None:
        return Scale()
    fitting = (step for step in steps if abs(largest) >= step[0])
    divisor, suffix = next(fitting, steps[-1] if largest else steps[0])
    return Scale(divisor=divisor, suffix=suffix)


def size_in_words(count: int) -> str:
    """Return a number of bytes as text, such as `5.60 MB`."""
    return scale_of("bytes", count or 1).text(count)
