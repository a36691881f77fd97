"""Label matchers as a condition on rows of the table `series`.

Semantics are Prometheus's (prometheus.io/docs/prometheus/latest/querying/basics): a label that is not there
is empty; a regular expression is RE2's and matches the whole value, its dot a newline too.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from string import Template

from flamehouse.model.selector import Matcher, MatchOp

COLUMN_OF_LABEL = {"__profile_type__": "profile_type", "service_name": "service"}
"""Labels that the table's key holds as columns of their own."""

# `\b\B` matches nowhere. Being an alternative, it keeps ClickHouse to RE2: its own shortcut, a search for a
# part that every match must hold, misses `caf` for `café?`, taking the quantifier for one of the last byte.
_MATCHES = r"match($label, concat('^(?s:\\b\\B|', {$value:String}, ')$$'))"


def matches_anywhere(text: str, regexp: str) -> str:
    """SQL: whether the regular expression matches a part of the text."""
    return rf"match({text}, concat('\\b\\B|', {regexp}))"


def is_regexp(regexp: str) -> str:
    """SQL that is true, and fails for a bad regular expression.

    Made of constants, it is computed even where no row is. There are no brackets around the expression, which would make
    one of `a)|(b`.
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
    """A condition in SQL, to be joined with others by AND, and the values of its parameters by name."""

    sql: str
    parameters: Mapping[str, object]


def series_condition(matchers: Sequence[Matcher]) -> Condition:
    """The series on which all matchers hold; every series where there are none.

    Parameters are called m0_name, m0_value, m1_name and so on. A bad regular expression makes the query fail
    with ClickHouse's CANNOT_COMPILE_REGEXP.
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
