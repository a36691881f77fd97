"""Which stacks a question is about, and how much of each: the subquery that every merged answer starts from.

Values are summed by stack first: from hourly and five-minute sums in the middle of the range, from samples at its two
ends. The sums know neither profiles nor spans: a question about some of these is answered from samples alone.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from string import Template
from typing import Self

from flamehouse.model.profile import hash64
from flamehouse.model.queries import ProfileQuery, SampleSelector, StacktraceQuery
from flamehouse.store.read.matchers import Condition, is_regexp, matches_anywhere
from flamehouse.store.read.rollups import Pieces, Span, pieces_of
from flamehouse.store.read.selection import Selection, clamp_ms, prefix_bound, selection_of

# A sum of 0 is what was taken back of an upload that was cut off (repair.py).
_VALUES = Template("""
    SELECT CAST(stacktrace_id, 'UInt64') AS stack, sum(toInt128(value)) AS value
    FROM
    ($pieces
    )
    GROUP BY stack
    HAVING value != 0""")

_PIECE = Template("""
        SELECT stacktrace_id, value
        FROM $table
        WHERE $rows AND ($spans)""")

_NO_PIECE = "\n        SELECT stacktrace_id, value FROM samples WHERE false"

_SPAN = Template(
    "$column >= fromUnixTimestamp64Milli({start_$number:Int64}, 'UTC')"
    " AND $column < fromUnixTimestamp64Milli({end_$number:Int64}, 'UTC')"
)

_CALL_SITE = "arraySlice(functions, 1, length({call_site:Array(UInt64)})) = {call_site:Array(UInt64)}"

_INCLUDED = "hasAll(CAST(functions, 'Array(UInt64)'), {frames:Array(UInt64)})"
_EXCLUDED = "NOT hasAny(CAST(functions, 'Array(UInt64)'), {no_frames:Array(UInt64)})"

_MATCHED = Template(f"""({is_regexp("{$name:String}")} AND $exists(
        frame -> frame IN (
            SELECT name_id FROM functions WHERE $symbols AND {matches_anywhere("name", "{$name:String}")}
        ),
        CAST(functions, 'Array(UInt64)')
    ))""")

# A constant: computed once, and looked up in as a set.
_IN_TRACES = "trace_id IN arrayMap(id -> toFixedString(unhex(id), 16), {trace_ids:Array(String)})"

_NO_SPAN_ID = 0
_NO_TRACE_ID = bytes(16)


@dataclass(frozen=True, slots=True, kw_only=True)
class StackValues:
    """The stacks of some samples as SQL, and the values that it binds.

    `sql` selects a row (`stack`, `value`) for each distinct stack, `value` not 0 and of 128 bits. `call_site` is the condition
    that call site and frame filter make on rows of the table `stacktraces`. `selection` is what the samples were selected by.
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


def select_stack_values(tenant: str, query: StacktraceQuery | ProfileQuery) -> StackValues:
    """The stacks of the samples that the question selects."""
    selection = selection_of(tenant, query.profile_type, query.matchers, query.within)
    condition, call_site = sample_condition(query.samples), stack_condition(query.samples, selection.symbols)
    spans: dict[str, object] = {}
    rows = f"{selection.rows} AND {condition.sql}"
    start, end = clamp_ms(query.within.start_ms), clamp_ms(query.within.end_ms)
    pieces = _raw(start, end) if condition.parameters else _pieces(pieces_of(start, end))
    selects = [
        _PIECE.substitute(table=table, rows=rows, spans=_spans_sql(column, table_spans, spans))
        for table, column, table_spans in pieces
        if any(span.start < span.end for span in table_spans)
    ]
    return StackValues(
        sql=_VALUES.substitute(pieces="\n        UNION ALL".join(selects or [_NO_PIECE])),
        call_site=call_site.sql,
        selection=selection,
        parameters={**selection.parameters, **condition.parameters, **call_site.parameters, **spans},
    )


def sample_condition(samples: SampleSelector) -> Condition:
    """The condition on rows of `samples` that the selector makes; it binds nothing if it selects all."""
    conditions = ["true"]
    bound: dict[str, object] = {}
    if samples.profile_ids:
        conditions.append("profile_id IN {profile_ids:Array(UUID)}")
        bound["profile_ids"] = [str(id_) for id_ in samples.profile_ids]
    if samples.span_ids:
        conditions.append("span_id IN {span_ids:Array(UInt64)}")
        bound["span_ids"] = [id_ for id_ in samples.span_ids if id_ != _NO_SPAN_ID]
    if samples.trace_ids:
        conditions.append(_IN_TRACES)
        bound["trace_ids"] = [id_.hex() for id_ in samples.trace_ids if id_ != _NO_TRACE_ID]
    return Condition(sql=" AND ".join(conditions), parameters=bound)


def stack_condition(samples: SampleSelector, symbols: str) -> Condition:
    """The condition on rows of `stacktraces` that the selector's call site and frame filter make.

    `symbols` is the condition on rows of `functions` that may be meant.
    """
    conditions = ["true"]
    bound: dict[str, object] = {}
    if samples.call_site:
        conditions.append(_CALL_SITE)
        bound["call_site"] = _name_ids(samples.call_site)
    for name, condition, names in (
        ("frames", _INCLUDED, samples.frames.include),
        ("no_frames", _EXCLUDED, samples.frames.exclude),
    ):
        if names:
            conditions.append(condition)
            bound[name] = _name_ids(names)
    for prefix, exists, regexes in (
        ("frame_regex_", "arrayExists", samples.frames.include_regexes),
        ("no_frame_regex_", "NOT arrayExists", samples.frames.exclude_regexes),
    ):
        for number, regex in enumerate(regexes):
            name = f"{prefix}{number}"
            conditions.append(_MATCHED.substitute(name=name, exists=exists, symbols=symbols))
            bound[name] = regex
    return Condition(sql=" AND ".join(conditions), parameters=bound)


def _name_ids(names: Sequence[str]) -> list[int]:
    return [hash64(name.encode()) for name in names]


type _Piece = tuple[str, str, Sequence[Span]]
"""A table, its column of times, and the spans that it answers for."""


def _raw(start: int, end: int) -> Iterator[_Piece]:
    yield "samples", "time", (Span(start, end),)


def _pieces(pieces: Pieces) -> Iterator[_Piece]:
    yield "samples", "time", pieces.raw
    yield "samples_5m", "bucket", pieces.five_minutes
    yield "samples_1h", "bucket", (pieces.hours,)


def _spans_sql(column: str, spans: Sequence[Span], parameters: dict[str, object]) -> str:
    """The condition that a time lies in one of the spans; adds what it binds to `parameters`."""
    conditions = []
    for span in spans:
        if span.start < span.end:
            number = len(parameters)
            parameters |= {f"start_{number}": span.start, f"end_{number}": span.end}
            conditions.append(_SPAN.substitute(column=column, number=number))
    return " OR ".join(conditions)
