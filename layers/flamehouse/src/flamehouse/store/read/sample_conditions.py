"""A sample selector as conditions on the rows of profiles, of their samples, and of stacks."""

from typing import Final

from flamehouse.model.sample_selector import SampleSelector
from flamehouse.model.symbols import hash64
from flamehouse.store.read.matchers import (
    ALWAYS,
    NAME_BYTES,
    Condition,
    all_of,
    is_regexp,
    matches_anywhere,
    split_for,
)
from flamehouse.store.sql import SqlFile

_SQL: Final = SqlFile(__file__)

_NO_SPAN_ID: Final = 0
_NO_TRACE_ID: Final = bytes(16)


def profile_condition(samples: SampleSelector) -> Condition:
    """The selector's condition on rows of profiles; without parameters if it selects all."""
    if not samples.profile_ids:
        return Condition(sql=ALWAYS, parameters={})
    bound = {"profile_ids": [str(id_) for id_ in samples.profile_ids]}
    return Condition(sql="profile_id IN {profile_ids:Array(UUID)}", parameters=bound)


def span_condition(samples: SampleSelector) -> Condition:
    """The selector's condition on a sample's `span_id` and `trace_id`; without parameters if it selects all."""
    conditions: list[str] = []
    bound: dict[str, object] = {}
    if samples.span_ids:
        conditions.append("span_id IN {span_ids:Array(UInt64)}")
        bound["span_ids"] = [id_ for id_ in samples.span_ids if id_ != _NO_SPAN_ID]
    if samples.trace_ids:
        conditions.append(f"trace_id IN {_SQL('traces')}")
        bound["trace_ids"] = [id_.hex() for id_ in samples.trace_ids if id_ != _NO_TRACE_ID]
    return Condition(sql=all_of(*conditions), parameters=bound)


def spans_of_profile(samples: SampleSelector) -> str:
    """The condition on rows of profiles with any sample that `span_condition`, whose parameters it uses, selects.

    It is not needed for the result: without it, ClickHouse unfolds the samples of every profile.
    """
    of_spans = "hasAny(span_ids, {span_ids:Array(UInt64)})" if samples.span_ids else ALWAYS
    of_traces = f"hasAny(trace_ids, {_SQL('traces')})" if samples.trace_ids else ALWAYS
    return all_of(of_spans, of_traces)


def stack_condition(samples: SampleSelector, symbols: str) -> Condition:
    """The condition on rows of `stacktraces` for the selector's call site and frame filter.

    `symbols` is the condition on the rows of `functions` to search.
    """
    conditions: list[str] = []
    bound: dict[str, object] = {}
    for name, part, names in (
        ("call_site", "call_site", samples.call_site),
        ("frames", "included", samples.frames.include),
        ("no_frames", "excluded", samples.frames.exclude),
    ):
        if names:
            conditions.append(_SQL(part))
            bound[name] = [hash64(each.encode()) for each in names]
    for prefix, exists, regexes in (
        ("frame_regex_", "arrayExists", samples.frames.include_regexes),
        ("no_frame_regex_", "NOT arrayExists", samples.frames.exclude_regexes),
    ):
        for number, regex in enumerate(regexes):
            value = f"{{{prefix}{number}:String}}"
            split = split_for([regex], NAME_BYTES)
            matched = {
                "is_regexp": is_regexp(value),
                "matches": matches_anywhere("concat(name, piece)", value),
            }
            parts = {"symbols": symbols, "join": split.join, "settings": split.settings}
            conditions.append(_SQL("matched", exists=exists, **matched, **parts))
            bound[f"{prefix}{number}"] = regex
    return Condition(sql=all_of(*conditions), parameters=bound)
