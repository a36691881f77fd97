"""The tables that qryn's collector inserts into, in flamehouse's database."""

from pathlib import Path
from typing import Final

from flamehouse.errors import OperatorError
from flamehouse.settings import Settings
from flamehouse.store.connection.client import ClickHouse, uses_embedded
from flamehouse.store.schema.statements import statements

_DDL: Final = {"allow_suspicious_low_cardinality_types": 1}
_EXISTS: Final = """
SELECT count()
FROM system.tables
WHERE database = currentDatabase() AND name = 'qryn_rows'
"""


def create_input_tables(clickhouse: ClickHouse, settings: Settings) -> None:
    """Create the tables in a migrated database; does nothing if they exist.

    Raises: OperatorError for an embedded ClickHouse, which no collector can connect to.
    """
    if uses_embedded(settings):
        raise OperatorError(
            "--qryn-input needs a ClickHouse server in CLICKHOUSE_DSN: a collector cannot insert into a data folder"
        )
    script = Path(__file__).with_suffix(".sql").read_text()
    for statement in statements(script):
        clickhouse.command(statement, settings=_DDL)


def has_input_tables(clickhouse: ClickHouse) -> bool:
    """Return whether the database has the tables."""
    [(count,)] = clickhouse.rows(_EXISTS)
    return bool(count)
