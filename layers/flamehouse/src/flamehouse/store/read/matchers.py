"""Label matchers as a condition on rows of the table `series`.

Semantics are Prometheus's (prometheus.io/docs/prometheus/latest/querying/basics): a missing label is empty;
a regular expression has RE2 syntax and matches the whole value, and its dot also matches a newline.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from string import Template

from flamehouse.model.regexp_size import regexp_size
from flamehouse.model.selector import REGEXP_OPS, Matcher, MatchOp

COLUMN_OF_LABEL = {"__profile_type__": "profile_type", "service_name": "service"}
"""Labels with their own columns in the table's key."""

ALWAYS = "true"
"""The condition without any restriction."""

# `\b\B` matches nowhere. Adding it as an alternative makes ClickHouse use RE2. ClickHouse's own shortcut searches
# for a substring that every match must contain; for `café?` it misses `caf`, since it applies the quantifier
# only to the last byte.
_MATCHES = r"match(concat($label, piece), concat('^(?s:\\b\\B|', {$value:String}, ')$$'))"


def matches_anywhere(text: str, regexp: str) -> str:
    """SQL: whether the regular expression matches a part of the text."""
    return rf"match({text}, concat('\\b\\B|', {regexp}))"


# ClickHouse checks the time limit between blocks. A block read from a table has 8,192 rows or more, and matching an
# expensive expression against them may take minutes. An ARRAY JOIN splits blocks by max_block_size. LEFT, and a text
# that contains the joined column, keep ClickHouse from matching before the split.
_SPLIT = "LEFT ARRAY JOIN [''] AS piece"
_MAX_SPLIT_ROWS = 8_192
_STEPS_OF_BLOCK = 1 << 27
"""The product of the sizes of texts and expressions in a block: a few seconds of RE2 at worst."""
_LABEL_BYTES = 2_048
NAME_BYTES = 65_535
"""The longest function name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Split:
    """SQL that makes a SELECT match regular expressions against few rows at a time.

    `join` follows the table, and `settings` is the end of the SELECT. Both are empty if there are no expressions.
    """

    join: str = ""
    settings: str = ""


def split_for(regexps: Sequence[str], text_bytes: int) -> Split:
    """The split for matching texts of up to `text_bytes` bytes against these expressions."""
    if not regexps:
        return Split()
    rows = _STEPS_OF_BLOCK // (text_bytes * max(1, sum(map(regexp_size, regexps))))
    return Split(join=_SPLIT, settings=f"SETTINGS max_block_size = {min(max(rows, 1), _MAX_SPLIT_ROWS)}")


def is_regexp(regexp: str) -> str:
    """SQL that is true, and that fails for an invalid regular expression.

    The SQL consists of constants, so ClickHouse evaluates it even without rows. It adds no parentheses to the
    expression, since they would make `a)|(b` valid.
    """
    return f"{matches_anywhere("''", regexp)} < 2"


_IS_REGEXP = is_regexp("{$value:String}")

_CONDITIONS = {
    MatchOp.EQUAL: Template("$label = {$value:String}"),
    MatchOp.NOT_EQUAL: Template("$label != {$value:String}"),
    MatchOp.REGEXP: Template(f"{_IS_REGEXP} AND {_MATCHES}"),
    MatchOp.NOT_REGEXP: Template(f"{_IS_REGEXP} AND NOT {_MATCHES}"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition:
    """A condition in SQL, which AND can join with others, and the values of its parameters by name.

    The SELECT that contains it needs its `split`.
    """

    sql: str
    parameters: Mapping[str, object]
    split: Split = Split()

    @property
    def after_prewhere(self) -> str:
        """The condition as SQL that follows a PREWHERE: an AND, or a WHERE if `split` has an ARRAY JOIN."""
        return f"WHERE {self.sql}" if self.split.join else f"AND {self.sql}"


def all_of(*conditions: str) -> str:
    """The SQL of all conditions, without those that are always true: ClickHouse takes 0.1 ms to analyze each."""
    return " AND ".join(each for each in conditions if each != ALWAYS) or ALWAYS


def series_condition(matchers: Sequence[Matcher]) -> Condition:
    """The condition for series that match all matchers; every series if there are no matchers.

    Parameters are called m0_name, m0_value, m1_name and so on. An invalid regular expression makes the query
    fail with ClickHouse's CANNOT_COMPILE_REGEXP.
    """
    conditions: list[str] = []
    parameters: dict[str, str] = {}
    for index, matcher in enumerate(matchers):
        name, value = f"m{index}_name", f"m{index}_value"
        label = COLUMN_OF_LABEL.get(matcher.name)
        if label is None:
            label = f"labels[{{{name}:String}}]"
            parameters[name] = matcher.name
        parameters[value] = matcher.value
        conditions.append(_CONDITIONS[matcher.op].substitute(label=label, value=value))
    regexps = [matcher.value for matcher in matchers if matcher.op in REGEXP_OPS]
    return Condition(
        sql=all_of(*conditions),
        parameters=parameters,
        split=split_for(regexps, _LABEL_BYTES),
    )
