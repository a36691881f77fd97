"""Which stacks a query is about, and the value of each: the subquery that every merged result starts from.

Values are summed by stack: from roll-ups in the whole hours of a range, where they are valid, and from profiles in the
rest. Roll-ups know neither profiles nor spans: a query for some of these reads profiles alone.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final, Self

from flamehouse.model.profile import hash64
from flamehouse.model.queries import ProfileQuery, SampleSelector, StacktraceQuery
from flamehouse.store.read.matchers import Condition, is_regexp, matches_anywhere
from flamehouse.store.read.reader import Reader
from flamehouse.store.read.selection import Selection, clamp_ms, prefix_bound, selection_of
from flamehouse.store.sql import SqlFile
from flamehouse.units import MS_PER_HOUR, S_PER_HOUR

_SQL: Final = SqlFile(__file__)

_NO_SPAN_ID: Final = 0
_NO_TRACE_ID: Final = bytes(16)

_MIN_HOURS: Final = 2
"""To read one hour's profiles costs less than to find out whether its roll-up is valid."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StackValues:
    """The stacks of some samples as SQL, and the values that it binds.

    `sql` selects a row (`stack`, `value`) for each distinct stack, `value` not 0 and of 128 bits. `call_site` is the
    condition that call site and frame filter make on rows of the table `stacktraces`. `selection` is what the samples
    were selected by.
    """

    sql: str
    call_site: str
    selection: Selection
    parameters: Mapping[str, object]

    @property
    def stacktraces(self) -> str:
        """The condition on rows of the table `stacktraces` that may be meant, the call site in it."""
        return f"({self.selection.symbols} AND {self.call_site})"

    def prefixed(self, prefix: str) -> Self:
        """The same with other names for what it binds, so that two may stand in one statement."""
        return replace(
            self,
            sql=prefix_bound(self.sql, prefix),
            call_site=prefix_bound(self.call_site, prefix),
            selection=self.selection.prefixed(prefix),
            parameters={prefix + name: value for name, value in self.parameters.items()},
        )


def select_stack_values(reader: Reader, tenant: str, query: StacktraceQuery | ProfileQuery) -> StackValues:
    """The stacks of the samples that the query selects."""
    selection = selection_of(tenant, query.profile_type, query.matchers, query.within)
    profile_ids, spans = profile_condition(query.samples), span_condition(query.samples)
    call_site = stack_condition(query.samples, selection.symbols)
    start, end = clamp_ms(query.within.start_ms), clamp_ms(query.within.end_ms)
    first_hour, end_hour = -(-start // MS_PER_HOUR), end // MS_PER_HOUR
    names = {"profiles": reader.profiles, "rows": selection.rows}
    if spans.parameters:
        columns = "stacktrace_ids, values, span_ids, trace_ids"
        rows = _SQL("profiles", **names, profile_ids=profile_ids.sql, columns=columns)
        sql = _SQL("values_in_spans", rows=rows, samples=spans.sql)
    elif profile_ids.parameters or end_hour - first_hour < _MIN_HOURS:
        rows = _SQL("profiles", **names, profile_ids=profile_ids.sql, columns="stacktrace_ids, values")
        sql = _SQL("values", rows=rows)
    else:
        rows = _SQL("profiles_and_rollups", **names, valid=_SQL("valid", **names))
        sql = _SQL("values", rows=rows)
    return StackValues(
        sql=sql,
        call_site=call_site.sql,
        selection=selection,
        parameters={
            **selection.parameters,
            **profile_ids.parameters,
            **spans.parameters,
            **call_site.parameters,
            "start": start,
            "end": end,
            "first_hour": first_hour * S_PER_HOUR,
            "end_hour": end_hour * S_PER_HOUR,
        },
    )


def profile_condition(samples: SampleSelector) -> Condition:
    """The condition on rows of profiles that the selector makes; it binds nothing if it selects all."""
    if not samples.profile_ids:
        return Condition(sql="true", parameters={})
    bound = {"profile_ids": [str(id_) for id_ in samples.profile_ids]}
    return Condition(sql="profile_id IN {profile_ids:Array(UUID)}", parameters=bound)


def span_condition(samples: SampleSelector) -> Condition:
    """The condition on a sample's `span_id` and `trace_id` that the selector makes; it binds nothing if it selects all."""
    conditions = ["true"]
    bound: dict[str, object] = {}
    if samples.span_ids:
        conditions.append("span_id IN {span_ids:Array(UInt64)}")
        bound["span_ids"] = [id_ for id_ in samples.span_ids if id_ != _NO_SPAN_ID]
    if samples.trace_ids:
        conditions.append(_SQL("in_traces"))
        bound["trace_ids"] = [id_.hex() for id_ in samples.trace_ids if id_ != _NO_TRACE_ID]
    return Condition(sql=" AND ".join(conditions), parameters=bound)


def stack_condition(samples: SampleSelector, symbols: str) -> Condition:
    """The condition on rows of `stacktraces` that the selector's call site and frame filter make.

    `symbols` is the condition on rows of `functions` that may be meant.
    """
    conditions = ["true"]
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
            matched = {"is_regexp": is_regexp(value), "matches": matches_anywhere("name", value)}
            conditions.append(_SQL("matched", exists=exists, symbols=symbols, **matched))
            bound[f"{prefix}{number}"] = regex
    return Condition(sql=" AND ".join(conditions), parameters=bound)
