"""`flamehouse import qryn`, run as an operator runs it: from a qryn database on a server into a data folder."""

import json
import random
import re
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from uuid import uuid4

import pytest

from tests.support.qryn.database import create_qryn, insert
from tests.support.qryn.profiles import DAY_MS, NOON_MS, go_cpu, otlp_row
from tests.support.qryn.rows import InputRow, input_row
from tests.support.servers.command import flamehouse
from tools.clickhouse_http.process import ClickHouseServer
from tools.local_server import environment

LONG_AGO_MS = NOON_MS - 60 * DAY_MS
SECRET = "hunter2"  # noqa: S105  # made up


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The data folder of a migrated flamehouse, with a retention of 30 days."""
    folder = tmp_path_factory.mktemp("data")
    assert flamehouse("migrate", CLICKHOUSE_DSN=f"chdb://{folder}").returncode == 0
    return folder


def command(server: ClickHouseServer, database: str, *options: str) -> tuple[str, ...]:
    return ("import", "qryn", "--from-dsn", server.dsn, "--database", database, *options)


def test_an_import_ends_with_a_table_and_fails_if_a_total_differs(
    qryn_server: ClickHouseServer, folder: Path
) -> None:
    database = f"qryn_{uuid4().hex}"
    client = create_qryn(qryn_server, database)
    insert(client, [input_row(go_cpu(), "shop", [("env", "prod")])])
    insert(client, [input_row(go_cpu(), "shop", [("env", "prod")])])
    options = ("--tenant", "team-a", "--from", "20d")
    done = flamehouse(*command(qryn_server, database, *options), DATA_DIR=str(folder))
    day = time.strftime("%F", time.gmtime(NOON_MS / 1_000))
    assert (done.returncode, done.stderr) == (0, "")
    assert [re.split(r"\s{2,}", line.strip()) for line in done.stdout.splitlines()] == [
        ["day", "service", "profile type", "qryn", "repeated", "flamehouse", "difference"],
        [
            day,
            "shop",
            "process_cpu:cpu:nanoseconds:cpu:nanoseconds",
            "20,000,000",
            "20,000,000",
            "20,000,000",
        ],
        [day, "shop", "process_cpu:samples:count:cpu:nanoseconds", "2", "2", "2"],
        ["2 profiles read: 1 stored, 1 stored before or repeated, 0 without values, 0 rejected"],
    ]

    insert(client, [input_row(go_cpu(), "bad", payload=b"no pprof", tree=[], functions=[])])
    done = flamehouse(*command(qryn_server, database, *options, "--json"), DATA_DIR=str(folder))
    assert done.returncode == 1
    assert "1 profiles were not imported: the profile is not a pprof message" in done.stderr
    assert done.stderr.endswith("flamehouse: 2 of 4 totals differ\n")
    assert [(each["service"], each["qryn"], each["flamehouse"]) for each in json.loads(done.stdout)] == [
        *(("bad", 20_000_000, 0), ("bad", 2, 0), ("shop", 20_000_000, 20_000_000), ("shop", 2, 2))
    ]


def rows_of_both_payloads(rows: int) -> Iterator[InputRow]:
    """Returns rows of pprof messages, plain and gzipped, and of OTLP exports, a minute apart."""
    for number in range(rows):
        service, at_ms = f"killed-{number % 3}", NOON_MS + 60_000 * number
        if number % 5 == 0:
            yield otlp_row(service, at_ms)
        else:
            yield input_row(go_cpu(at_ms), service, zipped=number % 2 == 0)


def kill_once_it_has_read_rows(
    arguments: Sequence[str], folder: Path, server: ClickHouseServer, *, then_s: float
) -> None:
    """Runs the command, and kills it some time after its first query of rows, unless it has ended."""
    known = reads_of(server)
    process = subprocess.Popen(
        [sys.executable, "-m", "cli", *arguments],
        env={**environment(), "DATA_DIR": str(folder)},
        stdout=subprocess.DEVNULL,
    )
    while reads_of(server) == known and process.poll() is None:
        time.sleep(0.05)
    time.sleep(then_s)
    process.kill()
    process.wait()


def reads_of(server: ClickHouseServer) -> int:
    return sum("AS payload_hash" in sql for sql in server.received())


def test_a_killed_import_is_resumed_by_running_it_again(qryn_server: ClickHouseServer, folder: Path) -> None:
    database = f"qryn_{uuid4().hex}"
    client = create_qryn(qryn_server, database)
    insert(client, [*rows_of_both_payloads(1_500)])
    arguments = command(qryn_server, database, "--tenant", "killed")
    for _ in range(3):
        kill_once_it_has_read_rows(arguments, folder, qryn_server, then_s=random.uniform(0, 1))
    done = flamehouse(*arguments, DATA_DIR=str(folder))
    assert done.returncode == 0, done.stderr
    found = re.search(r"1,500 profiles read: ([\d,]+) stored, ([\d,]+) stored before", done.stdout)
    assert found
    assert sum(int(count.replace(",", "")) for count in found.groups()) == 1_500
    done = flamehouse(*arguments, DATA_DIR=str(folder))
    assert "1,500 profiles read: 0 stored, 1,500 stored before" in done.stdout


def test_profiles_that_would_expire_at_once_are_not_imported(
    qryn_server: ClickHouseServer, folder: Path
) -> None:
    database = f"qryn_{uuid4().hex}"
    insert(create_qryn(qryn_server, database), [input_row(go_cpu(LONG_AGO_MS), "old")])
    done = flamehouse(*command(qryn_server, database), DATA_DIR=str(folder))
    assert (done.returncode, done.stdout) == (1, "")
    assert "this database retains profiles for 30 days: import --from 30d" in done.stderr


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--from-dsn", "chdb://./x"), "--from-dsn must name a ClickHouse server"),
        (("--from-dsn", f"http://user:{SECRET}@192.0.2.1:8123"), "--from-dsn must use https for a server"),
        (("--from-dsn", f"https://user:{SECRET}@127.0.0.1:1"), "Connection refused"),
        (("--database", "default"), "the database 'default' has no qryn tables profiles and profiles_series"),
        (("--database", "nowhere"), "nowhere"),
        (("--tenant", "a b"), "--tenant: invalid tenant 'a b'"),
        (("--from", "yesterday"), "invalid time 'yesterday'"),
        (("--from", "1h", "--until", "2h"), "the range from 1h until 2h is empty"),
    ],
)
def test_a_failed_import_is_explained_in_one_line(
    options: tuple[str, ...], words: str, qryn_server: ClickHouseServer, folder: Path
) -> None:
    done = flamehouse("import", "qryn", "--from-dsn", qryn_server.dsn, *options, DATA_DIR=str(folder))
    assert done.returncode in {1, 2}
    assert done.stdout == ""
    assert words in done.stderr.splitlines()[-1]
    assert SECRET not in done.stderr
