"""Creates the tables of qryn (../shared/reference/qryn.md, section 1), and inserts rows as the collector does."""

from collections.abc import Sequence
from typing import Any

import clickhouse_connect
from clickhouse_connect.driver.client import Client

from tools.clickhouse_http.process import ClickHouseServer
from tools.qryn_tables import COLUMNS, Schema, create_tables


def create_qryn(server: ClickHouseServer, database: str, schema: Schema = Schema.TREES) -> Client:
    """Returns a client of a new database with qryn's tables."""
    with connected(server, "default") as client:
        client.command("CREATE DATABASE IF NOT EXISTS {name:Identifier}", {"name": database})
    client = connected(server, database)
    create_tables(client, schema)
    return client


def connected(server: ClickHouseServer, database: str) -> Client:
    """Returns a client of the server's database."""
    return clickhouse_connect.get_client(
        host="127.0.0.1",
        port=server.port,
        username=server.user,
        password=server.password,
        database=database,
        autogenerate_session_id=False,
    )


def insert(client: Client, rows: Sequence[Sequence[Any]], *, columns: Sequence[str] = COLUMNS) -> None:
    """Inserts rows into `profiles_input`, in Native format and in the order of its columns."""
    client.insert("profiles_input", rows, column_names=columns)
