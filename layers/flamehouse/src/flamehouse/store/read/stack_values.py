"""The stacks that a query selects, and their values: the subquery of every merged result.

Values are summed by stack, from valid roll-ups for the whole hours of a range and from profiles for the rest. Roll-ups
contain neither profile ids nor spans, so a query that selects by these reads only profiles.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final, Self

from flamehouse.identity.tenant import Tenants
from flamehouse.model.call_tree import StacktraceQuery
from flamehouse.model.profile_query import ProfileQuery
from flamehouse.store.read.matchers import all_of
from flamehouse.store.read.reader import Reader
from flamehouse.store.read.sample_conditions import (
    profile_condition,
    span_condition,
    spans_of_profile,
    stack_condition,
)
from flamehouse.store.read.selection import Selection, clamp_ms, prefix_bound, selection_of
from flamehouse.store.sql import SqlFile
from flamehouse.units import MS_PER_HOUR, S_PER_HOUR

_SQL: Final = SqlFile(__file__)

_MIN_HOURS: Final = 2
"""For a single hour, reading the profiles is cheaper than validating the roll-up."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StackValues:
    """The stacks of the selected samples as SQL, with its parameters.

    `sql` selects a row (`stack`, `value`) for each distinct stack; `value` has 128 bits and is not 0. `call_site` is the
    condition on rows of the table `stacktraces` for the call site and frame filter. `selection` is the selection of
    the samples.
    """

    sql: str
    call_site: str
    selection: Selection
    parameters: Mapping[str, object]

    @property
    def stacktraces(self) -> str:
        """The condition on rows of the table `stacktraces`, including the call site."""
        return f"({all_of(self.selection.symbols, self.call_site)})"

    def prefixed(self, prefix: str) -> Self:
        """A copy with prefixed parameter names, so that one statement can contain two of them."""
        return replace(
            self,
            sql=prefix_bound(self.sql, prefix),
            call_site=prefix_bound(self.call_site, prefix),
            selection=self.selection.prefixed(prefix),
            parameters={prefix + name: value for name, value in self.parameters.items()},
        )


def select_stack_values(
    reader: Reader, tenants: Tenants, query: StacktraceQuery | ProfileQuery
) -> StackValues:
    """The stacks of the samples that the query selects."""
    selection = selection_of(tenants, query.profile_type, query.matchers, query.within)
    profile_ids, spans = profile_condition(query.samples), span_condition(query.samples)
    call_site = stack_condition(query.samples, selection.symbols)
    start, end = clamp_ms(query.within.start_ms), clamp_ms(query.within.end_ms)
    first_hour, end_hour = -(-start // MS_PER_HOUR), end // MS_PER_HOUR
    rows = all_of(selection.rows, profile_ids.sql, spans_of_profile(query.samples))
    names = {"profiles": reader.profiles, "rows": rows}
    if spans.parameters:
        sql = _values_in_spans(names, spans.sql)
    elif profile_ids.parameters or end_hour - first_hour < _MIN_HOURS:
        sql = _values_of_profiles(names)
    else:
        sql = _values_of_profiles_and_rollups({**names, "series": selection.series})
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


def _values_in_spans(names: Mapping[str, str], samples: str) -> str:
    columns = "stacktrace_ids, values, span_ids, trace_ids"
    return _SQL("values_in_spans", rows=_SQL("profiles", **names, columns=columns), samples=samples)


def _values_of_profiles(names: Mapping[str, str]) -> str:
    return _SQL("values", rows=_SQL("profiles", **names, columns="stacktrace_ids, values"))


def _values_of_profiles_and_rollups(names: Mapping[str, str]) -> str:
    return _SQL("values", rows=_SQL("profiles_and_rollups", **names, valid=_SQL("valid", **names)))
