"""The function that stores rows of qryn's collector, as built for AWS, under Lambda's own bootstrap."""

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from uuid import uuid4

import pytest

from tests.support.qryn.database import connected, insert
from tests.support.qryn.profiles import NOON_MS, go_cpu
from tests.support.qryn.rows import input_row
from tests.support.queries.queries import Server
from tests.support.servers.bundle import built
from tests.support.servers.client import Client
from tests.support.servers.command import flamehouse
from tests.support.servers.place import REPO
from tools.gateway.cloud import Cloud
from tools.gateway.deployment import read_deployment
from tools.gateway.lambda_service import FunctionError, LambdaService

FUNCTION = "QrynInputFunction"
SCHEDULED = (REPO / "events/schedule.json").read_bytes()


@pytest.fixture
def tenant() -> str:
    return f"tenant-{uuid4().hex}"


@pytest.fixture
def functions(deployed: Cloud, tmp_path: Path, tenant: str) -> Iterator[LambdaService]:
    """A second stack's functions, with the schedule."""
    parameters = {**deployed.parameters, "QrynInputSchedule": "rate(1 minute)", "QrynInputTenant": tenant}
    assert FUNCTION not in deployed.deployment.functions
    service = LambdaService(read_deployment(built(), parameters), deployed.aws.environ(), tmp_path)
    yield service
    service.close()


def test_rows_of_the_collector_become_profiles_once(
    deployed: Cloud, functions: LambdaService, tenant: str
) -> None:
    with pytest.raises(FunctionError):
        functions.invoke(FUNCTION, SCHEDULED)
    assert "the database has no table qryn_rows: run flamehouse migrate --qryn-input" in functions.printed()

    migrated = flamehouse("migrate", "--qryn-input", CLICKHOUSE_DSN=deployed.clickhouse.dsn)
    assert migrated.returncode == 0, migrated.stderr
    collector = connected(deployed.clickhouse, "flamehouse")
    rows = [input_row(go_cpu(NOON_MS + number), f"shop-{number % 3}") for number in range(30)]
    poison = input_row(go_cpu(), "poison", payload=b"no pprof", tree=[], functions=[])
    for batch in (rows, [poison], rows[:10]):
        insert(collector, batch)
    with ThreadPoolExecutor(2) as schedules:
        invoked = [schedules.submit(functions.invoke, FUNCTION, SCHEDULED) for _ in range(2)]
        for each in invoked:
            each.result()
    functions.invoke(FUNCTION, SCHEDULED)

    assert collector.query("SELECT count() FROM qryn_rows").result_rows == [(0,)]
    [(reason,)] = collector.query("SELECT DISTINCT reason FROM qryn_rejected FINAL").result_rows
    assert "the profile is not a pprof message" in reason
    assert '"event":"qryn_rows_rejected"' in functions.printed().replace('": "', '":"')
    server = Server(client=Client(server=deployed.url, tenant=tenant, credential=deployed.credential))
    within = (NOON_MS - 1_000, NOON_MS + 1_000)
    assert server.flamegraph(*within, selector="{}").total == 30 * 20_000_000
    now_ms = time.time_ns() // 1_000_000
    services = server.label_values(NOON_MS - 1_000, now_ms, "service_name")
    assert services == ["shop-0", "shop-1", "shop-2"]
    collector.close()
