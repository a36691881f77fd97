"""`flamehouse migrate` and `retention`, run as an operator runs them."""

import re
import time
from pathlib import Path

import httpx
import pytest

from tests.support.servers.command import flamehouse
from tests.support.servers.local_server import STOP_S, running, start
from tools.clickhouse_http.process import clickhouse_server

SECRET = "hunter2"  # noqa: S105  # made up


def test_migrate_reports_its_result_and_may_be_repeated(tmp_path: Path) -> None:
    dsn = f"chdb://{tmp_path}"
    done = [
        flamehouse("migrate", CLICKHOUSE_DSN=dsn, RETENTION_DAYS="7"),
        flamehouse("migrate", CLICKHOUSE_DSN=dsn),
        flamehouse("migrate", "--retention-days", "0", CLICKHOUSE_DSN=dsn, CLICKHOUSE_DATABASE="flamehouse"),
        flamehouse("migrate", CLICKHOUSE_DSN=dsn, CLICKHOUSE_DATABASE="flamehuose"),
    ]
    assert [(run.returncode, run.stdout) for run in done] == [
        (0, "new database flamehouse is up to date; profiles are retained for 7 days\n"),
        (0, "database flamehouse is up to date; profiles are retained for 7 days\n"),
        (0, "database flamehouse is up to date; profiles are retained forever\n"),
        (
            0,
            (
                "new database flamehuose is up to date (other databases on this server: flamehouse); "
                "profiles are retained for 30 days\n"
            ),
        ),
    ]


def store_old_profile(folder: Path, days: int) -> None:
    """Starts a server on the folder and sends it a profile from `days` ago and a current one."""
    now_s = time.time()
    with running(folder) as server:
        for time_s in (now_s - days * 86_400, now_s):
            query = f"name=shop&from={time_s:.0f}&until={time_s + 10:.0f}"
            assert httpx.post(f"{server.url}/ingest?{query}", content="main;work 1").status_code == 200
        assert server.stop() == 0


def test_only_an_explicit_command_shortens_the_retention(tmp_path: Path) -> None:
    place = {"DATA_DIR": str(tmp_path)}
    assert flamehouse("migrate", CLICKHOUSE_DSN=f"chdb://{tmp_path}", RETENTION_DAYS="365").returncode == 0
    store_old_profile(tmp_path, days=100)

    with start(tmp_path, RETENTION_DAYS="30") as process:
        _, words = process.communicate(timeout=STOP_S)
    assert (process.returncode, words) == (
        1,
        (
            "flamehouse: RETENTION_DAYS is 30, but the database retains profiles for 365 days: unset it, or "
            "delete the older ones with: flamehouse retention set 30d --yes\n"
        ),
    )
    request = flamehouse("retention", "set", "30d", **place)
    assert (request.returncode, request.stdout, request.stderr.count("\n")) == (1, "", 1)
    deletes = re.compile(r"1 profiles, [0-9.]+ \w+ on disk, the oldest of \d{4}-\d\d-\d\d")
    assert deletes.search(request.stderr)
    assert "to delete them, run: flamehouse retention set 30d --yes" in request.stderr
    assert flamehouse("retention", "show", **place).stdout == (
        "database flamehouse retains profiles for 365 days\n"
    )

    done = flamehouse("retention", "set", "30d", "--yes", **place)
    assert (done.returncode, done.stderr) == (0, "")
    output, became = done.stdout.splitlines()
    assert output.startswith("ClickHouse deletes ")
    assert deletes.search(output)
    assert became == "database flamehouse retains profiles for 30 days (before: for 365 days)"
    assert flamehouse("retention", "set", "forever", **place).stdout == (
        "database flamehouse retains profiles forever (before: for 30 days)\n"
    )


@pytest.mark.parametrize(
    ("arguments", "environ", "words"),
    [
        (("retention", "show"), {"DATA_DIR": "nowhere"}, "no data folder nowhere: set DATA_DIR"),
        (
            ("retention", "set", "1d"),
            {"CLICKHOUSE_DATABASE": "flamehuose"},
            "unknown database 'flamehuose': CLICKHOUSE_DATABASE selects another",
        ),
        *(
            (
                command,
                {"CLICKHOUSE_DATABASE": "flamehuose"},
                "Database flamehuose does not exist. (UNKNOWN_DATABASE); CLICKHOUSE_DATABASE selects another database",
            )
            for command in (("limits", "show"), ("maintain",), ("usage",))
        ),
        (
            ("retention", "set", "soon"),
            {},
            "invalid retention 'soon': use days from 1d to 10000d, or forever",
        ),
    ],
)
def test_an_invalid_retention_or_database_is_reported_in_one_line(
    tmp_path: Path, arguments: tuple[str, ...], environ: dict[str, str], words: str
) -> None:
    run = flamehouse(*arguments, **{"DATA_DIR": str(tmp_path), **environ})
    assert (run.returncode, run.stderr.count("\n"), run.stdout) == (1, 1, "")
    assert words in run.stderr


def test_the_data_folder_of_a_running_server_is_left_alone(tmp_path: Path) -> None:
    with running(tmp_path):
        run = flamehouse("retention", "set", "1d", "--yes", DATA_DIR=str(tmp_path))
    assert (run.returncode, run.stdout) == (1, "")
    assert f"the data folder {tmp_path} is in use by another flamehouse" in run.stderr


