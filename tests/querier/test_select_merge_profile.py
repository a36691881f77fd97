"""SelectMergeProfile over real uploads: names for Go's PGO, and selections that match no sample."""

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
from tests.support.uploads.profiles import CPU, pprof_of, sample

pytestmark = pytest.mark.parametrize("place", ["embedded"], indirect=True, scope="session")

GENERIC = "main.sum[go.shape.float64]"


@pytest.fixture
def client(store: Store, settings: Settings, tenant: str) -> Client:
    services = Services(settings=settings, store=store)
    return Client(server=create_app(lambda: services), tenant=tenant)


def merge(client: Client, **more: Any) -> Profile:
    """Uploads one profile of a Go program, and merges what the selectors select of it."""
    now_ms = time.time_ns() // 1_000_000
    message = pprof_of([sample(["main.main", GENERIC], 7), sample(["main.main"], 2)], time_ms=now_ms)
    for function in message.function:
        function.system_name = function.name
    response = client.send("POST", "/ingest?name=shop&spyName=gospy", message.SerializeToString())
    assert response.status_code == 200, response.text
    selection = {
        "profileTypeID": CPU,
        "labelSelector": "{}",
        "start": now_ms - 60_000,
        "end": now_ms + 60_000,
    }
    return json_format.ParseDict(client.rpc("SelectMergeProfile", {**selection, **more}), Profile())


def names(profile: Profile) -> set[str]:
    return {profile.string_table[function.name] for function in profile.function}


@pytest.mark.parametrize("go_pgo", [{}, {"keepLocations": 1}, {"keepLocations": 5, "aggregateCallees": True}])
def test_generic_functions_have_their_symbol_names_only_for_pgo(
    client: Client, go_pgo: dict[str, Any]
) -> None:
    assert GENERIC in names(merge(client, stackTraceSelector={"goPgo": go_pgo}))
    assert names(merge(client)) == {"main.main", "main.sum"}


@pytest.mark.parametrize(
    "selectors",
    [
        {"profileIdSelector": ["7c9e6679-7425-40de-944b-e07fc1f90ae7"]},
        {"traceIdSelector": ["4bf92f3577b34da6a3ce929d0e0e4736"]},
        {"stackTraceSelector": {"callSite": [{"name": "unknown"}]}},
    ],
)
def test_a_selection_without_samples_is_a_valid_pprof(client: Client, selectors: dict[str, Any]) -> None:
    profile = merge(client, **selectors)
    assert profile.string_table[0] == ""
    [sample_type] = profile.sample_type
    assert profile.string_table[sample_type.type] == "cpu"
    assert profile.string_table[sample_type.unit] == "nanoseconds"
    assert not profile.sample
