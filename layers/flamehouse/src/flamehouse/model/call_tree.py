"""The query for a cut call tree, the tree as the store returns it, and the names and ids with a special meaning."""

from collections.abc import Sequence
from dataclasses import dataclass

from flamehouse.deadline import in_time
from flamehouse.model.profile_type import ProfileType
from flamehouse.model.sample_selector import EVERY_SAMPLE, SampleSelector
from flamehouse.model.selector import Matcher
from flamehouse.model.time_range import TimeRange

ROOT = 0
"""The root's id."""
NO_NODE = -1
"""The id of the cut part, which is not a node."""
OTHER = "other"
TOTAL = "total"


@dataclass(frozen=True, slots=True, kw_only=True)
class StacktraceQuery:
    """The merged call tree of the selected samples in [start, end).

    The tree is cut to its `max_nodes` largest nodes and their ties.
    """

    profile_type: ProfileType
    matchers: Sequence[Matcher]
    within: TimeRange
    max_nodes: int
    samples: SampleSelector = EVERY_SAMPLE


@dataclass(frozen=True, slots=True, kw_only=True)
class CutTree:
    """The remaining nodes of a cut call tree: five columns of equal length, one node per position, in any order.

    `ids` are unique and never 0; `parents` are 0 for the outermost frames; the parent of a remaining node remains
    too. No two children of a node share a name. `totals`, `selves` and `total`, in the profile's unit, are those of
    the uncut tree: the part of a total beyond the self value and the remaining children was cut.
    """

    ids: Sequence[int]
    parents: Sequence[int]
    names: Sequence[str]
    totals: Sequence[int]
    selves: Sequence[int]
    total: int


NO_TREE = CutTree(ids=(), parents=(), names=(), totals=(), selves=(), total=0)


def children_by_name(parents: Sequence[int], names: Sequence[str]) -> dict[int, list[int]]:
    """Return the rows of each node's children, sorted by name, from each row's parent and name.

    Python compares strings by code point, which gives the byte order of their UTF-8.
    """
    children: dict[int, list[int]] = {}
    for row, parent in enumerate(in_time(parents)):
        children.setdefault(parent, []).append(row)
    for rows in children.values():
        if len(rows) > 1:
            rows.sort(key=names.__getitem__)
    return children
