"""/api/v1/usage: what the tenants of a request send and store."""

import time
from typing import Any

import httpx
import pytest
from starlette.types import ASGIApp

from all_in_one import create_app
from flamehouse.services import Services
from flamehouse.settings import Settings
from flamehouse.store import Store
from tests.support.queries.queries import Server
from tests.support.servers.apps import request
from tests.support.uploads.profiles import labels_of, pprof_of, sample
from tests.support.uploads.uploads import pushed, series

DAY_MS = 86_400_000


@pytest.fixture
def app(store: Store, settings: Settings) -> ASGIApp:
    services = Services(settings=settings, store=store)
    return create_app(lambda: services)


def usage(app: ASGIApp, tenants: str = "", query: str = "") -> list[dict[str, Any]]:
    headers = {"X-Scope-OrgID": tenants} if tenants else {}
    response = request(app, f"/api/v1/usage{query}", method="GET", headers=headers)
    assert response.status_code == 200, response.text
    assert response.json()["status"] == "success"
    found: list[dict[str, Any]] = response.json()["data"]["usage"]
    return found


def test_usage_covers_the_requested_tenants(app: ASGIApp, store: Store, settings: Settings) -> None:
    now_ms = int(time.time()) * 1_000
    servers = [Server.on(store, settings) for _ in range(2)]
    a, b = (server.client.tenant for server in servers)
    stacks = {"shop": [sample("ab", 1), sample("ac", 1), sample("a", 1)], "cart": [sample("ab", 1)]}
    both = [
        series(labels_of(service_name=name), pprof_of(samples, time_ms=now_ms))
        for name, samples in stacks.items()
    ]
    old = series(labels_of(), pprof_of([sample("ab", 1)], time_ms=now_ms - 3 * DAY_MS))
    for server in servers:
        server.push(*both)
    servers[0].push(old)

    shop, cart = usage(app, a)
    assert (shop["tenant"], shop["service"], cart["service"]) == (a, "shop", "cart")
    assert [shop[name] for name in ("uploads", "profiles", "series", "samples", "share")] == [
        1,
        1,
        1,
        3,
        0.75,
    ]
    # An upload's bytes are divided among its services by their samples.
    size = len(pushed(*both))
    assert abs(shop["bytes_sent"] - size * 0.75) <= 1
    assert shop["bytes_sent"] + cart["bytes_sent"] in {size - 1, size, size + 1}
    assert shop["bytes"] > 0

    assert {each["tenant"] for each in usage(app, f"{a}|{b}")} == {a, b}
    assert {a, b} <= {each["tenant"] for each in usage(app)}
    [shop_of_days, _] = usage(app, a, "?days=7")
    assert (shop_of_days["uploads"], shop_of_days["samples"]) == (2, 4)
    assert usage(app, "unknown") == []


@pytest.mark.parametrize("days", ["0", "-1", "x", "1.5", "10001", "9" * 5_000, "%E2%80%A8", "1%00"])
def test_invalid_days_are_rejected(app: ASGIApp, days: str) -> None:
    response: httpx.Response = request(app, f"/api/v1/usage?days={days}", method="GET")
    assert (response.status_code, response.json()["code"]) == (400, "invalid_argument")
