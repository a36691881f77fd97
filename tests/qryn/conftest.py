"""What tests of the way from qryn share: the ClickHouse that qryn writes to."""

from collections.abc import Iterator

import pytest

from tools.clickhouse_http.process import ClickHouseServer, clickhouse_server


@pytest.fixture(scope="session")
def qryn_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ClickHouseServer]:
    """A ClickHouse server; each test makes a database of its own in it."""
    with clickhouse_server(tmp_path_factory.mktemp("qryn")) as running:
        yield running
