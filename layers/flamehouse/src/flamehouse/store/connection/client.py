"""One database, asked in SQL: of an engine in this process (`chdb://PATH`) or of a server (`https://...`, a secret).

Both are asked the same SQL through the same calls.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

from clickhouse_connect.driver.client import Client

from flamehouse.deadline import time_left
from flamehouse.errors import invalid_argument
from flamehouse.settings import Settings
from flamehouse.store.connection.embedded import Embedded, embedded_client, embedded_path, is_embedded
from flamehouse.store.connection.endpoint import endpoint_source
from flamehouse.store.connection.server import Server, server_client

type Parameters = Mapping[str, object]
type ServerSettings = Mapping[str, str | int]

_TOKEN = "insert_deduplication_token"  # noqa: S105  # no secret: what makes an insert happen once
_TIME = "max_execution_time"
_GIVE_UP_AHEAD_S = 3
_GIVE_UP_AHEAD_SHARE = 0.25
"""A server is to give up by itself before nobody listens any more: by the lesser of the two."""
_MAX_TEXT_BYTES = 60_000
"""Of a parameter: a server takes 128 KiB of it (http_max_field_value_size), and escaping may double it."""


class Connection(Protocol):
    """The way to one database."""

    def ask[T](self, question: Callable[[Client], T], *, repeatable: bool) -> T:
        """Put a question to a client; more than once only if it is `repeatable`."""

    def stop(self, tag: str) -> None:
        """Stop the queries whose `log_comment` is this tag, as far as can be."""

    def close(self) -> None:
        """Let go of every client."""


def connect(settings: Settings, database: str | None, timeout_s: int) -> Client:
    """A new client of the ClickHouse that `settings` name, for work outside a Store."""
    if uses_embedded(settings):
        return embedded_client(embedded_path(settings.clickhouse_dsn), database)
    return server_client(endpoint_source(settings)(), database, timeout_s)


def uses_embedded(settings: Settings) -> bool:
    """Whether `settings` name an engine inside this process."""
    return not settings.clickhouse_secret_arn and is_embedded(settings.clickhouse_dsn)


class ClickHouse:
    """The database that `settings` name, usable from several threads; clients are made when they are first needed."""

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
        """The rows of the answer. RpcError invalid_argument for parameters of more text than a server takes.

        A `max_execution_time` among the settings is cut to what is left of the time limit.
        """
        bound, chosen = _bindable(parameters), dict(settings or {})
        return self._connection.ask(
            lambda client: client.query(sql, parameters=bound, settings=self._in_time(chosen)).result_rows,
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
        """The columns of the answer; none at all where it has no rows. RpcError as `rows`.

        Columns of type String are bytes where they are not `text`.
        """
        bound, chosen = _bindable(parameters), dict(settings or {})
        formats = {} if text else {"String": "bytes"}
        return self._connection.ask(
            lambda client: (
                client.query(
                    sql, parameters=bound, settings=self._in_time(chosen), query_formats=formats
                ).result_columns
            ),
            repeatable=True,
        )

    def command(
        self, sql: str, parameters: Parameters | None = None, settings: ServerSettings | None = None
    ) -> None:
        """Run a statement that answers nothing."""
        bound, chosen = dict(parameters or {}), dict(settings or {})
        self._connection.ask(
            lambda client: client.command(sql, parameters=bound, settings=chosen), repeatable=False
        )

    def insert(self, table: str, columns: Sequence[str], row_binary: bytes, settings: ServerSettings) -> None:
        """Insert rows given in ClickHouse's RowBinary format; returns when they are stored."""
        chosen = dict(settings)
        self._connection.ask(
            lambda client: client.raw_insert(table, columns, row_binary, settings=chosen, fmt="RowBinary"),
            repeatable=_TOKEN in chosen,
        )

    def stop(self, tag: str) -> None:
        """Stop the queries whose `log_comment` is this tag; what keeps that from happening goes to the log."""
        self._connection.stop(tag)

    def _in_time(self, settings: dict[str, str | int]) -> dict[str, str | int]:
        """The settings as they are to be sent now."""
        if _TIME not in settings:
            return settings
        seconds = time_left(float(settings[_TIME]))
        if not self.embedded:
            seconds -= min(_GIVE_UP_AHEAD_S, seconds * _GIVE_UP_AHEAD_SHARE)
        return {**settings, _TIME: f"{seconds:.3f}"}

    def close(self) -> None:
        """Close every client, waiting for embedded ones in use; a question to them after that is a ClickHouseError."""
        self._connection.close()


def _bindable(parameters: Parameters | None) -> dict[str, object]:
    """The parameters as the client wants them; RpcError invalid_argument where one is longer than a server takes."""
    bound = dict(parameters or {})
    for value in bound.values():
        texts = [text for text in (value if isinstance(value, list) else [value]) if isinstance(text, str)]
        if sum(len(text.encode(errors="replace")) for text in texts) > _MAX_TEXT_BYTES:
            raise invalid_argument(f"the query holds a text of more than {_MAX_TEXT_BYTES} bytes")
    return bound
