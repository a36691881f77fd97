"""`flamehouse credentials`, run as an operator runs it."""

import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.support.servers.command import flamehouse


def test_a_token_is_printed_once_and_its_hash_is_stored(tmp_path: Path) -> None:
    file = tmp_path / "credentials.json"
    added = flamehouse(
        *("credentials", "--file", str(file), "add", "--tenant", "b", "--tenant", "a"),
        *("--scope", "query", "--scope", "ingest", "--expires", "90d", "--note", "the shop"),
    )
    assert (added.returncode, added.stdout.count("\n")) == (0, 1)
    token = added.stdout.strip()
    assert (file.stat().st_mode & 0o777, token in file.read_text()) == (0o600, False)
    [listed] = json.loads(flamehouse("credentials", "--file", str(file), "list", "--json").stdout)
    assert (listed["tenants"], listed["scopes"], listed["note"]) == ("a,b", "ingest,query", "the shop")
    assert listed["id"] in token
    assert listed["expires"] != "never"
    assert token not in flamehouse("credentials", "--file", str(file), "list").stdout


def test_simultaneous_edits_are_all_stored(tmp_path: Path) -> None:
    file = tmp_path / "credentials.json"

    def add(number: int) -> str:
        tenant = f"tenant-{number}"
        run = flamehouse("credentials", "--file", str(file), "add", "--tenant", tenant, "--scope", "query")
        return run.stdout.strip()

    with ThreadPoolExecutor(4) as threads:
        tokens = [*threads.map(add, range(4))]
    ids = {entry["id"] for entry in json.loads(file.read_text())["credentials"]}
    assert ids == {token.split("_")[1] for token in tokens}
    assert [*tmp_path.iterdir()] == [file]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("list",), "cannot be read: No such file"),
        (("revoke", "0123456789"), "unknown credential '0123456789'"),
        (("rotate", "x"), "unknown credential 'x'"),
        (("add", "--tenant", "a b", "--scope", "query"), "invalid tenant 'a b'"),
        (("add", "--tenant", "*", "--tenant", "a", "--scope", "query"), "do not add another"),
        (("add", "--tenant", "a", "--scope", "query", "--expires", "soon"), "invalid duration 'soon'"),
    ],
)
def test_an_error_is_reported_in_one_line(tmp_path: Path, arguments: tuple[str, ...], words: str) -> None:
    file = tmp_path / "credentials.json"
    run = flamehouse("credentials", "--file", str(file), *arguments)
    assert (run.returncode, run.stdout, run.stderr.count("\n")) == (1, "", 1)
    assert words in run.stderr
    assert not file.exists()
