"""Cut call trees as the store returns them, and the names and ids with a special meaning in every tree."""

from collections.abc import Sequence
from dataclasses import dataclass

from flamehouse.deadline import in_time

ROOT = 0
"""The root's id."""
NO_NODE = -1
"""The id of the cut part, which is not a node."""
OTHER = "other"
TOTAL = "total"


@dataclass(frozen=True, slots=True, kw_only=True)
class CutTree:
    """The remaining nodes of a cut call tree: five columns of one length, one node per position, in any order.

    `ids` are unique and never 0; `parents` are 0 for the outermost frames; the parent of a remaining node remains
    too. No two children of a node share a name. `totals` and `selves`, in the profile's unit, are those of the uncut
    tree, and so is `total`: the part of a total beyond the self value and the remaining children was cut.
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

    Python compares strings by code point, which is the byte order of their UTF-8.
    """
    children: dict[int, list[int]] = {}
    for row, parent in enumerate(in_time(parents)):
        children.setdefault(parent, []).append(row)
    for rows in children.values():
        if len(rows) > 1:
            rows.sort(key=names.__getitem__)
    return children


@dataclass(frozen=True, slots=True, kw_only=True)
class DiffTree:
    """The remaining nodes of two merged call trees: columns of one length, one node per position, in any order.

    As `CutTree`, but with the sums of two sides; a node that is missing on one side has 0 there.
    """

    ids: Sequence[int]
    parents: Sequence[int]
    names: Sequence[str]
    left_totals: Sequence[int]
    left_selves: Sequence[int]
    right_totals: Sequence[int]
    right_selves: Sequence[int]
    left_total: int
    right_total: int


NO_DIFF = DiffTree(
    ids=(),
    parents=(),
    names=(),
    left_totals=(),
    left_selves=(),
    right_totals=(),
    right_selves=(),
    left_total=0,
    right_total=0,
)
