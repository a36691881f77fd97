"""Runs SQL in one database: in an embedded engine (`chdb://PATH`) or on a server (`https://...`, or from a secret).

Both run the same SQL through the same calls.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, Protocol

from clickhouse_connect.driver.client import Client

from flamehouse.deadline import time_left
from flamehouse.errors import invalid_argument
from flamehouse.settings import Settings
from flamehouse.store.connection.embedded import Embedded, embedded_client, embedded_path, is_embedded
from flamehouse.store.connection.endpoint import endpoint_source
from flamehouse.store.connection.server import Server, server_client

type Parameters = Mapping[str, object]
type ServerSettings = Mapping[str, str | int]

READ_LATEST: Final[ServerSettings] = {"select_sequential_consistency": 1}
"""A server with several replicas returns all acknowledged rows, whichever replica received them.

ClickHouse Cloud: clickhouse.com/docs, "Read consistency". An engine without replicas ignores the setting.
"""

_TOKEN = "insert_deduplication_token"  # noqa: S105  # not a secret: makes an insert happen once
_TIME = "max_execution_time"
_GIVE_UP_AHEAD_S = 3
_GIVE_UP_AHEAD_SHARE = 0.25
"""The server's timeout is below the client's: by 3 s or 25 %, whichever is less."""
_MAX_TEXT_BYTES = 60_000
"""Limit per parameter: a server accepts 128 KiB (http_max_field_value_size); escaping may double the size."""


class Connection(Protocol):
    """A connection to one database."""

    def call[T](self, work: Callable[[Client], T], *, repeatable: bool) -> T:
        """Call `work` with a client; retry only if it is `repeatable`."""

    def threads(self) -> int | None:
        """Return the `max_threads` for one more query; None for ClickHouse's default."""

    def stop(self, tag: str) -> None:
        """Try to kill the queries whose `log_comment` is this tag."""

    def close(self) -> bool:
        """Close every client; False if some are still in use."""


def connect(settings: Settings, database: str | None, timeout_s: int) -> Client:
    """A new client of the ClickHouse in `settings`, for work outside a Store."""
    if uses_embedded(settings):
        return embedded_client(embedded_path(settings.clickhouse_dsn), database)
    return server_client(endpoint_source(settings)(), database, timeout_s)


def uses_embedded(settings: Settings) -> bool:
    """Whether the ClickHouse in `settings` runs inside this process."""
    return not settings.clickhouse_secret_arn and is_embedded(settings.clickhouse_dsn)


class ClickHouse:
    """The database in `settings`. Thread-safe; clients are created on first use."""

    def __init__(self, settings: Settings) -> None:
        self.embedded = uses_embedded(settings)
        database = settings.clickhouse_database
        self._connection: Connection
        if self.embedded:
            self._connection = Embedded(embedded_path(settings.clickhouse_dsn), database)
        else:
            self._connection = Server(endpoint_source(settings), database, settings.query_timeout_s)

    def rows(
        self, sql: str, parameters: Parameters | None = None, settings: ServerSettings | None = None
    ) -> Sequence[Sequence[Any]]:
        """The rows of the result.

        A `max_execution_time` in `settings` is reduced to the time left. Raises RpcError(INVALID_ARGUMENT) if
        a parameter contains more text than a server accepts.
        """
        bound, chosen = _bindable(parameters), dict(settings or {})
        return self._connection.call(
            lambda client: client.query(sql, parameters=bound, settings=self._limited(chosen)).result_rows,
            repeatable=True,
        )

    def columns(
        self,
        sql: str,
        parameters: Parameters | None = None,
        settings: ServerSettings | None = None,
        *,
        text: bool = True,
    ) -> Sequence[Sequence[Any]]:
        """The columns of the result; empty if it has no rows. Raises RpcError as `rows` does.

        Columns of type String are bytes unless `text` is true.
        """
        bound, chosen = _bindable(parameters), dict(settings or {})
        formats = {} if text else {"String": "bytes"}
        return self._connection.call(
            lambda client: (
                client.query(
                    sql, parameters=bound, settings=self._limited(chosen), query_formats=formats
                ).result_columns
            ),
            repeatable=True,
        )

    def command(
        self, sql: str, parameters: Parameters | None = None, settings: ServerSettings | None = None
    ) -> None:
        """Run a statement without a result."""
        bound, chosen = dict(parameters or {}), dict(settings or {})
        self._connection.call(
            lambda client: client.command(sql, parameters=bound, settings=chosen), repeatable=False
        )

    def insert(self, table: str, columns: Sequence[str], row_binary: bytes, settings: ServerSettings) -> None:
        """Insert rows in ClickHouse's RowBinary format; return when they are stored."""
        chosen = dict(settings)
        self._connection.call(
            lambda client: client.raw_insert(table, columns, row_binary, settings=chosen, fmt="RowBinary"),
            repeatable=_TOKEN in chosen,
        )

    def stop(self, tag: str) -> None:
        """Kill the queries whose `log_comment` is this tag; log any failure to do so."""
        self._connection.stop(tag)

    def _limited(self, settings: dict[str, str | int]) -> dict[str, str | int]:
        """The settings of a query, with `max_execution_time` reduced to the time left and a number of threads."""
        if _TIME not in settings:
            return settings
        seconds = time_left(float(settings[_TIME]))
        if not self.embedded:
            seconds -= min(_GIVE_UP_AHEAD_S, seconds * _GIVE_UP_AHEAD_SHARE)
        limited = {**settings, _TIME: f"{seconds:.3f}"}
        threads = self._connection.threads()
        return limited if threads is None else {**limited, "max_threads": threads}

    def close(self) -> bool:
        """Close every client; embedded ones close once they are free, and later calls to them raise ClickHouseError.

        Returns False if embedded ones are still in use after a few seconds.
        """
        return self._connection.close()


def _bindable(parameters: Parameters | None) -> dict[str, object]:
    """The parameters as a dict. Raises RpcError(INVALID_ARGUMENT) if one is longer than a server accepts."""
    bound = dict(parameters or {})
    for value in bound.values():
        texts = [text for text in (value if isinstance(value, list) else [value]) if isinstance(text, str)]
        if sum(len(text.encode(errors="replace")) for text in texts) > _MAX_TEXT_BYTES:
            raise invalid_argument(f"the query contains a text of more than {_MAX_TEXT_BYTES} bytes")
    return bound
