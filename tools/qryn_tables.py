"""Creates qryn's tables for profiles, as its writer does, for tests of imports and for comparisons in bench.

Source: github.com/metrico/qryn, ctrl/qryn/sql/profiles.sql, the same from 2025-04 to 2026-08.
"""

from enum import Enum
from typing import Final

from clickhouse_connect.driver.client import Client

from flamehouse.store.sql import SqlFile

_SQL: Final = SqlFile(__file__)
_DDL: Final = {"allow_suspicious_low_cardinality_types": 1}
COLUMNS: Final = (
    *("timestamp_ns", "type", "service_name", "sample_types_units", "period_type", "period_unit", "tags"),
    *("duration_ns", "payload_type", "payload", "values_agg", "tree", "functions"),
)
"""The columns of `profiles_input`, in the collector's order of insertion."""


class Schema(Enum):
    """The versions of qryn's tables: without trees, with trees, and with distributed tables on top."""

    FIRST = "first"
    TREES = "trees"
    CLUSTER = "cluster"


def create_tables(client: Client, schema: Schema = Schema.TREES) -> None:
    """Create the tables and their views in the client's database."""
    for part in ("input", "profiles"):
        client.command(_SQL(part), settings=_DDL)
    client.command(_SQL("profiles_view", tree=""), settings=_DDL)
    for part in ("series", "series_view", "gin", "gin_view", "keys", "keys_view"):
        client.command(_SQL(part), settings=_DDL)
    if schema is not Schema.FIRST:
        add_trees(client)
    if schema is Schema.CLUSTER:
        for part in ("profiles_dist", "series_dist"):
            client.command(_SQL(part), settings=_DDL)


def add_trees(client: Client) -> None:
    """Upgrade the first version; the trees of existing rows stay empty."""
    for part in ("input_tree", "profiles_tree", "drop_view"):
        client.command(_SQL(part), settings=_DDL)
    client.command(_SQL("profiles_view", tree=",\n    tree,\n    functions"), settings=_DDL)
