"""The profiles of the local server and of functions on AWS, stored for a tenant."""

import time

import pytest

from flamehouse.errors import OperatorError
from flamehouse.pb.profile_pb2 import Profile
from flamehouse.self_profile import drop
from flamehouse.services import Services
from flamehouse.settings import DIRECT, Settings
from flamehouse.store import Store
from ingest.self_profile import open_self_profile, store_profile
from tests.support.queries.queries import Server
from tests.support.servers.doubles import CannedStore
from tests.support.servers.staging import Staging
from tests.support.uploads.profiles import pprof_of, sample
from tools.aws import LocalAws


def profile(now_ms: int) -> Profile:
    return pprof_of([sample(["main", "work"], 7)], time_ms=now_ms)


def total(server: Server, now_ms: int, selector: str) -> int:
    return server.flamegraph(now_ms - 60_000, now_ms + 60_000, selector=selector).total


@pytest.mark.parametrize("place", ["embedded"], indirect=True, scope="session")
def test_the_local_server_stores_its_own_profiles_for_the_tenant(
    store: Store, settings: Settings, tenant: str
) -> None:
    now_ms = time.time_ns() // 1_000_000
    store_profile(Services(settings=settings, store=store), tenant, profile(now_ms))
    assert total(Server.on(store, settings, tenant), now_ms, '{service_name="flamehouse"}') == 7


@pytest.mark.parametrize("place", ["server"], indirect=True, scope="session")
def test_the_worker_stores_the_profiles_of_functions(
    aws: LocalAws, store: Store, settings: Settings, tenant: str
) -> None:
    staging = Staging.on(aws, store, settings, DIRECT)
    of_function = Settings(
        self_profile=tenant,
        blobs_dir=staging.services.settings.blobs_dir,
        aws_region=staging.services.settings.aws_region,
        aws_endpoint_url_s3=aws.url,
    )
    now_ms = time.time_ns() // 1_000_000
    for function in ("query", "query", "ingest"):
        drop.put(of_function, function, profile(now_ms))
        now_ms += 1
    keys = staging.keys("drops/")
    assert len(keys) == 3
    assert all(key.startswith(f"drops/{tenant}/flamehouse/") for key in keys)
    staging.drain()
    server = staging.server(tenant)
    assert total(server, now_ms, '{service_name="flamehouse"}') == 21
    assert total(server, now_ms, '{service_name="flamehouse", function="query"}') == 14


def test_self_profiling_is_off_by_default() -> None:
    assert open_self_profile(Services(settings=Settings(), store=CannedStore())) is None


def test_an_invalid_tenant_is_an_error() -> None:
    services = Services(settings=Settings(self_profile="a b"), store=CannedStore())
    with pytest.raises(OperatorError, match="invalid tenant 'a b' in SELF_PROFILE"):
        open_self_profile(services)
