"""Fixtures of the tests of the migration from qryn: the ClickHouse that qryn writes to."""

from collections.abc import Iterator

import pytest

from tools.clickhouse_http.process import ClickHouseServer, clickhouse_server


@pytest.fixture(scope="session")
def qryn_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ClickHouseServer]:
    """A ClickHouse server, in which each test creates its own database."""
    with clickhouse_server(tmp_path_factory.mktemp("qryn")) as running:
        yield running
