"""`python -m tests.support.qryn.large_history`: a large qryn database, imported by processes that are killed at random."""

import argparse
import json
import random
import resource
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import batched
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

import click
from clickhouse_connect.driver.client import Client

from flamehouse.units import NS_PER_MS
from tests.support.qryn.database import create_qryn
from tests.support.qryn.profiles import DAY_MS, NOON_MS, go_cpu, otlp_row
from tests.support.qryn.rows import InputRow, input_row
from tests.support.servers.command import flamehouse
from tools.clickhouse_http.process import ClickHouseServer, clickhouse_server
from tools.local_server import environment
from tools.qryn_tables import COLUMNS

_DAYS: Final = 28
_SERVICES: Final = 20
_ROWS_PER_INSERT: Final = 5_000
_STACKS: Final = ("abcdefgh", "abcdx", "abcdefyz", "abq", "amnop")
_MADE_ROWS: Final = 20_000
_DATABASE: Final = "qryn"
_REPEAT: Final = """
INSERT INTO profiles_input
SELECT * REPLACE (timestamp_ns + {later_ns:UInt64} AS timestamp_ns)
FROM made
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Imported:
    """The outcome of an import by several processes, of which all but the last were killed."""

    killed: int
    seconds: float
    cpu_s: float
    """CPU time of the importing processes, without the source's server."""
    returncode: int
    compared: Sequence[dict[str, object]]
    errors: str


def fill(client: Client, rows: int) -> None:
    """Insert rows across four weeks: pprof messages, plain and gzipped, and one OTLP export in ten.

    The server repeats the rows of the first part of that time at later times.
    """
    made = min(rows, _MADE_ROWS)
    parts = -(-rows // made)
    part_ms = _DAYS * DAY_MS // parts
    client.command("CREATE TABLE made AS profiles_input ENGINE = Memory")
    for batch in batched(_rows(made, part_ms), _ROWS_PER_INSERT, strict=False):
        client.insert("made", batch, column_names=COLUMNS)
    for part in range(parts):
        client.command(_REPEAT, {"later_ns": part * part_ms * NS_PER_MS})
    client.command("DROP TABLE made")


def _rows(rows: int, within_ms: int) -> Iterator[InputRow]:
    start_ms = NOON_MS - _DAYS * DAY_MS
    for number in range(rows):
        service, at_ms = f"service-{number % _SERVICES:02}", start_ms + number * within_ms // rows
        if number % 10 == 0:
            yield otlp_row(service, at_ms)
            continue
        tags = [("service_name", service), ("pod", f"{service}-{number % 7}")]
        stacks = _STACKS[: 1 + number % len(_STACKS)]
        pprof = go_cpu(at_ms, *stacks, value=1 + number % 13)
        yield input_row(pprof, service, tags, zipped=number % 2 == 0)


def import_with_kills(server: ClickHouseServer, folder: Path, kills: Sequence[float]) -> Imported:
    """Import the database into the folder; process number n is killed after `kills[n]` seconds, the last one is not."""
    arguments = ("import", "qryn", "--from-dsn", server.dsn, "--database", _DATABASE, "--json")
    started, before = time.monotonic(), resource.getrusage(resource.RUSAGE_CHILDREN)
    killed = 0
    for seconds in kills:
        if ends_within(seconds, arguments, folder):
            break
        killed += 1
    done = flamehouse(*arguments, DATA_DIR=str(folder))
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return Imported(
        killed=killed,
        seconds=time.monotonic() - started,
        cpu_s=after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime,
        returncode=done.returncode,
        compared=json.loads(done.stdout) if done.stdout else [],
        errors=done.stderr,
    )


def ends_within(seconds: float, arguments: Sequence[str], folder: Path) -> bool:
    """Run the command on a data folder; kill it if it has not ended after this time."""
    process = subprocess.Popen(
        [sys.executable, "-m", "cli", *arguments],
        env={**environment(), "DATA_DIR": str(folder)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    with suppress(subprocess.TimeoutExpired):
        process.wait(seconds)
        return True
    process.kill()
    process.wait()
    return False


def new_target(folder: Path) -> None:
    """Create the tables of flamehouse in a data folder, with a retention of a year."""
    assert flamehouse("migrate", CLICKHOUSE_DSN=f"chdb://{folder}", RETENTION_DAYS="365").returncode == 0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--kills", type=int, default=6)
    parser.add_argument("--kill-within", type=float, default=300, help="seconds")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    chosen = random.Random(options.seed)
    kills = [chosen.uniform(1, options.kill_within) for _ in range(options.kills)]
    with TemporaryDirectory(prefix="qryn-") as parent, clickhouse_server(Path(parent) / "source") as server:
        fill(create_qryn(server, _DATABASE), options.rows)
        folder = Path(parent) / "data"
        new_target(folder)
        done = import_with_kills(server, folder, kills)
    differ = [each for each in done.compared if each["qryn"] != each["flamehouse"]]
    click.echo(
        f"{options.rows:,} profiles, {done.killed} kills: {options.rows / done.seconds:,.0f} profiles a second, "
        f"{done.cpu_s / options.rows * 1_000:.2f} ms of CPU a profile; {len(done.compared):,} totals, "
        f"{len(differ)} differ; status {done.returncode} {done.errors}"
    )
    sys.exit(done.returncode)


if __name__ == "__main__":
    main()
