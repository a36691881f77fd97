"""Two merged call trees as one."""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class DiffTree:
    """The remaining nodes of two merged call trees: columns of equal length, one node per position, in any order.

    Like `CutTree`, but with the sums of two sides; a node that is missing on one side has 0 there.
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
