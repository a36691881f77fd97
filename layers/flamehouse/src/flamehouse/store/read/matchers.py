"""Label matchers as a condition on rows of the table `series`.

Semantics are Prometheus's (prometheus.io/docs/prometheus/latest/querying/basics): a missing label is empty;
a regular expression has RE2 syntax and matches the whole value, and its dot also matches a newline.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from string import Template

from flamehouse.model.selector import Matcher, MatchOp

COLUMN_OF_LABEL = {"__profile_type__": "profile_type", "service_name": "service"}
"""Labels with their own columns in the table's key."""

# `\b\B` matches nowhere. As an alternative, it makes ClickHouse use RE2: ClickHouse's own shortcut searches
# for a substring that every match must contain, and misses `caf` for `café?`, as it applies the quantifier to
# the last byte.
_MATCHES = r"match($label, concat('^(?s:\\b\\B|', {$value:String}, ')$$'))"


def matches_anywhere(text: str, regexp: str) -> str:
    """SQL: whether the regular expression matches a part of the text."""
    return rf"match({text}, concat('\\b\\B|', {regexp}))"


def is_regexp(regexp: str) -> str:
    """SQL that is true, and that fails for an invalid regular expression.

    The SQL consists of constants, so ClickHouse evaluates it even without rows. It adds no parentheses to the expression:
    they would make `a)|(b` valid.
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
    """A condition in SQL, which AND can join with others, and the values of its parameters by name."""

    sql: str
    parameters: Mapping[str, object]


def series_condition(matchers: Sequence[Matcher]) -> Condition:
    """The condition for series that match all matchers; every series if there are no matchers.

    Parameters are called m0_name, m0_value, m1_name and so on. An invalid regular expression makes the query
    fail with ClickHouse's CANNOT_COMPILE_REGEXP.
    """
    conditions = ["true"]
    parameters: dict[str, str] = {}
    for index, matcher in enumerate(matchers):
        name, value = f"m{index}_name", f"m{index}_value"
        label = COLUMN_OF_LABEL.get(matcher.name)
        if label is None:
            label = f"labels[{{{name}:String}}]"
            parameters[name] = matcher.name
        parameters[value] = matcher.value
        conditions.append(_CONDITIONS[matcher.op].substitute(label=label, value=value))
    return Condition(sql=" AND ".join(conditions), parameters=parameters)
