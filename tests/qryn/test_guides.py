"""docs/from-qryn.md, followed from a database of qryn to queries, and what it changes in qryn's own files."""

import shlex
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest
import yaml

from tests.support.pages import examples
from tests.support.qryn.database import connected, create_qryn, insert
from tests.support.qryn.profiles import NOON_MS, go_cpu
from tests.support.qryn.rows import input_row
from tests.support.queries.queries import Server
from tests.support.servers.client import Client
from tests.support.servers.command import flamehouse
from tests.support.servers.local_server import running
from tools.clickhouse_http.process import ClickHouseServer, clickhouse_server

REPO: Final = Path(__file__).resolve().parents[2]
PAGE: Final = (REPO / "docs/from-qryn.md").read_text()
WAIT_S: Final = 60


def files_of(page: str) -> list[Any]:
    """Returns the YAML files that a page shows."""
    return [yaml.safe_load(text) for text in examples(page, "ya?ml")]


def commands_of(page: str, server: ClickHouseServer) -> list[list[str]]:
    """Returns the commands of a page, as a shell splits them, with the address of `server`."""
    text = "".join(examples(page, "sh")).replace("http://default@127.0.0.1:8123", server.dsn)
    return [shlex.split(line) for line in text.splitlines()]


@pytest.fixture
def server(tmp_path: Path) -> Iterator[ClickHouseServer]:
    """A ClickHouse that only qryn has written to."""
    with clickhouse_server(tmp_path) as running_server:
        with create_qryn(running_server, "qryn") as client:
            insert(client, [input_row(go_cpu(), "history", [("env", "prod")])])
        yield running_server


def test_the_guide_changes_only_a_dsn_and_a_url_in_the_files_on_qryns_page(shared_dir: Path) -> None:
    _, datasource, collector = files_of((shared_dir / "reference/profiling-ingestion.md").read_text())
    [ours, shown] = files_of(PAGE)
    collector["exporters"]["clickhouseprofileexporter"]["dsn"] = "clickhouse://clickhouse:9000/flamehouse"
    datasource["datasources"][0]["url"] = "http://flamehouse:4040"
    assert (ours, shown) == (collector, datasource)


def test_the_steps_of_the_guide_lead_from_qryn_to_queries(server: ClickHouseServer, tmp_path: Path) -> None:
    [exported, migrate, serve, import_] = commands_of(PAGE, server)
    assert exported[0] == "export"
    name, _, value = exported[1].partition("=")
    for command in (migrate, import_):
        done = flamehouse(*command[1:], **{name: value})
        assert done.returncode == 0, done.stderr
    *variables, program, argument = serve
    assert (program, argument) == ("flamehouse", "serve")
    environ = {name: value, **dict(each.split("=") for each in variables)}
    with running(tmp_path / "data", **environ) as local:
        [collector, _] = files_of(PAGE)
        dsn: str = collector["exporters"]["clickhouseprofileexporter"]["dsn"]
        with connected(server, dsn.rpartition("/")[2]) as client:
            insert(client, [input_row(go_cpu(), "collected")])
            until = time.monotonic() + WAIT_S
            while client.query("SELECT count() FROM qryn_rows").result_rows != [(0,)]:
                assert time.monotonic() < until
                time.sleep(0.2)
        queries = Server(client=Client(server=local.url, tenant="anonymous"))
        for service in ("history", "collected"):
            selector = f'{{service_name="{service}"}}'
            assert queries.flamegraph(NOON_MS - 1_000, NOON_MS + 1_000, selector=selector).total == 20_000_000
