"""Every endpoint that reports a profile type's total reports the recording's total."""

import base64
import json
import re
import time
from collections.abc import Callable, Sequence
from collections.abc import Mapping as MappingOf
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

import pytest
from google.protobuf import json_format

from all_in_one import create_app
from flamehouse.pb.profile_pb2 import Mapping, Profile
from flamehouse.services import Services
from flamehouse.settings import Settings
from flamehouse.store import Store
from tests.support.queries.dot_language import label_lines, read_dot
from tests.support.queries.oracle import OracleTree, read_tree
from tests.support.queries.recorded import CLIENTS, recordings_of
from tests.support.servers.client import Client
from tests.support.uploads.pprofs import stacks_in
from tests.support.uploads.profiles import CPU, Frame, pprof_of, sample

pytestmark = pytest.mark.parametrize("place", ["embedded"], indirect=True, scope="session")

ALL_NODES: Final = 200_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """One profile type of a client's upload, in a range of milliseconds that covers all of it."""

    client: Client
    type_: str
    start: int
    end: int

    @property
    def selection(self) -> dict[str, Any]:
        return {"profileTypeID": self.type_, "labelSelector": "{}", "start": self.start, "end": self.end}

    def rpc(self, rpc: str, **more: Any) -> dict[str, Any]:
        return self.client.rpc(rpc, {**self.selection, **more})

    def get(self, path: str) -> Any:
        """Returns the JSON of one of Pyroscope's paths, with `ONE`, `LEFT` and `RIGHT` replaced by this selection."""
        query = quote(self.type_ + "{}")
        selection = f"{{}}uery={query}&{{}}rom={self.start}&{{}}ntil={self.end}"
        for side, names in (("LEFT", ("leftQ", "leftF", "leftU")), ("RIGHT", ("rightQ", "rightF", "rightU"))):
            path = path.replace(side, selection.format(*names))
        response = self.client.send("GET", path.replace("ONE", selection.format("q", "f", "u")))
        assert response.status_code == 200, response.text
        return response.json()


def flamegraph(scope: Scope, rpc: str, **more: Any) -> int:
    return int(scope.rpc(rpc, **more)["flamegraph"].get("total", 0))


def tree(scope: Scope, rpc: str, **more: Any) -> int:
    response = scope.rpc(rpc, format="PROFILE_FORMAT_TREE", **more)
    return selves(read_tree(base64.b64decode(response.get("tree", ""))))


def selves(node: OracleTree) -> int:
    return node.self_ + sum(selves(child) for child in node.children)


def diff(scope: Scope) -> int:
    graph = scope.rpc("Diff", left=scope.selection, right=scope.selection)["flamegraph"]
    left, right, both = (int(graph.get(name, 0)) for name in ("leftTicks", "rightTicks", "total"))
    assert left == right == both - left
    return left


def render_diff(scope: Scope) -> int:
    response = scope.get("/pyroscope/render-diff?LEFT&RIGHT")
    left: int = response["leftTicks"]
    assert left == response["rightTicks"]
    return left


def pprof(scope: Scope, **more: Any) -> int:
    """Returns the sum of the samples of SelectMergeProfile."""
    return _sum(scope.rpc("SelectMergeProfile", **more))


def pprof_in_format(scope: Scope) -> int:
    """Returns the sum of the samples of SelectMergeStacktraces in pprof format."""
    return _sum(
        scope.rpc("SelectMergeStacktraces", format="PROFILE_FORMAT_PPROF")["pprof"].get("profile", {})
    )


def _sum(response: dict[str, Any]) -> int:
    return sum(stacks_in(json_format.ParseDict(response, Profile())).values())


def points(scope: Scope, **more: Any) -> float:
    series = scope.rpc("SelectSeries", **{"step": 15, **more}).get("series", [])
    return sum(float(point.get("value", 0)) for each in series for point in each["points"])


def timeline(scope: Scope, **more: str) -> int:
    response = scope.get(
        "&".join(["/pyroscope/render?ONE", *(f"{name}={value}" for name, value in more.items())])
    )
    lines = (response["groups"] or {"": response["timeline"]}).values()
    return sum(sum(line["samples"]) for line in lines)


