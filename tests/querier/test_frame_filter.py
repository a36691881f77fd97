"""Frame filters select complete stacks by frame names, the same ones in every RPC with a StackTraceSelector."""

import json
import time
from typing import Any

import pytest
from google.protobuf import json_format

from all_in_one import create_app
from flamehouse.pb.profile_pb2 import Profile
from flamehouse.services import Services
from flamehouse.settings import Settings
from flamehouse.store import Store
from tests.support.servers.client import Client
from tests.support.uploads.profiles import CPU, Frame, pprof_of, sample

pytestmark = pytest.mark.parametrize("place", ["embedded", "server"], indirect=True, scope="session")

STACKS: tuple[tuple[list[Frame], int], ...] = (
    (["root", "a"], 1),
    (["root", "a", "b"], 2),
    (["root", "b"], 4),
    (["root", "forbidden"], 8),
    (["root", "a", "forbidden"], 16),
    (["root", 0x401000], 32),
    (["root", ("a", "inlined")], 64),
)
ALL = 127


@pytest.fixture
def client(store: Store, settings: Settings, tenant: str) -> Client:
    services = Services(settings=settings, store=store)
    client = Client(server=create_app(lambda: services), tenant=tenant)
    message = pprof_of([sample(stack, value) for stack, value in STACKS], time_ms=time.time_ns() // 1_000_000)
    response = client.send("POST", "/ingest?name=shop", message.SerializeToString())
    assert response.status_code == 200, response.text
    return client


def request(frames: dict[str, Any], **more: Any) -> dict[str, Any]:
    now_ms = time.time_ns() // 1_000_000
    return {
        "profileTypeID": CPU,
        "labelSelector": "{}",
        "start": now_ms - 600_000,
        "end": now_ms + 600_000,
        "stackTraceSelector": {"frameFilter": frames, **more},
    }


def totals(client: Client, frames: dict[str, Any], **more: Any) -> set[int]:
    """Returns the total that each RPC reports for the filter."""
    query = request(frames, **more)
    diff = client.rpc("Diff", {"left": query, "right": request({})})["flamegraph"]
    assert int(diff["rightTicks"]) == ALL
    pprof = json_format.ParseDict(client.rpc("SelectMergeProfile", query), Profile())
    series = client.rpc("SelectSeries", {**query, "step": 15}).get("series", [])
    return {
        int(client.rpc("SelectMergeStacktraces", query)["flamegraph"].get("total", 0)),
        int(diff.get("leftTicks", 0)),
        sum(each.value[0] for each in pprof.sample),
        sum(int(point["value"]) for each in series for point in each["points"]),
    }


@pytest.mark.parametrize(
    ("frames", "total"),
    [
        ({}, ALL),
        ({"includeFunctionNames": ["a"]}, 1 + 2 + 16 + 64),
        ({"includeFunctionNames": ["a", "b"]}, 2),
        ({"includeFunctionNames": ["a", "a"]}, 1 + 2 + 16 + 64),
        ({"includeFunctionNames": ["missing"]}, 0),
        ({"includeFunctionNames": ["inlined"]}, 64),
        ({"includeFunctionNames": ["0x401000"]}, 32),
        ({"excludeFunctionNames": ["forbidden"]}, ALL - 8 - 16),
        ({"excludeFunctionNames": ["forbidden", "b"]}, ALL - 8 - 16 - 2 - 4),
        ({"excludeFunctionNames": ["missing"]}, ALL),
        ({"excludeFunctionNames": ["root"]}, 0),
        ({"includeFunctionNames": ["a"], "excludeFunctionNames": ["forbidden"]}, 1 + 2 + 64),
        ({"includeFunctionNameRegexes": ["^a$"]}, 1 + 2 + 16 + 64),
        ({"includeFunctionNameRegexes": ["^a$", "^b$"]}, 2),
        ({"includeFunctionNameRegexes": ["bid"]}, 8 + 16),
        ({"includeFunctionNameRegexes": ["(?i)BID"]}, 8 + 16),
        ({"includeFunctionNameRegexes": [""]}, ALL),
        ({"excludeFunctionNameRegexes": ["bid", "^0x"]}, ALL - 8 - 16 - 32),
        ({"include_function_names": ["a"], "include_function_name_regexes": ["^b$"]}, 2),
        ({"includeFunctionNameRegexes": ["^a$"], "excludeFunctionNameRegexes": ["^forbidden$"]}, 1 + 2 + 64),
    ],
)
def test_a_stack_is_selected_by_the_names_of_its_frames(
    client: Client, frames: dict[str, Any], total: int
) -> None:
    assert totals(client, frames) == {total}


def test_call_site_and_frame_filter_select_together(client: Client) -> None:
    call_site = [{"name": "root"}, {"name": "a"}]
    assert totals(client, {"excludeFunctionNames": ["forbidden"]}, callSite=call_site) == {1 + 2 + 64}


@pytest.mark.parametrize("rpc", ["SelectMergeStacktraces", "SelectMergeProfile", "SelectSeries"])
@pytest.mark.parametrize(
    "frames",
    [
        {"includeFunctionNameRegexes": ["["]},
        {"excludeFunctionNameRegexes": ["a)|(b"]},
        {"excludeFunctionNameRegexes": ["(?=a)"]},
        {"includeFunctionNameRegexes": ["a" * 1_001]},
        {"includeFunctionNameRegexes": [f"a{number}" for number in range(21)]},
        {"excludeFunctionNames": [f"a{number}" for number in range(1_001)]},
    ],
)
def test_invalid_filters_are_rejected(client: Client, rpc: str, frames: dict[str, Any]) -> None:
    body = json.dumps({**request(frames), "step": 15}).encode()
    path = f"/querier.v1.QuerierService/{rpc}"
    response = client.send("POST", path, body, {"Content-Type": "application/json"})
    assert response.status_code == 400, response.text
    assert response.json()["code"] == "invalid_argument"
