"""Measures both servers in turns, so that other load on the machine affects both equally."""

import statistics
from collections.abc import Callable, Iterator, Sequence

from bench.compare.side import NotSupportedError, Request, Side, Taken
from bench.report import Line

SLOWER: float = 1.05
"""A minimum counts as slower above this multiple of the older server's."""
_ALIKE: float = 1.02
"""Responses that differ in size by more than this factor are reported, as their times are hardly comparable."""

type Call = Callable[[Side], Taken]
"""Measures a server once. Raises NotSupportedError if the server lacks the measured feature."""


def query_lines(sides: Sequence[Side], name: str, request: Request, rounds: int) -> Iterator[Line]:
    """Yield the lines of a query; the first request to each server is not measured."""
    try:
        before, now = (len(side.send(request)) for side in sides)
        if max(before, now) > _ALIKE * min(before, now):
            yield Line(what=f"{name}: bytes of the response", ours=f"{now:,}", beside=f"{before:,}")
        taken = _in_turns(sides, lambda side: side.time(request), rounds)
    except NotSupportedError as error:
        yield Line(what=name, ours=str(error))
        return
    yield from lines_of(name, *taken)


def _in_turns(sides: Sequence[Side], call: Call, rounds: int) -> tuple[list[Taken], list[Taken]]:
    """Measure one server right after the other, in alternating order."""
    taken: tuple[list[Taken], list[Taken]] = ([], [])
    order = [*zip(taken, sides, strict=True)]
    for _ in range(rounds):
        for each, side in order:
            each.append(call(side))
        order.reverse()
    return taken


def lines_of(name: str, before: Sequence[Taken], now: Sequence[Taken]) -> Iterator[Line]:
    """Yield a line for the time, and one for the CPU if it was measured."""
    yield _line(name, *([each.wall_ms for each in side] for side in (before, now)))
    if any(each.cpu_ms for each in now):
        yield _line(f"... CPU of {name}", *([each.cpu_ms for each in side] for side in (before, now)))


def _line(what: str, before: Sequence[float], now: Sequence[float]) -> Line:
    return Line(
        what=what,
        ours=_shown(now),
        beside=_shown(before),
        figure=min(now) / min(before) if min(before) else None,
        at_most=SLOWER,
    )


def _shown(times: Sequence[float]) -> str:
    return f"{min(times):.3g} / {statistics.median(times):.3g} ms"