TOTALS: Final[MappingOf[str, Callable[[Scope], float]]] = {
    "flame graph": lambda scope: flamegraph(scope, "SelectMergeStacktraces", maxNodes=ALL_NODES),
    "flame graph of a node": lambda scope: flamegraph(scope, "SelectMergeStacktraces", maxNodes=1),
    "flame graph of every span": lambda scope: flamegraph(scope, "SelectMergeSpanProfile"),
    "TREE": lambda scope: tree(scope, "SelectMergeStacktraces", maxNodes=ALL_NODES),
    "TREE of a node": lambda scope: tree(scope, "SelectMergeStacktraces", maxNodes=1),
    "TREE of every span": lambda scope: tree(scope, "SelectMergeSpanProfile"),
    "Diff with itself": diff,
    "render": lambda scope: int(scope.get("/pyroscope/render?ONE")["flamebearer"]["numTicks"]),
    "render-diff with itself": render_diff,
    "pprof": pprof,
    "PPROF": pprof_in_format,
    "pprof of a node": lambda scope: pprof(scope, maxNodes=1),
    "pprof for Go's PGO": lambda scope: pprof(
        scope, stackTraceSelector={"goPgo": {"keepLocations": 2, "aggregateCallees": True}}
    ),
    "series in steps of 15 s": points,
    "series in one step": lambda scope: points(scope, step=(scope.end - scope.start) / 1_000),
    "series by service": lambda scope: points(scope, groupBy=["service_name"]),
    "series by all labels": lambda scope: points(
        scope,
        groupBy=scope.client.rpc("LabelNames", {"start": scope.start, "end": scope.end})["names"],
    ),
    "series with exemplars": lambda scope: points(scope, exemplarType="EXEMPLAR_TYPE_INDIVIDUAL"),
    "timeline": timeline,
    "timelines by service": lambda scope: timeline(scope, groupBy="service_name"),
}
"""The endpoints that report a total."""


def check_heatmap(scope: Scope, total: float) -> None:
    """Checks that the total lies within the bounds of the buckets, added up over the heatmap's profiles."""
    (series,) = scope.rpc("SelectHeatmap", step=15)["series"]
    least = most = 0.0
    for slot in series["slots"]:
        bounds = slot["yMin"]
        width = max(upper - lower for lower, upper in pairwise(bounds)) + 1
        for lower, count in zip(bounds, slot["counts"], strict=True):
            least += lower * count
            most += (lower + width) * count
    assert least <= total <= most


_TOTAL: Final = re.compile(r"of ([\d.]+)([A-Za-z]*) total")
_UNITS: Final = {
    "": 1,
    "ns": 1,
    "us": 1e3,
    "ms": 1e6,
    "s": 1e9,
    "mins": 60e9,
    "hrs": 3600e9,
    "B": 1,
    "kB": 2**10,
    "MB": 2**20,
    "GB": 2**30,
}


def check_dot(scope: Scope, total: float) -> None:
    """Checks that the call graph's legend shows the total, in a unit chosen for reading."""
    dot = scope.rpc("SelectMergeStacktraces", format="PROFILE_FORMAT_DOT").get("dot", "")
    shown = 0.0
    if dot:
        lines = label_lines(read_dot(dot).legend["label"])
        (found,) = filter(None, map(_TOTAL.search, lines))
        shown = float(found[1]) * _UNITS[found[2]]
    assert shown == pytest.approx(total, rel=0.01)


@pytest.mark.parametrize("name", CLIENTS)
def test_all_endpoints_report_the_same_total(
    store: Store, settings: Settings, tenant: str, shared_dir: Path, name: str
) -> None:
    services = Services(settings=settings, store=store)
    client = Client(server=create_app(lambda: services), tenant=tenant)
    folder = shared_dir / "fixtures" / "sdk" / name
    for recording in recordings_of(folder):
        assert recording.replay(client)["status"] == 200
    expected = json.loads((folder / "expected_all.json").read_text())
    for type_ in expected["profile_types"]:
        check_totals(
            Scope(client=client, type_=type_["id"], **expected["query_range_ms"]), type_["series_total"]
        )


def check_totals(scope: Scope, total: float) -> None:
    """Checks that every endpoint reports this total."""
    assert {each: total_of(scope) for each, total_of in TOTALS.items()} == dict.fromkeys(TOTALS, total), (
        scope.type_
    )
    check_heatmap(scope, total)
    check_dot(scope, total)


def test_totals_agree_for_stacks_without_functions(store: Store, settings: Settings, tenant: str) -> None:
    services = Services(settings=settings, store=store)
    client = Client(server=create_app(lambda: services), tenant=tenant)
    stacks: Sequence[Sequence[Frame]] = ([0x401000, 0x401010], [], ["main", 0x401010, "leaf"], ["main"])
    mapping = Mapping(id=1, memory_start=0x400000, memory_limit=0x500000)
    now_ms = time.time_ns() // 1_000_000
    samples = [sample(stack, 10**number) for number, stack in enumerate(stacks)]
    profile = pprof_of(samples, time_ms=now_ms, mapping=mapping)
    response = client.send("POST", "/ingest?name=native", profile.SerializeToString())
    assert response.status_code == 200, response.text
    scope = Scope(client=client, type_=CPU, start=now_ms - 60_000, end=now_ms + 60_000)
    check_totals(scope, 1_111)
