"""The time range of a query, in milliseconds since the epoch, as the RPCs carry it."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class TimeRange:
    """From `start_ms` to `end_ms`; each query defines which ends it includes. May be negative or empty."""

    start_ms: int
    end_ms: int

    @property
    def length_ms(self) -> int:
        return self.end_ms - self.start_ms
