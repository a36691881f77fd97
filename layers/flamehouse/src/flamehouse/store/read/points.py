"""Profiles and spans as points in time, grouped by labels: the input of series and heatmaps.

A point is the value of one profile (or of one span in it) across all series of a group. If sample labels split a
profile into several series, it is still one point, with the sum of their values.
"""

from collections.abc import Mapping, Sequence
from typing import Final

from flamehouse.model.exemplar import PointKind
from flamehouse.model.sample_selector import EVERY_SAMPLE, SampleSelector
from flamehouse.model.time_range import TimeRange
from flamehouse.store.read.matchers import ALWAYS, COLUMN_OF_LABEL, Condition, all_of
from flamehouse.store.read.reader import Reader
from flamehouse.store.read.sample_conditions import (
    profile_condition,
    span_condition,
    spans_of_profile,
    stack_condition,
)
from flamehouse.store.read.selection import Selection, clamp_ms
from flamehouse.store.sql import SqlFile

_SQL: Final = SqlFile(__file__)


def points_sql(source: str, selection: Selection, group_by: Sequence[str]) -> str:
    """SQL that builds points from the rows that `source` selects."""
    return _SQL("points", source=source, timestamp=timestamp_sql(), **grouping_of(selection, group_by))


def source_of(
    reader: Reader, selection: Selection, kind: PointKind, samples: SampleSelector = EVERY_SAMPLE
) -> Condition:
    """SQL of rows (fingerprint, time, profile, span, trace, total) for these samples, by profile or span."""
    names = {"profiles": reader.profiles, "rows": selection.rows, "within": within_sql()}
    if kind is PointKind.PROFILE and samples == EVERY_SAMPLE:
        return Condition(sql=_SQL("totals", **names), parameters={})
    profile_ids, selected = profile_condition(samples), _selected(selection, samples)
    part, of_kind = ("spans", "notEmpty(span_ids)") if kind is PointKind.SPAN else ("selected_totals", ALWAYS)
    rows = all_of(selection.rows, profile_ids.sql, of_kind, spans_of_profile(samples))
    return Condition(
        sql=_SQL(part, samples=_SQL("samples", **{**names, "rows": rows}), selected=selected.sql),
        parameters={**profile_ids.parameters, **selected.parameters},
    )


def within_sql() -> str:
    """The condition that the time of a row is in the range."""
    return _SQL("within")


def timestamp_sql() -> str:
    """The timestamp of the step that contains the time of a row."""
    return _SQL("timestamp")


def exemplar_sql() -> str:
    """A point as an exemplar; the minimum of several points is their exemplar."""
    return _SQL("exemplar")


def grouping_of(selection: Selection, group_by: Sequence[str]) -> Mapping[str, str]:
    """`labels`, the expression by which to group rows with a fingerprint, and `join`, the join that it needs."""
    if not group_by:
        return {"labels": _SQL("ungrouped"), "join": ""}
    return {"labels": _SQL("grouped"), "join": _SQL("join_groups", tenants=selection.tenants)}


def grouping_of_profiles(selection: Selection, group_by: Sequence[str]) -> Mapping[str, str]:
    """Like `grouping_of`, for rows of the table of profiles: it has columns for some labels, which need no join."""
    if not group_by or not COLUMN_OF_LABEL.keys() >= set(group_by):
        return grouping_of(selection, group_by)
    pairs = ", ".join(f"('{name}', toString({COLUMN_OF_LABEL[name]}))" for name in group_by)
    return {"labels": _SQL("grouped_by_columns", pairs=pairs), "join": ""}


def parameters_of(
    selection: Selection, within: TimeRange, first: int, step: int, group_by: Sequence[str]
) -> Mapping[str, object]:
    """The parameters of this SQL: rows within the range, ends included, in steps from `first`; all in milliseconds."""
    return {
        **selection.parameters,
        "first": first,
        "step": step,
        "from": clamp_ms(within.start_ms),
        "until": clamp_ms(within.end_ms + 1),
        "group_by": list(group_by),
    }


def _selected(selection: Selection, samples: SampleSelector) -> Condition:
    """The condition on rows of samples."""
    spans, call_site = span_condition(samples), stack_condition(samples, selection.symbols)
    if not call_site.parameters:
        return spans
    stacks = f"SELECT id FROM stacktraces WHERE {all_of(selection.symbols, call_site.sql)}"
    sql = all_of(spans.sql, f"stacktrace_id IN ({stacks})")
    return Condition(sql=sql, parameters={**spans.parameters, **call_site.parameters})
