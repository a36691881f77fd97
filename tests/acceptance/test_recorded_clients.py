"""Recorded requests of real clients yield Pyroscope's recorded results in every field, alone and all together."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from all_in_one import create_app
from flamehouse.services import Services
from flamehouse.settings import Settings
from flamehouse.store import Store
from tests.support.queries.recorded import CLIENTS, observe, recordings_of, responses
from tests.support.servers.client import Client
from tests.support.servers.place import Place

pytestmark = pytest.mark.parametrize("place", ["embedded", "server", "cloud"], indirect=True, scope="session")


@pytest.fixture
def client(place: Place, store: Store, settings: Settings, tenant: str) -> Client:
    services = Services(settings=settings, store=store)
    server = place.url or create_app(lambda: services)
    return Client(server=server, tenant=tenant, credential=place.credential)


def _expected(path: Path) -> dict[str, Any]:
    expected: dict[str, Any] = json.loads(path.read_text())
    for profile_type in expected["profile_types"]:
        profile_type["series"].sort(key=lambda each: sorted(each["labels"].items()))
        profile_type["top_self"].sort(key=lambda each: (-each[1], each[0]))
    return expected


@pytest.mark.parametrize("name", CLIENTS)
def test_each_request_gets_pyroscopes_response(client: Client, shared_dir: Path, name: str) -> None:
    for number, recording in enumerate(recordings_of(shared_dir / "fixtures" / "sdk" / name)):
        expected = _expected(recording.folder / "expected.json")
        alone = replace(client, tenant=f"{client.tenant}-{number}")
        assert recording.replay(alone) == expected["server_response"]
        assert observe(alone, expected) == responses(expected)


@pytest.mark.parametrize("name", CLIENTS)
def test_all_requests_of_a_client_add_up_as_in_pyroscope(client: Client, shared_dir: Path, name: str) -> None:
    folder = shared_dir / "fixtures" / "sdk" / name
    expected = _expected(folder / "expected_all.json")
    recordings = recordings_of(folder)
    assert [recording.folder.name for recording in recordings] == expected["requests_in_order"]
    assert [recording.replay(client)["status"] for recording in recordings] == expected["statuses"]
    assert observe(client, expected) == responses(expected)
