"""`flamehouse limits`, run as an operator runs it."""

import json
from pathlib import Path

import httpx

from flamehouse.model.limits import NAMES
from tests.support.servers.command import flamehouse
from tests.support.servers.local_server import running

SIX = "main;work 1"


def test_limits_are_shown_once_set_and_apply_to_a_server(tmp_path: Path) -> None:
    place = {"DATA_DIR": str(tmp_path)}
    assert flamehouse("migrate", CLICKHOUSE_DSN=f"chdb://{tmp_path}").returncode == 0
    done = flamehouse("limits", "set", "*", "bytes_per_day=5", **place)
    assert (done.returncode, done.stdout) == (
        0,
        "set the limits of *; running processes apply them within a minute\n",
    )
    assert (
        flamehouse("limits", "set", "team-a", "bytes_per_day=0", "label_rules=pod=drop", **place).returncode
        == 0
    )
    shown = flamehouse("limits", "show", "--json", **place)
    assert json.loads(shown.stdout) == {
        "*": {"bytes_per_day": 5},
        "team-a": {"bytes_per_day": 0, "label_rules": "pod=drop"},
    }
    assert [line.split() for line in flamehouse("limits", "show", **place).stdout.splitlines()][1] == [
        "*", "bytes_per_day", "5",
    ]  # fmt: skip

    with running(tmp_path) as server:
        url = f"{server.url}/ingest?name=shop"
        assert httpx.post(url, content=SIX).status_code == 429
        assert httpx.post(url, content=SIX, headers={"X-Scope-OrgID": "team-a"}).status_code == 200
        hidden = httpx.post(
            f"{server.url}/settings.v1.SettingsService/Get", json={}, headers={"X-Scope-OrgID": "limits"}
        )
        assert hidden.json() == {}
        assert server.stop() == 0

    wrong = flamehouse("limits", "set", "team-a", "bytes=1", **place)
    assert (wrong.returncode, wrong.stdout, wrong.stderr.count("\n")) == (1, "", 1)
    assert wrong.stderr.startswith("flamehouse: invalid limit 'bytes=1': use NAME=VALUE with one of ")


def test_the_help_names_every_limit_and_says_which_apply_per_process() -> None:
    text = " ".join(flamehouse("limits", "set", "--help").stdout.split())
    assert all(name in text for name in NAMES)
    assert "uploads_per_second and query_seconds_per_day apply to each process" in text
