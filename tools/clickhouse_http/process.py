"""Runs the server in a separate process, and reads back the statements that it received."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import quote, urlsplit

_REPO: Final = Path(__file__).resolve().parent.parent.parent
_STOP_S: Final = 20
_PASSWORD: Final = "a pass/word:with@signs"  # noqa: S105  # for tests only


@dataclass(frozen=True, slots=True, kw_only=True)
class Received:
    """A statement as the server received it: its SQL, the names of its bound parameters, and its settings."""

    sql: str
    parameters: Sequence[str]
    settings: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class ClickHouseServer:
    """A running server: its address, its user, and the file with the statements that it received."""

    url: str
    user: str
    password: str
    statements: Path

    @property
    def port(self) -> int:
        return urlsplit(self.url).port or 0

    @property
    def dsn(self) -> str:
        return f"http://{self.user}:{quote(self.password, safe='')}@127.0.0.1:{self.port}"

    def records(self) -> list[Received]:
        """Return all statements so far."""
        return [Received(**json.loads(line)) for line in self.statements.read_text().splitlines()]

    def received(self) -> list[str]:
        """Return the SQL of all statements so far, one line each."""
        return [" ".join(statement.sql.split()) for statement in self.records()]


@contextmanager
def clickhouse_server(
    folder: Path, *, user: str = "flamehouse", port: int = 0, grants: Sequence[str] = (), profile: str = ""
) -> Iterator[ClickHouseServer]:
    """Run a server with its data below `folder`. Raises ConnectionError if it does not start.

    The user has the `grants` and the settings profile `profile`, or all rights if there are no grants.
    """
    statements = folder / "statements.log"
    command = [sys.executable, "-m", "tools.clickhouse_http", str(folder / "data"), "--user", user]
    command += [f"--grant={grant}" for grant in grants]
    command += [f"--profile={profile}"] if profile else []
    process = subprocess.Popen(  # this repository's server
        [*command, "--port", str(port), "--requests", str(statements)],
        cwd=_REPO,
        env={**os.environ, "CLICKHOUSE_PASSWORD": _PASSWORD},
        stdout=subprocess.PIPE,
        text=True,
    )
    with process:
        try:
            url = process.stdout.readline().strip() if process.stdout else ""
            if not url:
                raise ConnectionError("the ClickHouse server ended before it listened")
            yield ClickHouseServer(url=url, user=user, password=_PASSWORD, statements=statements)
        finally:
            process.terminate()
            try:
                process.wait(_STOP_S)
            except subprocess.TimeoutExpired:
                # An engine whose merges are stopped may wait for a mutation forever.
                process.kill()
