"""`flamehouse usage`, run as an operator runs it, on a server's stored profiles."""

import json
import time
from pathlib import Path

import httpx

from tests.support.servers.command import flamehouse
from tests.support.servers.local_server import running


def test_usage_is_shown_by_tenant_and_service_for_the_last_days(tmp_path: Path) -> None:
    place, now_s = {"DATA_DIR": str(tmp_path)}, int(time.time())
    with running(tmp_path) as server:
        for name, age_s, stacks in (
            ("shop", 0, "a 1\nb 2"),
            ("shop", 60, "a 1"),
            ("shop", 3 * 86_400, "a 1"),
            ("cart", 0, "a 1"),
        ):
            query = f"name={name}&from={now_s - age_s - 10}&until={now_s - age_s}"
            headers = {"X-Scope-OrgID": f"of-{name}"}
            assert (
                httpx.post(f"{server.url}/ingest?{query}", content=stacks, headers=headers).status_code == 200
            )
        assert server.stop() == 0
    run = flamehouse("usage", "--json", **place)
    shop, cart = json.loads(run.stdout)
    assert shop.pop("bytes") > cart.pop("bytes") > 0
    assert (shop.pop("bytes_sent"), cart.pop("bytes_sent")) == (len("a 1\nb 2") + len("a 1"), len("a 1"))
    assert (shop.pop("share"), cart.pop("share")) == (0.75, 0.25)
    assert shop == {
        "tenant": "of-shop",
        "service": "shop",
        "uploads": 2,
        "profiles": 2,
        "series": 1,
        "samples": 3,
    }
    assert cart == {
        "tenant": "of-cart",
        "service": "cart",
        "uploads": 1,
        "profiles": 1,
        "series": 1,
        "samples": 1,
    }
    table = flamehouse("usage", "--days", "7", **place).stdout.splitlines()
    assert table[0].split() == [
        "tenant",
        "service",
        "uploads",
        "profiles",
        "series",
        "samples",
        "bytes",
        "sent",
        "share",
    ]
    assert table[1].split()[:6] == ["of-shop", "shop", "3", "3", "1", "4"]
