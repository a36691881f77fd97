"""Folds series beyond an upload's limit: the samples of further label sets share one series, so no value is lost."""

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
    """Return the first `most - 1` label sets unchanged, and the samples of all others under one set of folded labels.

    This set has the names of all folded labels, but at most `max_names`.
    """
    if len(series) <= most:
        return series
    kept = dict(islice(series.items(), most - 1))
    rest = dict(islice(series.items(), most - 1, None))
    names = sorted({name for labels in rest for name, _ in labels})[:max_names]
    folded = tuple((name, OVERFLOW) for name in names)
    return {**kept, folded: merge_again(folded, chain.from_iterable(rest.values()))}


def fold_own(labels: Mapping[str, str]) -> Mapping[str, str]:
    """Return the folded labels of a profile: its service and private labels stay, the others are folded."""
    return {
        name: value if name == SERVICE_NAME or name.startswith("__") else OVERFLOW
        for name, value in labels.items()
    }


def is_overflow(profile: SeriesProfile) -> bool:
    """Return whether the series has a folded label."""
    return any(value == OVERFLOW for _, value in profile.labels)
