"""Measures one service over seven days: its first hour is uploaded, and SQL copies it to the other hours.

Queries read profiles before maintenance, and roll-ups after it.
"""

from collections.abc import Mapping, Sequence
from itertools import batched
from pathlib import Path
from time import process_time

from bench.engine import Engine
from bench.isolated import data_folder, in_new_process
from bench.ours import Flamehouse
from bench.plan import Plan
from bench.report import Line, mb
from bench.timing import Call, time_calls
from bench.workload import PROFILE_TYPE, Shape, an_hour, draw_profiles, make_services
from flamehouse.model.time_range import TimeRange

_DATABASE = "ours"
_SERVICE = "service-00"
_HOURS_A_DAY = 24
_HOUR_MS = 3_600_000
_AT_MOST = 3

_OTHER_IDS = """
    reinterpret(sipHash128(profile_id, hour), 'UUID') AS profile_id,
    toFixedString(concat(sipHash128(upload_id, hour), sipHash128(hour, upload_id)), 32) AS upload_id
"""
_LATER: Mapping[str, tuple[str, str]] = {
    "sampled_profiles": ("time", f"time + toIntervalHour(hour) AS time, {_OTHER_IDS}"),
}
"""The time column of each table, and the SQL that moves a row to a later hour."""

_REPEAT_HOUR = """
INSERT INTO {table}
SELECT * EXCEPT hour REPLACE ({moved})
FROM
(
    SELECT *
    FROM {table}
    WHERE profile_type = {{profile_type:String}} AND {time} < fromUnixTimestamp64Milli({{hour_end:Int64}}, 'UTC')
)
ARRAY JOIN range({{first:UInt16}}, {{end:UInt16}}) AS hour
"""

_REPEAT_SYMBOLS = """
INSERT INTO {table}
SELECT * REPLACE (week + 7 AS week)
FROM {table}
WHERE week = toMonday(fromUnixTimestamp64Milli({{hour_end:Int64}}, 'UTC'))
"""

_REPEAT_SERIES = """
INSERT INTO series
SELECT * EXCEPT later REPLACE (day + later AS day)
FROM series
ARRAY JOIN range(1, 8) AS later
"""


def measure(plan: Plan) -> Sequence[Line]:
    """Query an hour and all days, before and after maintenance and after merges."""
    with data_folder() as folder:
        return in_new_process(_measure, plan, folder)


def _measure(plan: Plan, folder: Path) -> list[Line]:
    engine = Engine(folder)
    ours = Flamehouse(folder, _DATABASE)
    with engine.merges_stopped():
        _load_hour(ours, plan)
        an_hours_total = ours.total(an_hour(0), _SERVICE)
        _lay_in(engine, plan.days)
        stored, sent = ours.total(_days(plan.days, 0), _SERVICE), an_hours_total * plan.days * _HOURS_A_DAY
        if stored != sent or ours.total(an_hour(0), _SERVICE) != an_hours_total:
            raise AssertionError(f"inserted {sent} ns, but the flame graph has {stored}")
        lines = _lines(ours, plan, "before maintenance")
        begun = process_time()
        ours.maintain()
        profiles = plan.long * _HOURS_A_DAY * plan.days
        lines.append(
            Line(
                what="CPU of maintenance, ms per profile",
                ours=f"{(process_time() - begun) * 1_000 / profiles:.2f}",
            )
        )
        lines += _lines(ours, plan, "after maintenance")
    engine.merge_all(_DATABASE)
    lines += _lines(ours, plan, "after merges")
    lines.append(Line(what=f"bytes, {plan.days} days", ours=mb(engine.bytes_of(_DATABASE))))
    ours.close()
    return lines


def _load_hour(ours: Flamehouse, plan: Plan) -> None:
    shape = Shape(services=1, stacks=plan.stacks, drawn=plan.drawn)
    for group in batched(draw_profiles(make_services(shape), plan.long), plan.group, strict=False):
        ours.insert(group)


def _lay_in(engine: Engine, days: int) -> None:
    """Fill the days with copies of the hour. Each day is one INSERT."""
    client = engine.connect(_DATABASE)
    bounds = {"profile_type": PROFILE_TYPE, "hour_end": an_hour(0).end_ms // _HOUR_MS * _HOUR_MS}
    for table, (time, moved) in _LATER.items():
        for day in range(days):
            hours = {"first": max(day * _HOURS_A_DAY, 1), "end": (day + 1) * _HOURS_A_DAY}
            client.command(_REPEAT_HOUR.format(table=table, time=time, moved=moved), {**bounds, **hours})
    for table in ("stacktraces", "functions", "locations", "mappings"):
        client.command(_REPEAT_SYMBOLS.format(table=table), bounds)
    client.command(_REPEAT_SERIES)
    client.close()


def _days(days: int, shift_ms: int) -> TimeRange:
    start_ms = an_hour(shift_ms).start_ms
    return TimeRange(start_ms=start_ms, end_ms=start_ms + days * _HOURS_A_DAY * _HOUR_MS)


def _lines(ours: Flamehouse, plan: Plan, stage: str) -> list[Line]:
    calls: dict[str, Call] = {
        "hour": lambda i: ours.flamegraph(an_hour(i), _SERVICE),
        "days": lambda i: ours.flamegraph(_days(plan.days, i), _SERVICE),
    }
    times = time_calls(calls, plan.repeats)
    profiles = plan.long * _HOURS_A_DAY * plan.days
    return [
        Line(
            what=f"flame graph of {plan.days} days, {profiles} profiles, {stage}",
            ours=str(times["days"]),
            beside=f"{times['hour']} one hour",
            figure=times["days"].least / times["hour"].least,
            at_most=None if stage == "before maintenance" else _AT_MOST,
        )
    ]
