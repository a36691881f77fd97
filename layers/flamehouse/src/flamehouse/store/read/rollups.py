"""Cutting a time range into what each table of samples answers: hours, five-minute pieces, and raw edges."""

from dataclasses import dataclass
from typing import NamedTuple

_MS_PER_5M = 300_000
_MS_PER_HOUR = 3_600_000


class Span(NamedTuple):
    """Milliseconds since the epoch, [start, end); empty where start is not before end."""

    start: int
    end: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Pieces:
    """A range [start, end) as disjoint spans: whole hours in the middle, five minutes around them, raw rows at the ends."""

    raw: tuple[Span, Span]
    five_minutes: tuple[Span, Span]
    hours: Span


def pieces_of(start_ms: int, end_ms: int) -> Pieces:
    """Each millisecond of [start_ms, end_ms) lies in one span, and in the coarsest that holds whole buckets of it."""
    five = _whole(start_ms, end_ms, _MS_PER_5M)
    hours = _whole(five.start, five.end, _MS_PER_HOUR)
    return Pieces(
        raw=(Span(start_ms, five.start), Span(five.end, end_ms)),
        five_minutes=(Span(five.start, hours.start), Span(hours.end, five.end)),
        hours=hours,
    )


def _whole(start: int, end: int, bucket: int) -> Span:
    """The whole buckets inside [start, end); an empty span at `end` where there are none."""
    first, last = -(-start // bucket) * bucket, end // bucket * bucket
    return Span(first, last) if first < last else Span(end, end)
