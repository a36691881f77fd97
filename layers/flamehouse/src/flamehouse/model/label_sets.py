"""The query for label sets."""

from collections.abc import Sequence
from dataclasses import dataclass

from flamehouse.model.selector import Matcher
from flamehouse.model.time_range import TimeRange


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelSetsQuery:
    """The distinct label sets of the matching series, sorted, reduced to the labels `names` unless that is empty.

    If `names` is empty, names that do not match `[a-zA-Z_][a-zA-Z0-9_]*` are omitted unless `utf8_names` is set.
    """

    matchers: Sequence[Matcher]
    within: TimeRange
    names: tuple[str, ...] = ()
    utf8_names: bool = True
