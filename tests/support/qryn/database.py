"""Creates the tables of qryn (../shared/reference/qryn.md, section 1), and inserts rows as the collector does."""

from collections.abc import Sequence
from enum import Enum
from typing import Any, Final

import clickhouse_connect
from clickhouse_connect.driver.client import Client

from flamehouse.store.sql import SqlFile
from tools.clickhouse_http.process import ClickHouseServer

_SQL: Final = SqlFile(__file__.replace("database.py", "schema.py"))
_DDL: Final = {"allow_suspicious_low_cardinality_types": 1}
COLUMNS: Final = (
    *("timestamp_ns", "type", "service_name", "sample_types_units", "period_type", "period_unit", "tags"),
    *("duration_ns", "payload_type", "payload", "values_agg", "tree", "functions"),
)
"""The columns of `profiles_input`, in the order in which the collector inserts them."""


class Schema(Enum):
    """The versions of qryn's tables: without trees, with trees, and with distributed tables over them."""

    FIRST = "first"
    TREES = "trees"
    CLUSTER = "cluster"


def create_qryn(server: ClickHouseServer, database: str, schema: Schema = Schema.TREES) -> Client:
    """A client of a new database with qryn's tables."""
    with connected(server, "default") as client:
        client.command("CREATE DATABASE IF NOT EXISTS {name:Identifier}", {"name": database})
    client = connected(server, database)
    for part in ("input", "profiles"):
        client.command(_SQL(part), settings=_DDL)
    client.command(_SQL("profiles_view", tree=""), settings=_DDL)
    for part in ("series", "series_view", "gin", "gin_view"):
        client.command(_SQL(part), settings=_DDL)
    if schema is not Schema.FIRST:
        add_trees(client)
    if schema is Schema.CLUSTER:
        for part in ("profiles_dist", "series_dist"):
            client.command(_SQL(part), settings=_DDL)
    return client


def add_trees(client: Client) -> None:
    """Upgrades the first version: earlier rows have empty trees."""
    for part in ("input_tree", "profiles_tree", "drop_view"):
        client.command(_SQL(part), settings=_DDL)
    client.command(_SQL("profiles_view", tree=",\n    tree,\n    functions"), settings=_DDL)


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
