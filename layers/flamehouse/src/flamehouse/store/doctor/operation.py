"""Checks the operation of the database: its latency, its clock, the parts of its tables, and its roll-ups."""

from collections.abc import Iterator
from statistics import median
from time import perf_counter
from typing import Final

from flamehouse.store.doctor.finding import Examination, Finding, Severity
from flamehouse.store.sql import SqlFile

_ATTEMPTS: Final = 5
_MS_PER_S: Final = 1_000
_MIB: Final = 1 << 20

_SQL: Final = SqlFile(__file__)


def check_latency(examination: Examination) -> Iterator[Finding]:
    """Check that the database is near its clients, by the latency of a query."""
    times = []
    for _ in range(_ATTEMPTS):
        started = perf_counter()
        examination.clickhouse.rows("SELECT 1")
        times.append((perf_counter() - started) * _MS_PER_S)
    text = f"a query takes at least {median(times):.0f} ms"
    if median(times) < examination.thresholds.latency_ms:
        yield Finding(check="latency", severity=Severity.OK, text=text)
        return
    advice = "deploy in ClickHouse's region; if this machine is elsewhere, the distance may be the cause"
    yield Finding(check="latency", severity=Severity.WARNING, text=text, advice=advice)


def check_clock(examination: Examination) -> Iterator[Finding]:
    """Check that the server's clock agrees with this machine's."""
    before = examination.clock()
    [(server_ms,)] = examination.clickhouse.rows(_SQL("now"))
    after = examination.clock()
    skew = server_ms / _MS_PER_S - (before + after) / 2
    yield skew_finding("ClickHouse", skew, (after - before) / 2, examination)


def skew_finding(whose: str, skew_s: float, accuracy_s: float, examination: Examination) -> Finding:
    """Return the finding for a clock that is `skew_s` ahead of this machine's, give or take `accuracy_s`."""
    certain = max(0.0, abs(skew_s) - accuracy_s)
    if certain < examination.thresholds.skew_warning_s:
        return Finding(check="clock", severity=Severity.OK, text=f"{whose} and this machine agree")
    return Finding(
        check="clock",
        severity=Severity.FAULT if certain >= examination.thresholds.skew_fault_s else Severity.WARNING,
        text=f"{whose}'s clock is {abs(skew_s):.1f} s {'ahead of' if skew_s > 0 else 'behind'} this machine's",
        advice="synchronize both clocks (NTP): profiles from the future are rejected, and old ones expire early",
    )


def check_parts(examination: Examination) -> Iterator[Finding]:
    """Check that parts are merged as fast as they are inserted."""
    for table, partition, parts, size in examination.clickhouse.rows(_SQL("parts")):
        text = (
            f"at most {parts} parts in a partition ({table} {partition}, {size / parts / _MIB:.2f} MiB each)"
        )
        if parts < examination.thresholds.parts_warning:
            yield Finding(check="parts", severity=Severity.OK, text=text)
            return
        yield Finding(
            check="parts",
            severity=Severity.FAULT if parts >= examination.thresholds.parts_fault else Severity.WARNING,
            text=text,
            advice="inserts come faster than ClickHouse merges: give it more capacity, or send fewer and larger uploads",
        )
        return
    yield Finding(check="parts", severity=Severity.OK, text="no parts yet")


def check_rollups(examination: Examination) -> Iterator[Finding]:
    """Check that hours have roll-ups, which make long queries fast."""
    [(hours,)] = examination.clickhouse.rows(_SQL("without_rollups"))
    text = f"{hours} of the last 168 hours have profiles without roll-ups"
    if hours < examination.thresholds.hours_without_rollups:
        yield Finding(check="rollups", severity=Severity.OK, text=text)
        return
    advice = "run every hour: flamehouse maintain"
    yield Finding(check="rollups", severity=Severity.WARNING, text=text, advice=advice)
