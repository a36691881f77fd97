"""The embedded ClickHouse that all contenders share: merges, parts and sizes of their databases."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import clickhouse_connect
from clickhouse_connect.driver.client import Client

_TABLES = """
SELECT name
FROM system.tables
WHERE database = {database:String} AND engine LIKE '%MergeTree'
"""

_BYTES = """
SELECT sum(bytes_on_disk)
FROM system.parts
WHERE active AND database = {database:String}
"""

_PARTS = """
SELECT table, count()
FROM system.parts
WHERE active AND database = {database:String}
GROUP BY table
ORDER BY table
"""


class Engine:
    """A connection to the engine in `folder`; a process can open only one folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._client = self.connect(None)

    def connect(self, database: str | None) -> Client:
        return clickhouse_connect.get_client(interface="chdb", path=str(self._folder), database=database)

    def close(self) -> None:
        self._client.close()

    def create(self, database: str) -> Client:
        """Create a database; return a connection to it."""
        self.command(f"CREATE DATABASE {database}")
        return self.connect(database)

    def command(self, sql: str) -> None:
        self._client.command(sql)

    @contextmanager
    def merges_stopped(self) -> Iterator[None]:
        """Stop merges within the block, so that parts remain as inserted."""
        self.command("SYSTEM STOP MERGES")
        try:
            yield
        finally:
            self.command("SYSTEM START MERGES")

    def merge_all(self, database: str) -> None:
        """Merge each table into one part per partition."""
        for (table,) in self._client.query(_TABLES, {"database": database}).result_rows:
            self.command(f"OPTIMIZE TABLE {database}.{table} FINAL")

    def bytes_of(self, database: str) -> int:
        """Return the bytes on disk of all active parts."""
        return int(self._client.query(_BYTES, {"database": database}).result_rows[0][0])

    def parts_of(self, database: str) -> dict[str, int]:
        """Return the number of active parts of each table that has any."""
        rows = self._client.query(_PARTS, {"database": database}).result_rows
        return {str(table): int(parts) for table, parts in rows}
