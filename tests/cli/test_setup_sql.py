"""`flamehouse setup-sql`, run as an operator runs it."""

import json
import re
from hashlib import sha256
from pathlib import Path

import pytest

from flamehouse.store.connection.endpoint import endpoint_of_secret
from tests.support.servers.command import flamehouse


def test_secrets_contain_the_passwords_whose_hashes_are_in_the_sql(tmp_path: Path) -> None:
    folder = tmp_path / "secrets"
    run = flamehouse("setup-sql", "--secrets", str(folder), "--host", "ch.example.com")
    assert (run.returncode, run.stderr) == (0, "")
    hashes = dict(re.findall(r"ALTER USER (\w+) IDENTIFIED WITH sha256_hash BY '(\w{64})';", run.stdout))
    endpoints = [endpoint_of_secret(file.read_text()) for file in sorted(folder.iterdir())]
    assert {each.user: sha256(each.password.encode()).hexdigest() for each in endpoints} == hashes
    assert {*hashes} == {f"flamehouse_{key}" for key in ("ingest", "query", "admin", "maintain", "migrate")}
    assert {(each.host, each.port, each.secure) for each in endpoints} == {("ch.example.com", 8443, True)}
    assert {file.stat().st_mode & 0o777 for file in folder.iterdir()} == {0o600}
    assert not any(json.loads(file.read_text())["password"] in run.stdout for file in folder.iterdir())

    again = flamehouse("setup-sql", "--secrets", str(folder), "--host", "ch.example.com")
    assert (again.returncode, again.stdout, again.stderr.count("\n")) == (1, "", 1)
    assert "exists: delete it to create new passwords" in again.stderr


@pytest.mark.parametrize(
    ("arguments", "environ", "words"),
    [
        (("--secrets", "x"), {}, "--secrets needs --host"),
        ((), {"CLICKHOUSE_DATABASE": "a b"}, "invalid CLICKHOUSE_DATABASE 'a b'"),
        (("--secrets", "/dev/null/x", "--host", "h"), {}, "cannot write /dev/null/x"),
    ],
)
def test_invalid_options_are_reported_in_one_line(
    arguments: tuple[str, ...], environ: dict[str, str], words: str
) -> None:
    run = flamehouse("setup-sql", *arguments, **environ)
    assert (run.returncode, run.stdout, run.stderr.count("\n")) == (1, "", 1)
    assert words in run.stderr


def test_limits_and_names_follow_the_environment() -> None:
    run = flamehouse(
        "setup-sql",
        CLICKHOUSE_DATABASE="other",
        QUERY_TIMEOUT_S="9",
        QUERY_MEMORY_BYTES="0",
        MAX_ANSWER_BYTES="7",
    )
    assert (
        "SETTINGS readonly = 2, max_execution_time = 9 MIN 0.001 MAX 9, max_result_bytes = 7 MIN 1 MAX 7 TO other_query"
        in (run.stdout)
    )
    assert "flamehouse" not in run.stdout
