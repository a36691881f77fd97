"""How a time range is cut: every millisecond once, each from the coarsest sums that hold no more than the range."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flamehouse.store.read.rollups import Pieces, Span, pieces_of

MIN = 60_000
FIVE = 5 * MIN
HOUR = 60 * MIN
NOTHING = ()


def filled(*spans: Span) -> tuple[Span, ...]:
    """The spans that hold any time."""
    return tuple(span for span in spans if span.start < span.end)


def cut(start: int, end: int) -> tuple[tuple[Span, ...], ...]:
    pieces = pieces_of(start, end)
    return filled(*pieces.raw), filled(*pieces.five_minutes), filled(pieces.hours)


@pytest.mark.parametrize(
    ("start", "end", "raw", "five_minutes", "hours"),
    [
        (0, 0, NOTHING, NOTHING, NOTHING),
        (7, 7, NOTHING, NOTHING, NOTHING),
        (FIVE, FIVE, NOTHING, NOTHING, NOTHING),
        (HOUR, HOUR, NOTHING, NOTHING, NOTHING),
        (7, 8, [(7, 8)], NOTHING, NOTHING),
        (FIVE - 1, FIVE, [(FIVE - 1, FIVE)], NOTHING, NOTHING),
        (FIVE - 1, FIVE + 1, [(FIVE - 1, FIVE + 1)], NOTHING, NOTHING),
        (1, 2 * FIVE - 1, [(1, 2 * FIVE - 1)], NOTHING, NOTHING),
        (0, FIVE, NOTHING, [(0, FIVE)], NOTHING),
        (1, 2 * FIVE, [(1, FIVE)], [(FIVE, 2 * FIVE)], NOTHING),
        (0, FIVE + 1, [(FIVE, FIVE + 1)], [(0, FIVE)], NOTHING),
        (FIVE, HOUR + FIVE, NOTHING, [(FIVE, HOUR + FIVE)], NOTHING),
        (0, HOUR, NOTHING, NOTHING, [(0, HOUR)]),
        (HOUR, 720 * HOUR, NOTHING, NOTHING, [(HOUR, 720 * HOUR)]),
        (HOUR - FIVE, 2 * HOUR, NOTHING, [(HOUR - FIVE, HOUR)], [(HOUR, 2 * HOUR)]),
        (
            HOUR - FIVE - 1,
            2 * HOUR + FIVE + 1,
            [(HOUR - FIVE - 1, HOUR - FIVE), (2 * HOUR + FIVE, 2 * HOUR + FIVE + 1)],
            [(HOUR - FIVE, HOUR), (2 * HOUR, 2 * HOUR + FIVE)],
            [(HOUR, 2 * HOUR)],
        ),
    ],
)
def test_a_range_is_cut_at_whole_buckets(
    start: int,
    end: int,
    raw: list[tuple[int, int]],
    five_minutes: list[tuple[int, int]],
    hours: list[tuple[int, int]],
) -> None:
    assert cut(start, end) == (tuple(raw), tuple(five_minutes), tuple(hours))


BOUNDARIES = st.builds(
    lambda bucket, count, off: max(0, bucket * count + off),
    st.sampled_from([1, FIVE, HOUR]),
    st.integers(0, 5_000),
    st.integers(-2, 2),
)


@given(BOUNDARIES, BOUNDARIES)
def test_the_pieces_are_the_range_in_whole_buckets(one: int, other: int) -> None:
    start, end = sorted((one, other))
    pieces = pieces_of(start, end)
    spans = sorted(filled(*pieces.raw, *pieces.five_minutes, pieces.hours))
    assert [span.end for span in spans[:-1]] == [span.start for span in spans[1:]]
    assert (spans[0].start, spans[-1].end) == (start, end) if spans else start == end
    assert _whole_buckets(pieces.five_minutes, FIVE)
    assert _whole_buckets((pieces.hours,), HOUR)
    assert _none_left(pieces)


def _whole_buckets(spans: tuple[Span, ...], bucket: int) -> bool:
    return all(not edge % bucket for span in filled(*spans) for edge in span)


def _none_left(pieces: Pieces) -> bool:
    """Whether no finer piece holds a whole bucket of the next coarser size."""
    finer = ((pieces.raw, FIVE), (pieces.five_minutes, HOUR))
    return all(
        -(-span.start // bucket) * bucket + bucket > span.end
        for spans, bucket in finer
        for span in filled(*spans)
    )
