"""Reads the samples of a pprof with NumPy: each is a list of locations, a list of values, and labels."""

from collections.abc import Mapping, Sequence

import numpy as np
from google.protobuf.message import DecodeError
from numpy.typing import NDArray

from flamehouse.pb.profile_columns_pb2 import SampleLists
from flamehouse.pb.profile_pb2 import Label
from ingest.profile.columns import Samples
from ingest.profile.vectors import (
    Numbers,
    OddEncodingError,
    Places,
    Varints,
    decode,
    message_starts,
    places_of,
    signed,
    unsigned,
)

_LOCATIONS = 0x0A
_VALUES = 0x12


def read_samples(encoded: Sequence[bytes]) -> Samples:
    """Return the columns of samples. Raises OddEncodingError for an unusual encoding."""
    varints = decode(b"".join(encoded))
    starts = message_starts(encoded)
    places = places_of(starts, varints.starts)
    at, ends = places[:-1], places[1:]
    at, location_ids, depths = _lists(varints, at, ends, _LOCATIONS)
    at, values, widths = _lists(varints, at, ends, _VALUES)
    labelled = np.flatnonzero(at < ends)
    label_places = varints.starts[at[labelled]] - starts[labelled]
    tails = [
        encoded[row][place:] for row, place in zip(labelled.tolist(), label_places.tolist(), strict=True)
    ]
    labels = {tail: _labels(tail) for tail in set(tails)}
    return Samples(
        location_ids=unsigned(location_ids),
        values=signed(values).tolist(),
        labels=[label for tail in tails for label in labels[tail]],
        depths=depths.tolist(),
        widths=widths.tolist(),
        label_counts=_label_counts(len(encoded), labelled, tails, labels),
    )


def _lists(varints: Varints, at: Places, ends: Places, tag: int) -> tuple[Places, Numbers, Places]:
    """Read the list with this tag from each message that has it at varint number `at`.

    Returns the number of the varint after each list, all entries of the lists, and how many each list has.
    """
    values, starts = varints
    has = at < ends
    has[has] = values[at[has]] == tag
    first = at[has]
    lengths = values[first + 1] if (first + 1 < len(values)).all() else None
    if lengths is None or (starts[first + 1] - starts[first] != 1).any() or (lengths > starts[-1]).any():
        raise OddEncodingError
    after = places_of(starts[first + 2] + lengths.astype(np.int64), starts)
    if (after > ends[has]).any():
        raise OddEncodingError
    counts = np.zeros(len(at), np.int64)
    counts[has] = after - first - 2
    rest = at.copy()
    rest[has] = after
    return rest, values[_ranges(first + 2, counts[has])], counts


def _ranges(starts: Places, counts: Places) -> Places:
    """Return the numbers in all ranges, one range after the other; they begin at `starts` and have `counts` numbers."""
    before = np.cumsum(counts) - counts
    return np.repeat(starts - before, counts) + np.arange(int(counts.sum()))


def _labels(tail: bytes) -> Sequence[bytes]:
    """Return the encoded labels of a sample. Raises OddEncodingError for an unusual encoding."""
    try:
        lists = SampleLists.FromString(tail)
        labels = [*map(Label.FromString, lists.label)]
    except DecodeError as error:
        raise OddEncodingError from error
    lists.DiscardUnknownFields()
    if lists.location_id or lists.value or lists.SerializeToString() != tail:
        raise OddEncodingError
    for label in labels:
        label.DiscardUnknownFields()
    return [label.SerializeToString() for label in labels]


def _label_counts(
    count: int, labelled: NDArray[np.int64], tails: Sequence[bytes], labels: Mapping[bytes, Sequence[bytes]]
) -> list[int]:
    counts = np.zeros(count, np.int64)
    counts[labelled] = [len(labels[tail]) for tail in tails]
    return counts.tolist()
