"""Series beyond the limit of an upload: samples whose labels do not fit share one series, so that no value is lost."""

from collections.abc import Mapping, Sequence
from itertools import chain, islice
from typing import Final

from flamehouse.model.labels import LabelSet
from flamehouse.model.profile import SeriesProfile
from ingest.profile.samples import Merged, merge_again
from ingest.profile.series_labels import SERVICE_NAME

OVERFLOW: Final = "__overflow__"
"""The value of each folded label."""


def fold(
    series: Mapping[LabelSet, Sequence[Merged]], most: int, max_names: int
) -> Mapping[LabelSet, Sequence[Merged]]:
    """The first `most - 1` label sets as they are; the samples of the others under one set of folded labels.

    That has the names of all folded labels, `max_names` at most.
    """
    if len(series) <= most:
        return series
    kept = dict(islice(series.items(), most - 1))
    rest = dict(islice(series.items(), most - 1, None))
    names = sorted({name for labels in rest for name, _ in labels})[:max_names]
    folded = tuple((name, OVERFLOW) for name in names)
    return {**kept, folded: merge_again(folded, chain.from_iterable(rest.values()))}


def fold_own(labels: Mapping[str, str]) -> Mapping[str, str]:
    """The labels of a profile whose series do not fit: its service and private labels stay, the others are folded."""
    return {
        name: value if name == SERVICE_NAME or name.startswith("__") else OVERFLOW
        for name, value in labels.items()
    }


def is_overflow(profile: SeriesProfile) -> bool:
    """Whether the series has a folded label."""
    return any(value == OVERFLOW for _, value in profile.labels)
