"""Servers of this repository, each started as a process of its own for as long as a test needs it."""

import os
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote, urlsplit

REPO = Path(__file__).resolve().parent.parent
_STOP_S = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class ClickHouseServer:
    """ClickHouse over HTTP: where it listens, for whom, and the file of statements it was asked."""

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

    def asked(self) -> list[str]:
        """Every statement until now, each on one line of text."""
        return self.statements.read_text().splitlines()


@contextmanager
def clickhouse_server(folder: Path, *, user: str = "flamehouse", port: int = 0) -> Iterator[ClickHouseServer]:
    """A running server with its data below `folder`."""
    password = "a pass/word:with@signs"  # noqa: S105  # nobody else's
    statements = folder / "statements.log"
    module = ("tools.clickhouse_http", str(folder / "data"), "--user", user)
    options = ("--port", str(port), "--requests", str(statements))
    with serving([*module, *options], {"CLICKHOUSE_PASSWORD": password}) as url:
        yield ClickHouseServer(url=url, user=user, password=password, statements=statements)


@contextmanager
def serving(module: Sequence[str], environ: Mapping[str, str]) -> Iterator[str]:
    """Run `python -m module...`; the first line it prints, which is its URL."""
    process = subprocess.Popen(
        [sys.executable, "-m", *module],
        cwd=REPO,
        env={**os.environ, **environ},
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None
        url = process.stdout.readline().strip()
        assert url, f"{module[0]} ended before it listened"
        yield url
    finally:
        process.terminate()
        process.wait(_STOP_S)
        assert process.stdout is not None
        process.stdout.close()
