"""`flamehouse doctor`, run as an operator runs it: the database, the users of functions, and a deployment."""

import json
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from cli.deployment import examine_deployment
from cli.server import Server
from flamehouse.store.doctor.finding import Severity
from flamehouse.store.schema.roles import grants_of
from tests.support.queries.shop_data import Target
from tests.support.servers.command import flamehouse
from tests.support.servers.scripted import Reply, closed_port, scripted
from tools.clickhouse_http.process import ClickHouseServer, clickhouse_server
from tools.local_server import local_server


@pytest.fixture(scope="module")
def limited(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ClickHouseServer]:
    """A migrated ClickHouse whose user has the grants of `migrate`, but not all of `ingest`."""
    folder = tmp_path_factory.mktemp("clickhouse")
    with clickhouse_server(folder, grants=grants_of("flamehouse", "migrate")) as server:
        assert flamehouse("migrate", CLICKHOUSE_DSN=server.dsn).returncode == 0
        yield server


def test_doctor_exits_with_status_0_for_a_healthy_database(limited: ClickHouseServer) -> None:
    run = flamehouse("doctor", CLICKHOUSE_DSN=limited.dsn)
    assert (run.returncode, run.stderr) == (0, "")
    assert {line.split()[0] for line in run.stdout.splitlines()} == {"ok"}
    assert limited.password not in run.stdout


def test_a_missing_grant_is_a_fault_and_status_1(tmp_path: Path) -> None:
    kept = [grant for grant in grants_of("flamehouse", "migrate") if "DATABASE" not in grant]
    with clickhouse_server(tmp_path) as server:
        assert flamehouse("migrate", CLICKHOUSE_DSN=server.dsn).returncode == 0
    with clickhouse_server(tmp_path, grants=kept) as server:
        run = flamehouse("doctor", CLICKHOUSE_DSN=server.dsn)
    assert (run.returncode, run.stderr) == (1, "flamehouse: 1 fault found\n")
    assert (
        "fault    grants: the user lacks CREATE DATABASE ON flamehouse.*; "
        "run the SQL of: flamehouse setup-sql\n"
    ) in run.stdout


def test_the_users_of_secrets_are_examined(limited: ClickHouseServer, tmp_path: Path) -> None:
    secret = {"host": "127.0.0.1", "port": limited.port, "user": limited.user, "secure": False}
    (tmp_path / "query.json").write_text(json.dumps({**secret, "password": limited.password}))
    (tmp_path / "admin.json").write_text(json.dumps({**secret, "password": "another"}))
    run = flamehouse("doctor", "--secrets", str(tmp_path), CLICKHOUSE_DSN=limited.dsn)
    assert (run.returncode, run.stderr) == (1, "flamehouse: 1 fault found\n")
    lines = run.stdout.splitlines()
    assert "ok       query: grants: the user has the grants of query" in lines
    assert any(
        line.startswith("fault    admin: connection: ClickHouse does not respond: code 516") for line in lines
    )
    assert "another" not in run.stdout

    (tmp_path / "empty").mkdir()
    empty = flamehouse("doctor", "--secrets", str(tmp_path / "empty"), CLICKHOUSE_DSN=limited.dsn)
    assert (empty.returncode, empty.stderr.count("\n")) == (1, 1)
    assert "write them with: flamehouse setup-sql --secrets" in empty.stderr


def troubles(server: Server) -> list[str]:
    return [str(each) for each in examine_deployment(server) if each.severity is not Severity.OK]


def test_a_healthy_deployment_passes_and_a_wrong_credential_is_reported(local: Target) -> None:
    assert troubles(Server(url=local.url, credential=local.credential)) == []
    [found] = troubles(Server(url=local.url, credential="wrong"))
    assert found.startswith(f"fault    queries: {local.url}/api/v1/status/buildinfo returned 401: ")


def test_doctor_reports_access_without_a_credential() -> None:
    with local_server() as running:
        assert troubles(Server(url=running.url)) == [
            (
                "warning  access: a request without a credential gets 200; "
                "set a credential before other machines may reach it"
            )
        ]


def test_doctor_reports_a_slow_or_old_deployment_and_its_clock() -> None:
    build = Reply(status=200, body=b'{"data": {"version": "0.0.1"}}')
    with scripted(
        Reply(status=200),
        Reply(status=401),
        build,
        Reply(status=200, body=b"{}"),
        Reply(status=200, body=b"{}", pause_s=1.1),
    ) as old:
        found = troubles(Server(url=f"http://127.0.0.1:{old.port}"))
    assert [each.partition(":")[0] for each in found] == ["warning  release", "warning  queries"]


def test_doctor_reports_a_clock_that_differs(local: Target) -> None:
    server = Server(url=local.url, credential=local.credential)
    for ahead_s, sign in ((60, "-"), (-60, "+")):
        clock = partial(ahead, ahead_s)
        [found] = [each for each in examine_deployment(server, clock) if each.severity is not Severity.OK]
        assert str(found).startswith(f"warning  clock: the deployment's clock differs by {sign}")


def ahead(seconds: float) -> float:
    return time.time() + seconds


def test_doctor_reports_a_deployment_that_does_not_respond() -> None:
    with closed_port() as port:
        assert troubles(Server(url=f"http://127.0.0.1:{port}")) == [
            (
                f"fault    deployment: http://127.0.0.1:{port} does not respond: ConnectError; "
                "compare --url with the output Url of the stack"
            )
        ]
    with scripted(Reply(status=404)) as other:
        assert troubles(Server(url=f"http://127.0.0.1:{other.port}")) == [
            "fault    deployment: /ready returns 404; see the log of the functions"
        ]
