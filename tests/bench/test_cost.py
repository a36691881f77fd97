"""The sums of docs/cost.md follow from the durations on that page."""

import re
from itertools import zip_longest
from typing import Final

import pytest

from bench.cost import Duration, dollars
from tests.support.servers.place import REPO

PAGE: Final = (REPO / "docs/cost.md").read_text()
DURATIONS: Final = {
    name: (float(cpu), float(waits), int(memory))
    for name, cpu, waits, memory in re.findall(
        r"^\| ([^|]+) \| ([\d.]+) \| ([\d.]+) \| (\d+) \|$", PAGE, re.MULTILINE
    )
}
TOTALS: Final = {
    name: [float(cell) for cell in cells.split("|") if cell.strip()]
    for name, cells in re.findall(r"^\| (`[^|]+) \|((?: [\d.]* ?\|){6})$", PAGE, re.MULTILINE)
}
BATCHES: Final = {"the worker": 10, "the drain": 300}
"""The number of uploads that one invocation stores."""
STORED_BY: Final = {
    "`direct`": ("`direct`", None),
    "`fallback`, ClickHouse awake": ("`fallback`, ClickHouse awake", None),
    "`fallback`, ClickHouse asleep": ("`fallback`, ClickHouse asleep", "the worker"),
    "`staged`": ("`staged`", "the worker"),
    "`staged` with `DrainSchedule`": ("`staged`", "the drain"),
}


def duration(name: str) -> Duration:
    cpu_ms, waits_ms, memory_mb = DURATIONS[name]
    return Duration(
        cpu_ms=cpu_ms, waits_ms=waits_ms, memory_mb=memory_mb, invocations=1 / BATCHES.get(name, 1)
    )


def test_the_page_has_every_mode() -> None:
    assert TOTALS.keys() == STORED_BY.keys()


@pytest.mark.parametrize("mode", STORED_BY)
def test_the_dollars_of_a_mode_follow_from_its_durations(mode: str) -> None:
    request, stored_by = STORED_BY[mode]
    parts = [*dollars(duration(request), duration(stored_by) if stored_by else None).values()]
    for shown, computed in zip_longest(TOTALS[mode], [*parts, sum(parts)]):
        assert shown == pytest.approx(computed, abs=0.006)
