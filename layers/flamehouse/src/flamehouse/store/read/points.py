"""Profiles and spans as points in time, under the labels that they are grouped by: what series and heatmaps are made of.

A point is what one profile (or one span in it) has under all series of a group: a profile that sample labels have split
over several series is one point, with the sum of their values.
"""

from collections.abc import Mapping, Sequence
from string import Template

from flamehouse.model.time_range import TimeRange
from flamehouse.store.read.selection import Selection, clamp_ms

WITHIN = (
    "time >= fromUnixTimestamp64Milli({from:Int64}, 'UTC')"
    " AND time < fromUnixTimestamp64Milli({until:Int64}, 'UTC')"
)

TIMESTAMP = (
    "{first:Int64} + {step:Int64}"
    " * intDiv(toUnixTimestamp64Milli(time) - {first:Int64} + {step:Int64} - 1, {step:Int64})"
)
"""The step that a row belongs to, named by its last millisecond; no row may lie before the first step."""

TOTALS = Template(f"""
            SELECT fingerprint, time, profile_id, toUInt64(0) AS span_id, toFixedString('', 16) AS trace_id, total
            FROM profiles
            WHERE $rows AND {WITHIN}""")
"""A row for each profile and series."""

SELECTED_TOTALS = Template(f"""
            SELECT
                fingerprint, time, profile_id, toUInt64(0) AS span_id, toFixedString('', 16) AS trace_id, sum(value) AS total
            FROM samples
            WHERE $rows AND {WITHIN} AND $samples
            GROUP BY fingerprint, time, profile_id""")
"""The same of some samples alone."""

SPANS = Template(f"""
            SELECT fingerprint, time, profile_id, span_id, trace_id, value AS total
            FROM samples
            WHERE $rows AND {WITHIN} AND span_id != 0 AND $samples""")
"""Rows of spans, several for each."""

POINTS = f"""
        SELECT
            $labels AS labels,
            {TIMESTAMP} AS timestamp,
            toUnixTimestamp64Milli(time) AS at,
            profile_id,
            span_id,
            trace_id,
            sum(taken.total) AS total,
            count() AS parts,
            arraySort(groupUniqArray(fingerprint)) AS fingerprints
        FROM
        ($source
        ) AS taken
        $join
        GROUP BY labels, timestamp, at, profile_id, span_id, trace_id"""
"""What a Template asks points by: a row for each; `parts` are the rows of the source that it was made of."""

EXEMPLAR = "(-total, at < {first:Int64}, at, span_id, trace_id, toString(profile_id), fingerprints)"
"""A point as an exemplar: the least is that of the highest value, of those one within the range, the earliest, and so on.

The first step begins before the range, where no flame graph would find the exemplar.
"""

_GROUPED = {
    "labels": "present",
    "join": """ANY LEFT JOIN
    (
        SELECT
            fingerprint AS of_series,
            arrayFilter(
                label -> label.2 != '', arrayMap(name -> (name, labels[name]), {group_by:Array(String)})
            ) AS present
        FROM series
        WHERE tenant = {tenant:String} AND profile_type = {profile_type:String}
            AND day BETWEEN toDate({first_day:Int32}) AND toDate({last_day:Int32})
    ) AS groups ON fingerprint = of_series""",
}
_UNGROUPED = {"labels": "CAST([], 'Array(Tuple(String, String))')", "join": ""}


def grouping_of(group_by: Sequence[str]) -> Mapping[str, str]:
    """The `labels` that rows with a fingerprint are grouped by, and the `join` that tells them."""
    return _GROUPED if group_by else _UNGROUPED


def parameters_of(
    selection: Selection, within: TimeRange, first: int, step: int, group_by: Sequence[str]
) -> Mapping[str, object]:
    """What all of this binds: rows of the range, both ends included, in steps from `first`; all in milliseconds."""
    return {
        **selection.parameters,
        "first": first,
        "step": step,
        "from": clamp_ms(within.start_ms),
        "until": clamp_ms(within.end_ms + 1),
        "group_by": list(group_by),
    }
