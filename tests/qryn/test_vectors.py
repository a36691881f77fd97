"""The tables, rows and trees of these tests match ../shared/reference/qryn-vectors.json, made by qryn's own code and SQL."""

import base64
import json
from collections import Counter
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from flamehouse.pb.profile_pb2 import Profile
from flamehouse.settings import Settings
from ingest.profile.checked import Checks
from qryn.reading import read_row
from qryn.row import Row
from qryn.source import names_of, nodes_of
from tests.support.qryn.database import create_qryn, insert
from tests.support.qryn.rows import node_id, tree_of
from tools.clickhouse_http.process import ClickHouseServer

TYPES = [("samples", "count"), ("cpu", "nanoseconds")]
NAMES = ["samples:count", "cpu:nanoseconds"]


@pytest.fixture(scope="module")
def vectors(shared_dir: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((shared_dir / "reference/qryn-vectors.json").read_text())
    return found


def of(vectors: dict[str, Any], name: str) -> Any:
    """Returns the only entry of the small profile whose name has this prefix."""
    [found] = [value for key, value in vectors["small_pprof"].items() if key.startswith(name)]
    return found


def test_the_tables_compute_the_same_fingerprints_and_tags_as_qryn(
    vectors: dict[str, Any], qryn_server: ClickHouseServer
) -> None:
    client = create_qryn(qryn_server, f"qryn_{uuid4().hex}")
    cases = vectors["fingerprints"]
    for number, case in enumerate(cases):
        types = [tuple(each) for each in case["sample_types_units"]]
        tags = [tuple(each) for each in case["tags"]]
        kind = (case["period_type"], case["period_unit"], tags)
        insert(client, [[number, case["type"], case["service_name"], types, *kind, 0, "0", "", [], [], []]])
    found = client.query("SELECT fingerprint, type_id FROM profiles ORDER BY timestamp_ns").result_rows
    assert found == [(case["fingerprint"], case["type_id"]) for case in cases]
    series = {
        fingerprint: {tuple(tag) for tag in tags}
        for fingerprint, tags in client.query("SELECT fingerprint, tags FROM profiles_series").result_rows
    }
    assert series == {
        case["fingerprint"]: {tuple(tag) for tag in case["profiles_series.tags"]} for case in cases
    }


def test_trees_built_by_the_tests_equal_those_that_qryn_writes(vectors: dict[str, Any]) -> None:
    for parent, function, depth, id_ in vectors["node_ids_[parent,function,depth,node_id]"]:
        assert node_id(parent, function, depth) == id_
    pprof = Profile.FromString(base64.b64decode(of(vectors, "pprof_base64")))
    tree, functions = tree_of(pprof, NAMES)
    written = of(vectors, "gigapipe_row")
    assert json.loads(json.dumps(tree)) == written["Tree"]
    assert json.loads(json.dumps(functions)) == written["Functions"]


@pytest.mark.parametrize(
    ("payload", "names"),
    [
        ("Payload", ["main.main", "main.caller", "main.inlined"]),
        (None, ["main.main", "main.inlined"]),
    ],
)
def test_a_qryn_row_has_the_stacks_of_its_payload_or_else_of_its_tree(
    vectors: dict[str, Any], payload: str | None, names: list[str]
) -> None:
    written = of(vectors, "gigapipe_row")
    row = Row(
        timestamp_ns=written["TimestampNs"],
        duration_ns=written["DurationNs"],
        type=written["Type"],
        period_type=written["PeriodType"],
        period_unit=written["PeriodUnit"],
        service=written["ServiceName"],
        sample_types=[(type_, unit) for type_, unit in written["SampleTypesUnits"]],
        tags=[(name, value) for name, value in written["Tags"]],
        payload_type=written["PayloadType"],
        payload=base64.b64decode(written[payload]) if payload else b"",
        values={name: total for name, total, _ in written["ValuesAgg"]},
        tree=nodes_of(written["Tree"]),
        functions=names_of(written["Functions"]),
    )
    checks = Checks(settings=Settings(), received_ns=written["TimestampNs"], past_s=0)
    [checked] = read_row(row, row.upload_id("anonymous"), checks).profiles
    assert not isinstance(checked.profile, Exception)
    stacks = stacks_of(checked.profile.pprof)
    assert checked.profile.labels == {
        "env": "prod",
        "region": "us-east-1",
        "service_name": "myapp",
        "__name__": "process_cpu",
    }
    assert stacks[tuple(names)] == (2, 20_000_000)
    assert stacks["main.main", "main.work", "main.work"] == (5, 50_000_000)
    assert tuple(map(sum, zip(*stacks.values(), strict=True))) == (21, 210_000_000)


def stacks_of(pprof: Profile) -> dict[tuple[str, ...], tuple[int, ...]]:
    """Returns the values by stack, root first."""
    texts = pprof.string_table
    names = {function.id: texts[function.name] for function in pprof.function}
    frames = {
        location.id: [names[line.function_id] for line in reversed(location.line)]
        for location in pprof.location
    }
    stacks: dict[tuple[str, ...], Counter[int]] = {}
    for sample in pprof.sample:
        stack = tuple(name for id_ in reversed(sample.location_id) for name in frames[id_])
        stacks.setdefault(stack, Counter()).update(dict(enumerate(sample.value)))
    return {stack: tuple(values[index] for index in range(len(TYPES))) for stack, values in stacks.items()}
