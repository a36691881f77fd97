"""`flamehouse sql`: queries of a local database, read only."""

import json
from pathlib import Path

import httpx
import pytest

from tests.support.servers.command import flamehouse
from tests.support.servers.local_server import running


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The data folder of a stopped server, with a profile of two stacks."""
    folder = tmp_path_factory.mktemp("data")
    with running(folder) as server:
        sent = httpx.post(f"{server.url}/ingest?name=shop", content="main;work 3\nmain;rest 1\n")
        assert sent.status_code == 200
        assert server.stop() == 0
    return folder


def test_a_query_prints_a_table_or_json(data: Path) -> None:
    query = "SELECT frames, sum(value) AS total FROM samples_v1 JOIN stacks_v1 USING (stack_id) GROUP BY 1 ORDER BY 2"
    shown = flamehouse("sql", query, DATA_DIR=str(data))
    assert (shown.returncode, shown.stderr) == (0, "")
    assert [line.split() for line in shown.stdout.splitlines()] == [
        ["frames", "total"],
        ["main;rest", "10000000"],
        ["main;work", "30000000"],
    ]
    as_json = flamehouse(
        "sql", "--json", "SELECT service, time > 0 AS timed, labels FROM profiles_v1", DATA_DIR=str(data)
    )
    [row] = json.loads(as_json.stdout)
    assert (row["service"], row["labels"]["service_name"]) == ("shop", "shop")


def test_without_a_query_the_views_are_listed(data: Path) -> None:
    shown = flamehouse("sql", "--json", DATA_DIR=str(data))
    assert {row["view"] for row in json.loads(shown.stdout)} == {
        "profiles_v1",
        "samples_v1",
        "stacks_v1",
        "functions_v1",
        "function_totals_v1",
    }


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ("DROP TABLE series", "Cannot execute query in readonly mode"),
        ("INSERT INTO series (tenant) VALUES ('x')", "readonly"),
        ("ALTER TABLE series DELETE WHERE 1", "readonly"),
        ("SELECT nothing", "Unknown expression identifier `nothing`"),
        ("SELEC 1", "Syntax error"),
        (" ", "the query is empty"),
    ],
)
def test_an_invalid_query_is_rejected_in_one_line(data: Path, query: str, words: str) -> None:
    done = flamehouse("sql", query, DATA_DIR=str(data))
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (1, "", 1)
    assert words in done.stderr


def test_the_database_of_a_running_server_is_not_opened(tmp_path: Path) -> None:
    with running(tmp_path):
        done = flamehouse("sql", DATA_DIR=str(tmp_path))
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == (
        f"flamehouse: the data folder {tmp_path} is in use by another flamehouse; "
        "stop it first, as only one process at a time may open it\n"
    )