def test_migrate_reaches_a_server_and_does_not_print_its_password(tmp_path: Path) -> None:
    with clickhouse_server(tmp_path) as server:
        assert flamehouse("migrate", CLICKHOUSE_DSN=server.dsn).returncode == 0
        run = flamehouse("migrate", CLICKHOUSE_DSN=f"http://flamehouse:{SECRET}@127.0.0.1:{server.port}")
    assert (run.returncode, run.stderr.count("\n")) == (1, 1)
    assert "Authentication failed" in run.stderr
    assert SECRET not in run.stderr


@pytest.mark.parametrize(
    ("arguments", "dsn", "words"),
    [
        ((), "", "CLICKHOUSE_DSN is not set"),
        ((), "localhost", "CLICKHOUSE_DSN must be https://"),
        (("--retention-days", "-1"), "chdb://nowhere", "0 retains profiles forever"),
        ((), f"https://user:{SECRET}@127.0.0.1:1", "Connection refused"),
    ],
)
def test_an_error_is_reported_in_one_line(arguments: tuple[str, ...], dsn: str, words: str) -> None:
    run = flamehouse("migrate", *arguments, CLICKHOUSE_DSN=dsn)
    assert (run.returncode, run.stderr.count("\n"), run.stdout) == (1, 1, "")
    assert run.stderr.startswith("flamehouse: ")
    assert words in run.stderr
    assert SECRET not in run.stderr


DAY_S = 86_400


def send(folder: Path, *times_s: float) -> None:
    """Starts a server on the folder and sends it a profile for each time."""
    with running(folder) as server:
        for time_s in times_s:
            query = f"name=shop&from={time_s:.0f}&until={time_s + 10:.0f}"
            assert httpx.post(f"{server.url}/ingest?{query}", content="main;work 1").status_code == 200
        assert server.stop() == 0


def test_delete_counts_first_and_a_deleted_upload_can_be_stored_again(tmp_path: Path) -> None:
    place = {"DATA_DIR": str(tmp_path)}
    now_s = time.time()
    old_s = now_s - 2 * DAY_S
    send(tmp_path, now_s, old_s)
    delete_old = ["delete", "--tenant", "anonymous", "--selector", "shop", "--until", "1d"]
    counts = re.compile(
        r"1 profiles of tenant anonymous, about [0-9.]+ \w+ on disk, services: shop\n(?P<outcome>.+)\n"
    )
    outcomes = []
    for arguments in (delete_old, delete_old, [*delete_old, "--yes"]):
        run = flamehouse(*arguments, **place)
        assert (run.returncode, run.stderr) == (0, "")
        found = counts.fullmatch(run.stdout)
        assert found, run.stdout
        outcomes.append(found["outcome"])
    dry = "nothing was deleted; to delete them, run this again with --yes"
    assert outcomes == [dry, dry, "deleted"]
    nothing = flamehouse(*delete_old, **place)
    assert (nothing.returncode, nothing.stderr) == (
        1,
        "flamehouse: tenant anonymous has no such profiles\n",
    )

    send(tmp_path, old_s)
    every = flamehouse("delete", "--tenant", "anonymous", **place)
    assert every.stdout.startswith("2 profiles of tenant anonymous")


def test_delete_rejects_invalid_arguments(tmp_path: Path) -> None:
    assert flamehouse("migrate", CLICKHOUSE_DSN=f"chdb://{tmp_path}").returncode == 0
    run = flamehouse("delete", "--tenant", "a", "--selector", "{env=", DATA_DIR=str(tmp_path))
    assert (run.returncode, run.stdout, run.stderr.count("\n")) == (1, "", 1)
    missing = flamehouse("delete", DATA_DIR=str(tmp_path))
    assert (missing.returncode, "--tenant" in missing.stderr) == (2, True)


def test_a_service_may_have_a_shorter_retention_than_its_database(tmp_path: Path) -> None:
    place = {"DATA_DIR": str(tmp_path)}
    now_s = time.time()
    send(tmp_path, now_s, now_s - 5 * DAY_S)
    shorten = ["retention", "set", "3d", "--tenant", "anonymous", "--service", "shop"]
    dry = flamehouse(*shorten, **place)
    what = re.fullmatch(
        r"flamehouse: this retention of service shop of tenant anonymous would delete "
        r"(1 profiles of shop, about [0-9.]+ \w+ on disk);"
        r" to delete them, run: flamehouse (retention set 3d --tenant anonymous --service shop --yes)\n",
        dry.stderr,
    )
    assert what, dry.stderr
    assert dry.returncode == 1
    assert "service" not in flamehouse("retention", "show", **place).stdout

    done = flamehouse(*what[2].split(), **place)
    kept = "service shop of tenant anonymous retains profiles for 3 days\n"
    assert done.stdout == f"ClickHouse deletes {what[1]}\n{kept}"
    assert flamehouse(*shorten, **place).stdout == kept
    assert re.search(r"anonymous +shop +3\n", flamehouse("retention", "show", **place).stdout)
    left = flamehouse("delete", "--tenant", "anonymous", **place)
    assert left.stdout.startswith("1 profiles of tenant anonymous")

    rejected = [
        flamehouse("retention", "set", *arguments, **place)
        for arguments in (
            ("31d", "--tenant", "anonymous"),
            ("3d", "--service", "shop"),
            ("forever", "--tenant", "anonymous"),
            ("soon", "--tenant", "anonymous"),
            ("3d", "--tenant", "a|b"),
        )
    ]
    assert [(run.returncode, run.stderr.count("\n")) for run in rejected] == [(1, 1)] * 5
    assert "which no tenant can exceed" in rejected[0].stderr
    removed = flamehouse("retention", "set", "default", *shorten[3:], **place)
    assert removed.stdout == "service shop of tenant anonymous retains profiles for 30 days\n"
