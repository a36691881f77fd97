"""Fixtures of all tests."""

import logging
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from uuid import uuid4

import pytest
from xdist.remote import Producer

from flamehouse.services import Services
from flamehouse.settings import Settings
from flamehouse.store.clickhouse_store import ClickHouseStore, open_store
from flamehouse.store.schema.migrate import migrate
from flamehouse.telemetry.events import LOGGER
from ingest.pipeline import replay
from tests.support.distribution import Distribution
from tests.support.fuzzing import load_profile
from tests.support.queries.queries import new_tenant
from tests.support.queries.shop_data import Target, holding_data
from tests.support.servers.bundle import built
from tests.support.servers.place import REPO, Place
from tests.support.servers.settled import SettledClickHouse
from tools.aws import LocalAws, local_aws
from tools.clickhouse_http.process import clickhouse_server
from tools.gateway.cloud import Cloud, cloud
from tools.local_server import local_server

_CREDENTIAL = "horse"


def pytest_configure() -> None:
    """Selects the Hypothesis profile before the first test is imported."""
    load_profile()


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> Distribution:
    return Distribution(config, log)


@pytest.fixture(scope="session")
def shared_dir() -> Path:
    """The folder of recorded requests and references next to the clone. Without it, tests that read it are skipped."""
    shared = REPO.parent / "shared"
    if not (shared / "fixtures").is_dir():
        pytest.skip("needs the recorded fixtures in ../shared, which do not exist")
    return shared


@pytest.fixture(scope="session", params=["embedded", "server"])
def place(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    """Where tests of the store run: this process's one embedded engine, or a server over HTTP.

    A test that adds `cloud` to its places also runs against the functions built for AWS.
    """
    match request.param:
        case "embedded":
            yield Place(dsn=f"chdb://{tmp_path_factory.mktemp('data')}")
        case "server":
            with clickhouse_server(tmp_path_factory.mktemp("data")) as server:
                yield Place(dsn=server.dsn)
        case "cloud":
            deployed: Cloud = request.getfixturevalue("deployed")
            yield Place(dsn=deployed.clickhouse.dsn, url=deployed.url, credential=deployed.credential)


@pytest.fixture(scope="session")
def deployed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cloud]:
    """The functions built for AWS, run locally; they accept profiles of any age, and queries end after 15 seconds."""
    environ = {"MAX_LABEL_NAMES": "100", "QUERY_TIMEOUT_S": "15"}
    folder = tmp_path_factory.mktemp("cloud")
    with cloud(
        built(),
        folder,
        retention_days=0,
        path_prefix="profiles",
        environ=environ,
        tenants=("owner", "other", "writer"),
    ) as running:
        yield running


@pytest.fixture(scope="session")
def _aws() -> Iterator[LocalAws]:
    with local_aws() as running:
        yield running


@pytest.fixture
def aws(_aws: LocalAws, monkeypatch: pytest.MonkeyPatch) -> LocalAws:
    """Local S3 and Secrets Manager, with their URL and credentials in this process's environment."""
    for name, value in _aws.environ().items():
        monkeypatch.setenv(name, value)
    return _aws


@pytest.fixture(scope="module")
def local() -> Iterator[Target]:
    """The local server in its own process, with profiles and a credential."""
    with local_server(API_CREDENTIAL=_CREDENTIAL) as running:
        yield holding_data(running.url, _CREDENTIAL, new_tenant())


@pytest.fixture(scope="module", params=["local", "cloud"])
def target(request: pytest.FixtureRequest) -> Target:
    """A running server for third-party clients: the local one, or the functions built for AWS."""
    if request.param == "local":
        target: Target = request.getfixturevalue("local")
        return target
    running: Cloud = request.getfixturevalue("deployed")
    return holding_data(running.url, running.credential, new_tenant())


@pytest.fixture(scope="session")
def settings(place: Place) -> Settings:
    """A migrated database that retains profiles of any age."""
    settings = Settings(clickhouse_dsn=place.dsn, retention_days=0, max_label_names=100)
    migrate(settings)
    return settings


@pytest.fixture(scope="session")
def clickhouse(settings: Settings) -> Iterator[SettledClickHouse]:
    """The database behind `store`. Merges are stopped, so that code that relies on them fails."""
    clickhouse = SettledClickHouse(settings)
    clickhouse.command("SYSTEM STOP MERGES")
    yield clickhouse
    clickhouse.close()


@pytest.fixture(scope="session")
def store(
    settings: Settings,
    clickhouse: SettledClickHouse,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[ClickHouseStore]:
    """The store as in the local server: writes to the embedded engine go through the log."""
    store = open_store(settings)
    if clickhouse.embedded:
        services = Services(settings=settings, store=store)
        store.open_log(tmp_path_factory.mktemp("log"), partial(replay, services), fsync=False)
    clickhouse.settle = store.settle
    yield store
    store.close()


@pytest.fixture(autouse=True)
def _every_line_is_logged() -> Iterator[None]:
    """Removes the limit on repeated lines that a handler, once imported, installs for its whole process."""
    yield
    logging.getLogger(LOGGER).filters.clear()


@pytest.fixture
def tenant() -> str:
    """A new tenant, since tests share a database."""
    return f"tenant-{uuid4().hex}"
