"""A profile exactly at the end of a range is in no response for that range; one a millisecond earlier is in all."""

import json
import time
from typing import Any

import pytest

from all_in_one import create_app
from flamehouse.services import Services
from flamehouse.settings import Settings
from flamehouse.store import Store
from tests.support.servers.client import Client
from tests.support.uploads.profiles import CPU, pprof_of, sample

pytestmark = pytest.mark.parametrize("place", ["embedded"], indirect=True, scope="session")

SECOND = 1_000


@pytest.fixture
def client(store: Store, settings: Settings, tenant: str) -> Client:
    services = Services(settings=settings, store=store)
    return Client(server=create_app(lambda: services), tenant=tenant)


def counted(client: Client, start: int, end: int, step: int) -> dict[str, int]:
    """Returns each endpoint's count of the profiles, each of value 1, in a range of milliseconds."""
    request: dict[str, Any] = {"profileTypeID": CPU, "labelSelector": "{}", "start": start, "end": end}
    exemplars = {**request, "step": step, "exemplarType": "EXEMPLAR_TYPE_INDIVIDUAL"}
    points = [
        point for each in client.rpc("SelectSeries", exemplars).get("series", []) for point in each["points"]
    ]
    heatmap = client.rpc("SelectHeatmap", {**request, "step": step}).get("series", [])
    merged = client.rpc("SelectMergeProfile", request).get("sample", [])
    diff = client.rpc("Diff", {"left": request, "right": request})["flamegraph"]
    query = f"/pyroscope/render?query={CPU}%7B%7D&from={start}&until={end}"
    return {
        "flame graph": int(client.rpc("SelectMergeStacktraces", request)["flamegraph"].get("total", 0)),
        "span profile": int(client.rpc("SelectMergeSpanProfile", request)["flamegraph"].get("total", 0)),
        "pprof": sum(int(each["value"][0]) for each in merged),
        "Diff": int(diff.get("leftTicks", 0)),
        "series": sum(int(point["value"]) for point in points),
        "exemplars": len([exemplar for point in points for exemplar in point.get("exemplars", [])]),
        "heatmap": sum(sum(slot["counts"]) for each in heatmap for slot in each["slots"]),
        "render": json.loads(client.send("GET", query).content)["flamebearer"]["numTicks"],
        "AnalyzeQuery": int(
            client.rpc("AnalyzeQuery", {"query": CPU + "{}", "start": start, "end": end})["queryScopes"][
                0
            ].get("profileCount", 0)
        ),
    }


@pytest.mark.parametrize("step", [1, 7, 60])
def test_every_endpoint_treats_the_end_of_a_range_as_exclusive(client: Client, step: int) -> None:
    end = time.time_ns() // 1_000_000 // (60 * SECOND) * 60 * SECOND - 60 * SECOND
    for at in (end - 10 * SECOND, end):
        profile = pprof_of([sample("a", 1)], time_ms=at)
        assert client.send("POST", "/ingest?name=shop", profile.SerializeToString()).status_code == 200
    counts = counted(client, end - 60 * SECOND, end, step)
    assert counts == dict.fromkeys(counts, 1)
    # Both profiles lie in one step of a minute, which has one exemplar.
    later = counted(client, end - 60 * SECOND, end + 60 * SECOND, step)
    assert later == {**dict.fromkeys(counts, 2), "exemplars": 1 if step == 60 else 2}
