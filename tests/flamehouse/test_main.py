"""The command `flamehouse`, as an operator types it."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tools.clickhouse_http.process import clickhouse_server

SECRET = "hunter2"  # noqa: S105  # nobody's


def flamehouse(*arguments: str, **environ: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "flamehouse", *arguments],
        env={**os.environ, **environ},
        capture_output=True,
        text=True,
        check=False,
    )


def test_migrate_says_what_it_came_to_and_may_be_repeated(tmp_path: Path) -> None:
    dsn = f"chdb://{tmp_path}"
    done = [
        flamehouse("migrate", CLICKHOUSE_DSN=dsn, RETENTION_DAYS="7"),
        flamehouse("migrate", "--retention-days", "0", CLICKHOUSE_DSN=dsn, CLICKHOUSE_DATABASE="flamehouse"),
    ]
    assert [(run.returncode, run.stdout) for run in done] == [
        (0, "database flamehouse is up to date; profiles are kept for 7 days\n"),
        (0, "database flamehouse is up to date; profiles are kept for ever\n"),
    ]


def test_migrate_reaches_a_server_and_keeps_its_password_to_itself(tmp_path: Path) -> None:
    with clickhouse_server(tmp_path) as server:
        assert flamehouse("migrate", CLICKHOUSE_DSN=server.dsn).returncode == 0
        run = flamehouse("migrate", CLICKHOUSE_DSN=f"http://flamehouse:{SECRET}@127.0.0.1:{server.port}")
    assert (run.returncode, run.stderr.count("\n")) == (1, 1)
    assert "Authentication failed" in run.stderr
    assert SECRET not in run.stderr


@pytest.mark.parametrize(
    ("arguments", "dsn", "words"),
    [
        ((), "", "CLICKHOUSE_DSN must name a ClickHouse"),
        ((), "localhost", "CLICKHOUSE_DSN must name a ClickHouse"),
        (("--retention-days", "-1"), "chdb://nowhere", "0 keeps profiles for ever"),
        ((), f"https://user:{SECRET}@127.0.0.1:1", "Connection refused"),
    ],
)
def test_what_cannot_be_done_is_said_in_a_line(arguments: tuple[str, ...], dsn: str, words: str) -> None:
    run = flamehouse("migrate", *arguments, CLICKHOUSE_DSN=dsn)
    assert (run.returncode, run.stderr.count("\n"), run.stdout) == (1, 1, "")
    assert run.stderr.startswith("flamehouse: ")
    assert words in run.stderr
    assert SECRET not in run.stderr
