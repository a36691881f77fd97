"""Measures the parsing of JFR recordings in ../shared/conformance/jfr, from their bytes to pprof messages.

The first parse in a process is measured separately: later ones of recordings by the same profiler use cached types.
"""

import gzip
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from time import process_time

from bench.isolated import in_new_process
from bench.plan import Plan
from bench.report import Line
from ingest.formats.jfr import parse
from ingest.request.query import parse_ingest_request

_RECORDINGS = Path(__file__).resolve().parents[2] / "shared" / "conformance" / "jfr"
_AT_LEAST_MB_S = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class _Cost:
    """The uncompressed bytes of a recording, and the CPU milliseconds to read it: first time and later minimum."""

    size: int
    first_ms: float
    least_ms: float


def measure(plan: Plan) -> Sequence[Line]:
    """Return a line per recording and one for all, or a hint if ../shared does not exist next to the clone."""
    folders = sorted(path.parent for path in _RECORDINGS.glob("*/input.jfr.gz"))
    if not folders:
        return [Line(what="JFR", ours="not measured: needs the recordings in ../shared")]
    costs = {folder.name: in_new_process(_measure, folder, plan.repeats) for folder in folders}
    all_of_them = _Cost(
        size=sum(cost.size for cost in costs.values()),
        first_ms=sum(cost.first_ms for cost in costs.values()),
        least_ms=sum(cost.least_ms for cost in costs.values()),
    )
    return [
        *(_line(f"CPU: {name}", cost, at_least=None) for name, cost in costs.items()),
        _line("CPU: all recordings", all_of_them, at_least=_AT_LEAST_MB_S),
    ]


def _line(what: str, cost: _Cost, *, at_least: float | None) -> Line:
    rate = cost.size / cost.least_ms / 1e3
    return Line(
        what=what,
        ours=f"{cost.least_ms:.1f} ms, first {cost.first_ms:.1f} ms",
        beside=f"{cost.size / 1e3:,.0f} kB unpacked",
        figure=rate,
        at_least=at_least,
    )


def _measure(folder: Path, repeats: int) -> _Cost:
    request = parse_ingest_request("name=app&format=jfr&sampleRate=100&from=1706241880&until=1706241890", 0)
    recorded = {"input": "jfr", "labels": "labels"}
    parts = {
        recorded[path.name.split(".")[0]]: gzip.decompress(path.read_bytes())
        for path in folder.glob("*.gz")
        if path.name.split(".")[0] in recorded
    }
    times = [_cpu_ms(lambda: parse(request, parts)) for _ in range(1 + repeats)]
    return _Cost(size=len(parts["jfr"]), first_ms=times[0], least_ms=min(times[1:]))


def _cpu_ms(call: Callable[[], object]) -> float:
    before = process_time()
    call()
    return (process_time() - before) * 1_000
