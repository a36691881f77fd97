"""What every test may ask for."""

from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest

from flamehouse.settings import Settings
from flamehouse.store import Store, open_store
from flamehouse.store.client import ClickHouse
from flamehouse.store.migrate import migrate
from servers import clickhouse_server

REPO = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="session")
def shared_dir() -> Path:
    """The folder of recorded requests and references beside the clone; tests that read it are skipped without it."""
    shared = REPO.parent / "shared"
    if not (shared / "fixtures").is_dir():
        pytest.skip("needs the recorded fixtures in ../shared, which this clone has not")
    return shared


@pytest.fixture(scope="session", params=["embedded", "server"])
def clickhouse_dsn(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A ClickHouse: the one engine that this process can have, or another's over HTTP."""
    folder = tmp_path_factory.mktemp("data")
    if request.param == "embedded":
        yield f"chdb://{folder}"
        return
    with clickhouse_server(folder) as server:
        yield server.dsn


@pytest.fixture(scope="session")
def settings(clickhouse_dsn: str) -> Settings:
    """A migrated database that keeps profiles of any age."""
    settings = Settings(clickhouse_dsn=clickhouse_dsn, retention_days=0, max_label_names=100)
    migrate(settings)
    return settings


@pytest.fixture(scope="session")
def clickhouse(settings: Settings) -> Iterator[ClickHouse]:
    """The database behind `store`. Nothing merges in it, so that what counts on merges fails."""
    clickhouse = ClickHouse(settings)
    clickhouse.command("SYSTEM STOP MERGES")
    yield clickhouse
    clickhouse.close()


@pytest.fixture(scope="session")
def store(settings: Settings, clickhouse: ClickHouse) -> Iterator[Store]:  # noqa: ARG001  # merges are stopped first
    store = open_store(settings)
    yield store
    store.close()


@pytest.fixture
def tenant() -> str:
    """A tenant that no other test knows: tests share a database."""
    return f"tenant-{uuid4().hex}"
