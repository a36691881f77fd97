"""Large uploads take several INSERTs; each is stored once, even with a kill between any two of them."""

import time
from array import array
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from hashlib import sha256
from typing import Final
from uuid import UUID

import pytest

from flamehouse.model.profile import SeriesProfile, Symbols, Upload
from flamehouse.model.symbols import Function, Line, Location
from flamehouse.store.connection.client import ClickHouse
from flamehouse.store.write.batch import Batch
from flamehouse.store.write.cardinality import SeriesBudget
from flamehouse.store.write.completion import labels_of, without_stored
from flamehouse.store.write.ledger import key_of, stored_uploads
from flamehouse.store.write.seen_ids import Known
from flamehouse.store.write.token_inserts import TokenInserts
from flamehouse.store.write.writer import LoneWriter
from tests.support.servers.faults import Killed, Mortal

SERVER: Final = pytest.mark.parametrize("place", ["server"], indirect=True, scope="session")
PROFILES: Final = 5
SAMPLES: Final = 60_000
"""The samples of a profile: two such profiles exceed the 100,000 of an INSERT."""
CALLS: Final = {"direct": 10, "worker": 11}
"""Three INSERTs of stacks, one each of locations and functions, three of profiles, the deletions, the ledger; the worker queries the
ledger first."""
_STORED: Final = """
SELECT profile_id, count(), sum(total), sum(length(values))
FROM sampled_profiles
WHERE tenant = {tenant:String}
GROUP BY profile_id
ORDER BY profile_id
"""
_STACKS: Final = "SELECT count(DISTINCT id) FROM stacktraces WHERE tenant = {tenant:String}"


def symbols() -> Symbols:
    """Returns stacks of 16 frames, which differ in the order of two functions."""
    names = [
        Function(id=id_, name_id=id_, name=f"f{id_}", system_name="", filename="", start_line=0)
        for id_ in (1, 2)
    ]
    locations = [
        Location(id=id_, address=0, mapping_id=0, lines=(Line(id_, 0, 0),), name_ids=(id_,)) for id_ in (1, 2)
    ]
    stacks = {
        number + 1: array("Q", [1 + (number >> bit & 1) for bit in range(16)]).tobytes()
        for number in range(SAMPLES)
    }
    return Symbols(stacktraces=stacks, all_locations=locations, all_functions=names)


SYMBOLS: Final = symbols()
"""60,000 stacks of 16 frames: too many for one row."""


def upload_of(tenant: str, number: int) -> Upload:
    id_ = sha256(f"{tenant} {number}".encode()).digest()
    now_ns = time.time_ns()
    return Upload(
        tenant=tenant,
        id=id_,
        received_ns=now_ns,
        profiles=[
            SeriesProfile(
                time_ns=now_ns + index,
                duration_ns=0,
                profile_id=UUID(int=PROFILES * number + index + 1),
                profile_type="process_cpu:cpu:nanoseconds:cpu:nanoseconds",
                service="shop",
                fingerprint=1,
                labels=(("service_name", "shop"),),
                symbols=SYMBOLS,
                stacktrace_ids=array("Q", range(1, SAMPLES + 1)),
                values=array("q", [1]) * SAMPLES,
            )
            for index in range(PROFILES)
        ],
    )


class _NoRecord:
    def pieces(self) -> Sequence[bytes]:
        return (b"",)


def work(clickhouse: ClickHouse, upload: Upload) -> None:
    budget = SeriesBudget(clickhouse, lambda _: 0)
    assert LoneWriter(clickhouse).insert_batch([(upload, _NoRecord())], budget) == {}


WAYS: Final[Mapping[str, Callable[[ClickHouse, Upload], None]]] = {
    "direct": lambda clickhouse, upload: LoneWriter(clickhouse).insert(upload),
    "worker": work,
}


@SERVER
@pytest.mark.parametrize("way", WAYS)
def test_a_large_upload_is_stored_once_even_if_killed_between_any_two_inserts(
    clickhouse: ClickHouse, tenant: str, way: str
) -> None:
    uploads = [upload_of(tenant, number) for number in range(CALLS[way] + 1)]
    kills = 0
    for calls, upload in enumerate(uploads):
        try:
            WAYS[way](Mortal(clickhouse, 2 * calls), upload)
        except Killed:
            kills += 1
    assert kills == CALLS[way]
    for upload in uploads:
        WAYS[way](clickhouse, upload)
    expected = [(UUID(int=number + 1), 1, SAMPLES, SAMPLES) for number in range(PROFILES * len(uploads))]
    assert clickhouse.rows(_STORED, {"tenant": tenant}) == expected
    assert clickhouse.rows(_STACKS, {"tenant": tenant}) == [(SAMPLES,)]
    assert stored_uploads(clickhouse, map(key_of, uploads)) == {key_of(each) for each in uploads}


def names_of(upload: Upload) -> Sequence[str]:
    return [name for name, _ in Batch([upload], Known()).profiles()]


@SERVER
def test_an_upload_has_the_same_inserts_whatever_part_of_it_is_stored(
    clickhouse: ClickHouse, tenant: str
) -> None:
    upload = upload_of(tenant, 0)
    week = names_of(upload)[0]
    assert names_of(upload) == [week, f"{week}:part1", f"{week}:part2"]
    first = dict(Batch([upload], Known()).profiles())[f"{week}:part1"]
    for name, rows in Batch([upload], Known()).profiles():
        if name.endswith("part1"):
            assert rows == first
            TokenInserts(clickhouse, combined=False).insert_rows(rows, f"{tenant} {name}")
    rest = without_stored(clickhouse, upload)
    assert [len(each.values) for each in rest.profiles] == [SAMPLES, SAMPLES, 0, 0, SAMPLES]
    assert names_of(rest) == names_of(labels_of(rest)) == names_of(upload)


def test_the_symbols_of_a_small_upload_are_in_its_only_insert(tenant: str) -> None:
    small = replace(upload_of(tenant, 0), profiles=upload_of(tenant, 0).profiles[:1])
    few = replace(SYMBOLS, stacktraces={1: SYMBOLS.stacktraces[1]})
    small = replace(small, profiles=[replace(each, symbols=few) for each in small.profiles])
    assert [name for name, _ in Batch([small], Known()).inserts()] == names_of(small)


def test_long_names_are_split_over_several_inserts(tenant: str) -> None:
    long = [
        Function(id=id_, name_id=id_, name=f"{id_:060000}", system_name="", filename="", start_line=0)
        for id_ in range(1, 601)
    ]
    named = replace(
        SYMBOLS,
        stacktraces={1: SYMBOLS.stacktraces[1]},
        all_functions=long,
    )
    upload = upload_of(tenant, 0)
    upload = replace(upload, profiles=[replace(upload.profiles[0], symbols=named)])
    symbols = [rows for name, rows in Batch([upload], Known()).inserts() if "symbols" in name]
    assert max(map(len, symbols)) < 33_000_000
    assert sum(map(len, symbols)) > 600 * 60_000
