"""The built functions under a path that a domain maps to the API."""

import json
import re
from collections.abc import Iterator

import httpx
import pytest

from tests.support.uploads.profiles import pprof_of, sample
from tools.gateway.cloud import Cloud, serving
from tools.gateway.server import create_app

PROFILE_TYPES = "/querier.v1.QuerierService/ProfileTypes"
EVER = {"start": 1_700_000_000_000, "end": 1_900_000_000_000}
GATEWAY_S = 30


@pytest.fixture(scope="module")
def mapped(deployed: Cloud) -> Iterator[str]:
    """The URL of the same functions under the path of a domain."""
    with serving(create_app(deployed.deployment, deployed.functions, "profiles"), 0) as url:
        yield f"{url}/profiles"


def test_the_page_its_files_and_the_rpcs_work_under_a_mapped_path_of_a_domain(
    deployed: Cloud, mapped: str
) -> None:
    without = httpx.get(mapped)
    assert (without.status_code, without.headers["Location"]) == (307, "profiles/")
    page = httpx.get(f"{mapped}/")
    assert page.status_code == 200
    [script, *_] = re.findall(r'(?:href|src)="(ui/[^"]+\.js)"', page.text)
    asset = httpx.get(f"{mapped}/{script}")
    assert (asset.status_code, asset.headers["Content-Type"]) == (200, "text/javascript; charset=utf-8")
    assert httpx.get(f"{mapped}/ready").status_code == 200
    profile = pprof_of([sample("m", 1)], time_ms=1_790_000_000_000).SerializeToString()
    for path, body in (
        ("/ingest?name=app&format=pprof", profile),
        (PROFILE_TYPES, json.dumps(EVER).encode()),
        ("/settings.v1.SettingsService/Get", b"{}"),
        ("/version.v1.Version/Version", b"{}"),
        ("/adhocprofiles.v1.AdHocProfileService/List", b"{}"),
    ):
        headers = {"Content-Type": "application/json"}
        for token, status in (("", 401), ("wrong", 403), (deployed.credential, 200)):
            auth = ("", token) if token else None
            response = httpx.post(
                mapped + path, content=body, headers=headers, auth=auth, timeout=GATEWAY_S + 5
            )
            assert response.status_code == status, response.text
