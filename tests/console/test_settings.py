"""Settings of Grafana's apps: set, read at once, changed, deleted, and separate for each tenant."""

import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import pytest
from google.protobuf import json_format
from google.protobuf.message import Message

from all_in_one import create_app
from flamehouse.pb.settings_pb2 import (
    DeleteSettingsRequest,
    DeleteSettingsResponse,
    GetSettingsRequest,
    GetSettingsResponse,
    SetSettingsRequest,
    SetSettingsResponse,
    Setting,
)
from flamehouse.services import Services
from flamehouse.settings import Settings
from flamehouse.store import Store
from tests.support.queries.queries import new_tenant
from tests.support.servers.client import Client
from tests.support.servers.place import Place

pytestmark = pytest.mark.parametrize("place", ["embedded", "server", "cloud"], indirect=True, scope="session")

NAME = "pluginSettings"


@pytest.fixture
def client(place: Place, store: Store, settings: Settings, tenant: str) -> Client:
    services = Services(settings=settings, store=store)
    server = place.url or create_app(lambda: services)
    return Client(server=server, tenant=tenant, credential=place.credential)


def call[M: Message](client: Client, rpc: str, request: Message, response_type: type[M], *, proto: bool) -> M:
    content_type = "application/proto" if proto else "application/json"
    body = request.SerializeToString() if proto else json_format.MessageToJson(request).encode()
    path = f"/settings.v1.SettingsService/{rpc}"
    response = client.send("POST", path, body, {"Content-Type": content_type})
    assert (response.status_code, response.headers["Content-Type"]) == (200, content_type), response.text
    if proto:
        return response_type.FromString(response.content)
    return json_format.Parse(response.content, response_type())


def get(client: Client) -> list[Setting]:
    return [*call(client, "Get", GetSettingsRequest(), GetSettingsResponse, proto=True).settings]


def set_(client: Client, value: str, *, at: int, name: str = NAME) -> Setting:
    request = SetSettingsRequest(setting=Setting(name=name, value=value, modifiedAt=at))
    return call(client, "Set", request, SetSettingsResponse, proto=True).setting


def delete(client: Client, name: str = NAME) -> None:
    call(client, "Delete", DeleteSettingsRequest(name=name), DeleteSettingsResponse, proto=True)


def rejection(client: Client, rpc: str, body: str) -> tuple[int, str, str]:
    path = f"/settings.v1.SettingsService/{rpc}"
    response = client.send("POST", path, body.encode(), {"Content-Type": "application/json"})
    result: dict[str, Any] = response.json()
    return response.status_code, result["code"], result["message"]


@pytest.mark.parametrize("proto", [True, False])
def test_a_setting_is_returned_as_set_until_it_is_deleted(client: Client, proto: bool) -> None:
    setting = Setting(name=NAME, value='{"maxNodes": 16384, "ä": "\\n"}', modifiedAt=1_714_566_123_456)
    request = SetSettingsRequest(setting=setting)
    assert call(client, "Set", request, SetSettingsResponse, proto=proto).setting == setting
    response = call(client, "Get", GetSettingsRequest(), GetSettingsResponse, proto=proto)
    assert [*response.settings] == [setting]
    call(client, "Delete", DeleteSettingsRequest(name=NAME), DeleteSettingsResponse, proto=proto)
    assert not call(client, "Get", GetSettingsRequest(), GetSettingsResponse, proto=proto).settings


def test_settings_are_sorted_by_name(client: Client) -> None:
    for name in ("b", "c", "a"):
        set_(client, name.upper(), at=1, name=name)
    assert [(each.name, each.value) for each in get(client)] == [("a", "A"), ("b", "B"), ("c", "C")]


@pytest.mark.parametrize("at", [0, -5])
def test_a_setting_without_a_time_gets_the_current_one(client: Client, at: int) -> None:
    before = time.time_ns() // 1_000_000
    response = set_(client, "value", at=at)
    assert before <= response.modifiedAt <= time.time_ns() // 1_000_000
    assert get(client) == [response]


