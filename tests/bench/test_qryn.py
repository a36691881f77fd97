"""The rebuilt qryn writer stores what qryn's own writer stores: compared with vectors taken from it."""

import base64
import json
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import numpy as np
import pytest
from clickhouse_connect.driver.client import Client

from bench.engine import Engine
from bench.qryn import Qryn, encode_totals
from bench.qryn_tree import Forest, binary_string, node_ids, varint
from bench.workload import Service, Shape, an_hour
from flamehouse.pb import profile_pb2
from flamehouse.settings import Settings
from flamehouse.store.connection.embedded import embedded_path

EMBEDDED = pytest.mark.parametrize("place", ["embedded"], indirect=True, scope="session")
"""qryn's tables are created in the engine of this process."""

SAMPLE_TYPES = ("samples:count", "cpu:nanoseconds")


@pytest.fixture
def qryn_client(settings: Settings) -> Iterator[Client]:
    """A connection to an empty database of the engine that all tests share."""
    engine = Engine(Path(embedded_path(settings.clickhouse_dsn)))
    client = engine.create(f"qryn_{uuid4().hex}")
    yield client
    client.close()
    engine.close()


@pytest.fixture(scope="module")
def vectors(shared_dir: Path) -> dict[str, Any]:
    return dict(json.loads((shared_dir / "reference" / "qryn-vectors.json").read_text()))


@pytest.fixture(scope="module")
def small_pprof(vectors: dict[str, Any]) -> profile_pb2.Profile:
    encoded = vectors["small_pprof"]["pprof_base64_uncompressed"]
    return profile_pb2.Profile.FromString(base64.b64decode(encoded))


@pytest.fixture(scope="module")
def stored_row(vectors: dict[str, Any]) -> dict[str, Any]:
    return next(dict(row) for key, row in vectors["small_pprof"].items() if key.startswith("gigapipe_row"))


def test_node_ids_match_those_of_qryn(vectors: dict[str, Any]) -> None:
    for parent, function, depth, node in vectors["node_ids_[parent,function,depth,node_id]"]:
        made = node_ids(np.array([parent], np.uint64), np.array([function], np.uint64), depth)
        assert made.tolist() == [node]


def test_the_tree_of_a_profile_matches_the_one_that_qryn_stores(
    small_pprof: profile_pb2.Profile, stored_row: dict[str, Any]
) -> None:
    names = [name for _, name in stored_row["Functions"]]
    ids = np.array([id_ for id_, _ in stored_row["Functions"]], dtype=np.uint64)
    stacks = qryn_stacks(small_pprof)
    deepest = max(map(len, stacks))
    paths = np.array(
        [[names.index(name) for name in stack] + [-1] * (deepest - len(stack)) for stack in stacks]
    )
    values = np.array([sample.value for sample in small_pprof.sample])

    encoded = Forest(names, ids, paths).encode_tree(SAMPLE_TYPES, np.arange(len(stacks)), values)

    assert encoded == row_binary_tree(stored_row["Tree"]) + row_binary_functions(stored_row["Functions"])


def test_the_totals_of_a_profile_match_those_that_qryn_stores(
    small_pprof: profile_pb2.Profile, stored_row: dict[str, Any]
) -> None:
    totals = np.array([sample.value for sample in small_pprof.sample]).sum(axis=0).tolist()
    stored = b"".join(
        binary_string(name.encode()) + struct.pack("<qi", *rest) for name, *rest in stored_row["ValuesAgg"]
    )
    assert encode_totals(SAMPLE_TYPES, totals, len(small_pprof.sample)) == varint(2) + stored


@EMBEDDED
def test_series_have_the_fingerprints_and_tags_that_qryn_gives_them(
    qryn_client: Client, vectors: dict[str, Any]
) -> None:
    Qryn(qryn_client, payloads=False)
    columns = ["type", "period_type", "period_unit", "service_name", "sample_types_units", "tags"]
    cases = vectors["fingerprints"]
    qryn_client.insert("profiles_input", [[case[column] for column in columns] for case in cases], columns)

    of_profiles = qryn_client.query("SELECT fingerprint FROM profiles ORDER BY fingerprint").result_columns[0]
    series, tags = qryn_client.query("SELECT fingerprint, tags FROM profiles_series").result_columns

    assert list(of_profiles) == sorted(case["fingerprint"] for case in cases)
    assert dict(zip(series, tags, strict=True)) == {
        case["fingerprint"]: [tuple(pair) for pair in case["profiles_series.tags"]] for case in cases
    }


@EMBEDDED
def test_stored_trees_add_up_to_the_profiles_sent(qryn_client: Client) -> None:
    service = Service(0, Shape(stacks=300, drawn=60))
    profiles = [service.draw(index) for index in range(3)]
    qryn = Qryn(qryn_client, payloads=True)
    qryn.insert(profiles)
    for client_sees in (qryn.flamegraph(an_hour(0), service.name), qryn.series_by_service(an_hour(0), 15)):
        assert client_sees > 0

    totals = qryn_client.query(
        "SELECT sum(arrayJoin(node.4).3) FROM profiles ARRAY JOIN tree AS node WHERE node.1 = 0"
    ).result_rows
    assert totals == [(sum(int(drawn.values.sum()) for drawn in profiles),)]


def qryn_stacks(pprof: profile_pb2.Profile) -> list[list[str]]:
    """Returns function names, root first: the innermost of inlined functions, `n/a` for a location without lines."""
    names = {function.id: pprof.string_table[function.name] for function in pprof.function}
    frames = {
        location.id: names[location.line[0].function_id] if location.line else "n/a"
        for location in pprof.location
    }
    return [[frames[id_] for id_ in reversed(sample.location_id)] for sample in pprof.sample]


def row_binary_tree(tree: list[Any]) -> bytes:
    rows = b"".join(
        struct.pack("<QQQ", parent, function, node)
        + varint(len(values))
        + b"".join(
            binary_string(name.encode()) + struct.pack("<qq", self_, total) for name, self_, total in values
        )
        for parent, function, node, values in tree
    )
    return varint(len(tree)) + rows


def row_binary_functions(functions: list[Any]) -> bytes:
    return varint(len(functions)) + b"".join(
        struct.pack("<Q", id_) + binary_string(name.encode()) for id_, name in functions
    )
