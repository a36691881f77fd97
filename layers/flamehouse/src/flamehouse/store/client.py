"""Connections to ClickHouse through clickhouse-connect: an embedded engine (`chdb://PATH`) or a server (`https://...`).

Both are asked the same SQL through the same calls. An embedded engine answers one call a handle at a time, so a few
are kept; a server's client pools its own connections and serves every thread.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from queue import LifoQueue
from typing import Any
from urllib.parse import urlsplit

import clickhouse_connect
from clickhouse_connect import common
from clickhouse_connect.driver.client import Client

type Parameters = Mapping[str, object]
type ServerSettings = Mapping[str, str | int]

_EMBEDDED_SCHEME = "chdb"
_EMBEDDED_HANDLES = 4
_CONNECT_TIMEOUT_S = 5


def is_embedded(dsn: str) -> bool:
    """Whether the DSN names an engine inside this process."""
    return urlsplit(dsn).scheme == _EMBEDDED_SCHEME


def embedded_path(dsn: str) -> str:
    """The data folder that a `chdb://` DSN names, as written there."""
    return dsn.removeprefix(f"{_EMBEDDED_SCHEME}://")


def connect(dsn: str, database: str | None, timeout_s: int) -> Client:
    """A new client; ClickHouse's own errors pass through. `timeout_s` bounds each answer of a server."""
    if is_embedded(dsn):
        return clickhouse_connect.get_client(interface="chdb", path=embedded_path(dsn), database=database)
    common.set_setting("send_os_user", False)
    return clickhouse_connect.get_client(
        dsn=dsn,
        database=database,
        compress="lz4",
        client_name="flamehouse",
        autogenerate_session_id=False,
        connect_timeout=_CONNECT_TIMEOUT_S,
        send_receive_timeout=timeout_s,
        show_clickhouse_errors="scrub",
    )


class ClickHouse:
    """One database, usable from several threads; clients are made when they are first needed."""

    def __init__(self, dsn: str, database: str, timeout_s: int) -> None:
        self.embedded = is_embedded(dsn)
        self._target = (dsn, database, timeout_s)
        self._clients: LifoQueue[Client | None] = LifoQueue()
        self._handles = _EMBEDDED_HANDLES if self.embedded else 1
        for _ in range(self._handles):
            self._clients.put(None)

    def rows(
        self, sql: str, parameters: Parameters | None = None, settings: ServerSettings | None = None
    ) -> Sequence[Sequence[Any]]:
        """The rows of the answer."""
        with self._client() as client:
            return client.query(
                sql, parameters=dict(parameters or {}), settings=dict(settings or {})
            ).result_rows

    def columns(
        self, sql: str, parameters: Parameters | None = None, settings: ServerSettings | None = None
    ) -> Sequence[Sequence[Any]]:
        """The columns of the answer; none at all where it has no rows."""
        with self._client() as client:
            return client.query(
                sql, parameters=dict(parameters or {}), settings=dict(settings or {})
            ).result_columns

    def command(
        self, sql: str, parameters: Parameters | None = None, settings: ServerSettings | None = None
    ) -> None:
        """Run a statement that answers nothing."""
        with self._client() as client:
            client.command(sql, parameters=dict(parameters or {}), settings=dict(settings or {}))

    def insert(self, table: str, columns: Sequence[str], row_binary: bytes, settings: ServerSettings) -> None:
        """Insert rows given in ClickHouse's RowBinary format; returns when they are stored."""
        with self._client() as client:
            client.raw_insert(table, columns, row_binary, settings=dict(settings), fmt="RowBinary")

    def close(self) -> None:
        """Close every client, waiting for embedded ones in use."""
        for _ in range(self._handles):
            client = self._clients.get()
            if client is not None:
                client.close()

    @contextmanager
    def _client(self) -> Iterator[Client]:
        """Lend a client: an embedded handle to one caller at a time, a server's client to all at once."""
        client = self._clients.get()
        lent = False
        try:
            if client is None:
                client = connect(*self._target)
            if not self.embedded:
                self._clients.put(client)
                lent = True
            yield client
        finally:
            if not lent:
                self._clients.put(client)