@pytest.mark.parametrize("later", [0, 1])
def test_a_setting_modified_no_earlier_replaces_the_stored_one(client: Client, later: int) -> None:
    set_(client, "old", at=1_000)
    set_(client, "new", at=1_000 + later)
    assert [each.value for each in get(client)] == ["new"]


def test_a_setting_modified_earlier_is_rejected(client: Client) -> None:
    set_(client, "stored", at=1_000)
    body = f'{{"setting": {{"name": "{NAME}", "value": "older", "modifiedAt": "999"}}}}'
    status, code, message = rejection(client, "Set", body)
    assert (status, code) == (409, "already_exists")
    assert "was modified at 1000, after 999" in message
    assert [each.value for each in get(client)] == ["stored"]


def test_a_deleted_setting_may_be_set_again_with_any_time(client: Client) -> None:
    set_(client, "first", at=9_000_000_000_000_000_000)
    delete(client)
    delete(client)
    assert get(client) == []
    set_(client, "second", at=1)
    assert get(client) == [Setting(name=NAME, value="second", modifiedAt=1)]
    delete(client)
    assert get(client) == []


def test_deleting_a_missing_setting_is_no_error(client: Client) -> None:
    delete(client, "never set")
    assert get(client) == []


def test_tenants_do_not_share_settings(client: Client) -> None:
    other = replace(client, tenant=new_tenant())
    set_(client, "mine", at=5)
    set_(other, "theirs", at=1)
    delete(replace(client, tenant=new_tenant()))
    assert [each.value for each in get(client)] == ["mine"]
    delete(client)
    assert [each.value for each in get(other)] == ["theirs"]


def test_the_setting_modified_last_wins_a_race(client: Client) -> None:
    times = range(1, 9)

    def set_at(at: int) -> None:
        body = json_format.MessageToJson(
            SetSettingsRequest(setting=Setting(name=NAME, value=str(at), modifiedAt=at))
        )
        headers = {"Content-Type": "application/json"}
        response = client.send("POST", "/settings.v1.SettingsService/Set", body.encode(), headers)
        assert response.status_code in {200, 409}, response.text

    with ThreadPoolExecutor(len(times)) as threads:
        list(threads.map(set_at, times))
    assert get(client) == [Setting(name=NAME, value="8", modifiedAt=8)]


@pytest.mark.parametrize(
    ("rpc", "body", "status", "code", "words"),
    [
        ("Set", "{}", 400, "invalid_argument", "no setting"),
        ("Set", '{"setting": {"value": "x"}}', 400, "invalid_argument", "has no name"),
        ("Set", f'{{"setting": {{"name": "{"n" * 257}"}}}}', 400, "invalid_argument", "name is longer"),
        (
            "Set",
            f'{{"setting": {{"name": "n", "value": "{"v" * 65_537}"}}}}',
            400,
            "invalid_argument",
            "value is longer",
        ),
        ("Set", '{"setting": {"name": "n", "modifiedAt": "soon"}}', 400, "invalid_argument", ""),
        ("Set", "[]", 400, "invalid_argument", ""),
        ("Get", "", 400, "invalid_argument", ""),
        ("Set", " " * (1 << 21), 400, "invalid_argument", "larger than"),
    ],
    ids=lambda value: value[:20] if isinstance(value, str) else str(value),
)
def test_an_invalid_setting_is_rejected(
    client: Client, rpc: str, body: str, status: int, code: str, words: str
) -> None:
    response = rejection(client, rpc, body)
    assert response[:2] == (status, code)
    assert words in response[2]
    assert get(client) == []


def test_the_settings_of_a_tenant_are_limited(client: Client) -> None:
    for number in range(16):
        set_(client, "v" * 65_536, at=1, name=f"large {number}")
    body = '{"setting": {"name": "one more", "value": "x"}}'
    assert rejection(client, "Set", body)[:2] == (429, "resource_exhausted")
    set_(client, "", at=2, name="large 3")
    set_(client, "x", at=1, name="one more")
    assert len(get(client)) == 17
