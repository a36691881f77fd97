"""A real ClickHouse with faults: its process is killed, a view rejects an upload, a table is missing."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from flamehouse.aws.objects import ObjectInfo, ObjectStorage, StoredObject
from flamehouse.store.connection.client import ClickHouse, Parameters, ServerSettings

POISONED = "poisoned"
"""The service whose profiles a poisoned table rejects."""

_POISON = """
CREATE MATERIALIZED VIEW poison ENGINE = Null AS
SELECT throwIf(CAST(service, 'String') = 'poisoned' AND toUnixTimestamp64Milli(time) >= {since_ms}, 'a secret in SQL') AS fails
FROM ingest
"""


class Killed(BaseException):
    """The process is killed: no error handler runs any more."""


class Mortal(ClickHouse):
    """The database of a process that is killed after `life` half calls: either before or after a call."""

    def __init__(self, clickhouse: ClickHouse, life: int = 1_000) -> None:
        self.embedded = clickhouse.embedded
        self.inserts: list[str] = []
        self._clickhouse = clickhouse
        self._life = life

    def rows(
        self, sql: str, parameters: Parameters | None = None, settings: ServerSettings | None = None
    ) -> Sequence[Sequence[Any]]:
        with self.living():
            return self._clickhouse.rows(sql, parameters, settings)

    def command(
        self, sql: str, parameters: Parameters | None = None, settings: ServerSettings | None = None
    ) -> None:
        with self.living():
            self._clickhouse.command(sql, parameters, settings)

    def insert(self, table: str, columns: Sequence[str], row_binary: bytes, settings: ServerSettings) -> None:
        with self.living():
            self._clickhouse.insert(table, columns, row_binary, settings)
            self.inserts.append(table)

    @contextmanager
    def living(self) -> Iterator[None]:
        self._live()
        yield
        self._live()

    def _live(self) -> None:
        if not self._life:
            raise Killed
        self._life -= 1


class MortalStorage:
    """Object storage in the process of `database`, killed together with it."""

    def __init__(self, storage: ObjectStorage, database: Mortal) -> None:
        self._storage = storage
        self._database = database

    def put(self, key: str, content: bytes, metadata: Mapping[str, str] | None = None) -> None:
        with self._database.living():
            self._storage.put(key, content, metadata)

    def get(self, key: str, version: str = "") -> StoredObject | None:
        with self._database.living():
            return self._storage.get(key, version)

    def head(self, key: str, version: str = "") -> ObjectInfo | None:
        with self._database.living():
            return self._storage.head(key, version)

    def delete(self, key: str, version: str = "") -> None:
        with self._database.living():
            self._storage.delete(key, version)

    def list(self, prefix: str) -> Iterator[ObjectInfo]:
        with self._database.living():
            return self._storage.list(prefix)


@contextmanager
def poisoned(clickhouse: ClickHouse, *, since_ms: int = 0) -> Iterator[None]:
    """Makes inserts fail that have profiles of the service POISONED from `since_ms` on."""
    clickhouse.command(_POISON.format(since_ms=since_ms))
    try:
        yield
    finally:
        clickhouse.command("DROP VIEW poison")


@contextmanager
def without(clickhouse: ClickHouse, *tables: str) -> Iterator[None]:
    """Removes the tables or views: nothing is written to them, and queries of them fail."""
    for table in tables:
        clickhouse.command("DETACH TABLE {table:Identifier}", {"table": table})
    try:
        yield
    finally:
        for table in tables:
            clickhouse.command("ATTACH TABLE {table:Identifier}", {"table": table})
