"""The query for a merged profile."""

from collections.abc import Sequence
from dataclasses import dataclass

from flamehouse.model.profile_type import ProfileType
from flamehouse.model.sample_selector import EVERY_SAMPLE, SampleSelector
from flamehouse.model.selector import Matcher
from flamehouse.model.time_range import TimeRange


@dataclass(frozen=True, slots=True, kw_only=True)
class ProfileQuery:
    """The merged stacks of the selected samples in [start, end), with all symbols of their locations.

    `max_nodes` cuts the call tree of locations to that many nodes and their ties; `leaf_locations` cuts each stack to
    that many innermost locations. 0 cuts nothing.
    """

    profile_type: ProfileType
    matchers: Sequence[Matcher]
    within: TimeRange
    max_nodes: int = 0
    leaf_locations: int = 0
    samples: SampleSelector = EVERY_SAMPLE
