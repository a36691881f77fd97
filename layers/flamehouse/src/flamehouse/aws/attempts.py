"""The retry policy for requests to AWS: how many attempts fit into the remaining time, and how long each may take."""

import math
from dataclasses import dataclass
from typing import Final

from flamehouse.deadline import has_time


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempts:
    """The number of attempts, and the connect and read timeouts of each, in seconds."""

    count: int
    timeout_s: float


_BY_TIME_LEFT: Final = (
    (12, Attempts(count=3, timeout_s=3)),
    (5, Attempts(count=2, timeout_s=2)),
    (-math.inf, Attempts(count=1, timeout_s=1)),
)
"""Policies by the number of seconds that must be left; the first that fits applies."""


def attempts() -> Attempts:
    """Return the attempts that the current time limit allows."""
    return next(policy for needed_s, policy in _BY_TIME_LEFT if has_time(needed_s))
