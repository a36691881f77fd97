"""Packs the stacks of one pprof: the location ids of all samples become the bytes that are hashed and stored."""

from array import array
from collections.abc import Container, Iterable, Mapping, Sequence
from itertools import accumulate, chain
from operator import itemgetter
from struct import Struct

from ingest.profile import vectors_used
from ingest.profile.local_locations import LocalLocations

_SPARSE = 4
"""The maximum length of a list of ids, as a multiple of the number of locations."""
_pack_id = Struct("<Q").pack


def pack_stacks(
    locations: LocalLocations, numbers: Sequence[int], depths: Sequence[int]
) -> tuple[bytes, Sequence[int]]:
    """Return the packed ids of the locations with these numbers, in reverse order, and the depths of the stacks.

    Reversed, every stack begins at its root, and the last stack comes first. Numbers without a location are omitted.
    """
    if vectors_used.has_numpy():
        from ingest.profile.vector_symbols import pack_stacks as pack  # noqa: PLC0415  # on Lambda there is no NumPy

        return pack(locations, numbers, depths)
    ids = dict(zip(locations.numbers, map(_pack_id, locations.ids), strict=True))
    try:
        # Ids are bytes here, because 64-bit integers cost Python several times as much.
        packed = array("Q", b"".join(_entries(_table_of(ids) or ids, numbers)))
    except (IndexError, KeyError, TypeError):
        numbers, depths = _without_dangling(numbers, depths, ids)
        packed = array("Q", b"".join(_entries(ids, numbers)))
    packed.reverse()
    return packed.tobytes(), depths


def _without_dangling(
    locations: Sequence[int], depths: Sequence[int], ids: Container[int]
) -> tuple[Sequence[int], Sequence[int]]:
    stacks = [
        [local for local in locations[end - depth : end] if local in ids]
        for depth, end in zip(depths, accumulate(depths), strict=True)
    ]
    return list(chain.from_iterable(stacks)), [len(stack) for stack in stacks]


def _table_of(ids: Mapping[int, bytes]) -> Sequence[bytes | None]:
    """Return the ids as a list by location number, which is faster to read; empty if the numbers are too sparse."""
    last = max(ids, default=0)
    return [*map(ids.get, range(last + 1))] if last <= _SPARSE * len(ids) else ()


def _entries(table: Sequence[bytes | None] | Mapping[int, bytes], numbers: Sequence[int]) -> Iterable[bytes]:
    """Return the entries of these numbers. A number without an entry is None, or raises IndexError or KeyError."""
    if len(numbers) < 2:
        return [table[number] for number in numbers]  # type: ignore[misc]  # None is the caller's
    entries: Iterable[bytes] = itemgetter(*numbers)(table)
    return entries
