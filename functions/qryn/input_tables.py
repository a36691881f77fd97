"""The tables that qryn's collector inserts into, in flamehouse's database."""

from typing import Final

from flamehouse.errors import OperatorError
from flamehouse.settings import Settings
from flamehouse.store.connection.client import ClickHouse, uses_embedded
from flamehouse.store.sql import SqlFile

_SQL: Final = SqlFile(__file__)
_DDL: Final = {"allow_suspicious_low_cardinality_types": 1}
_TABLES: Final = ("profiles_input", "qryn_rows", "qryn_rows_view", "qryn_rejected")


def create_input_tables(clickhouse: ClickHouse, settings: Settings) -> None:
    """Create the tables in a migrated database; does nothing if they exist.

    Raises: OperatorError for an embedded ClickHouse, which no collector can connect to.
    """
    if uses_embedded(settings):
        raise OperatorError(
            "--qryn-input needs a ClickHouse server in CLICKHOUSE_DSN: a collector cannot insert into a data folder"
        )
    for table in _TABLES:
        clickhouse.command(_SQL(table, row=_SQL("row")), settings=_DDL)


def has_input_tables(clickhouse: ClickHouse) -> bool:
    """Return whether the database has the tables."""
    [(count,)] = clickhouse.rows(_SQL("exists"))
    return bool(count)
