"""Bringing a database up to this code's schema, and its retention up to what is asked for.

The schema is the numbered files of `migrations/`, applied in order and never changed once released; which were applied
is written in the table `migrations`. Every statement may run twice, so a migration that was cut off is run again.
"""

from collections.abc import Iterator
from importlib.resources import files

from clickhouse_connect.driver.client import Client

from flamehouse.settings import Settings
from flamehouse.store.connection.client import connect

_OLDEST_VERSION = (26, 1)
_TIMEOUT_S = 600
_DDL_SETTINGS = {"allow_suspicious_low_cardinality_types": 1}
_UNSETTLED = 2**32 - 1
"""The retention that is recorded while another is being set: should that be cut off, no answer is taken for settled."""

_CREATE_HISTORY = """
CREATE TABLE IF NOT EXISTS migrations
(
    number UInt32,
    retention_days UInt32,
    applied DateTime64(9, 'UTC')
)
ENGINE = MergeTree
ORDER BY applied
"""

_LAST_STATE = """
SELECT argMax(number, applied), argMax(retention_days, applied), count()
FROM migrations
"""

_RECORD_STATE = """
INSERT INTO migrations
SELECT {number:UInt32}, {retention_days:UInt32}, now64(9, 'UTC')
"""

_EXPIRES = {
    "series": "ALTER TABLE series MODIFY TTL day + toIntervalDay({days:UInt32} + 1)",
    "profiles": "ALTER TABLE profiles MODIFY TTL toDateTime(time) + toIntervalDay({days:UInt32})",
    "samples": "ALTER TABLE samples MODIFY TTL toDateTime(time) + toIntervalDay({days:UInt32})",
    "samples_5m": "ALTER TABLE samples_5m MODIFY TTL toDateTime(bucket) + toIntervalDay({days:UInt32} + 1)",
    "samples_1h": "ALTER TABLE samples_1h MODIFY TTL toDateTime(bucket) + toIntervalDay({days:UInt32} + 1)",
    "stacktraces": "ALTER TABLE stacktraces MODIFY TTL week + toIntervalDay({days:UInt32} + 7)",
    "functions": "ALTER TABLE functions MODIFY TTL week + toIntervalDay({days:UInt32} + 7)",
    "locations": "ALTER TABLE locations MODIFY TTL week + toIntervalDay({days:UInt32} + 7)",
    "mappings": "ALTER TABLE mappings MODIFY TTL week + toIntervalDay({days:UInt32} + 7)",
    "uploads": "ALTER TABLE uploads MODIFY TTL toDateTime(received) + toIntervalDay({days:UInt32} + 7)",
}
"""How each table's rows come to expire. What stands for a day, an hour or a week is kept until all of it may go."""

_HAS_TTL = """
SELECT count()
FROM system.tables
WHERE database = currentDatabase() AND name = {table:String} AND position(create_table_query, ' TTL ') > 0
"""


def migrate(settings: Settings) -> None:
    """Create or upgrade the database that `settings` names and set its retention; harmless when nothing is to be done.

    RuntimeError for a server too old to keep uploads exact.
    """
    _create_database(settings)
    client = connect(settings, settings.clickhouse_database, _TIMEOUT_S)
    try:
        client.command(_CREATE_HISTORY)
        number, retention_days, runs = client.query(_LAST_STATE).result_rows[0]
        latest = _apply_since(client, number)
        if runs and (latest, settings.retention_days) == (number, retention_days):
            return
        client.command(_RECORD_STATE, {"number": latest, "retention_days": _UNSETTLED})
        _set_retention(client, settings.retention_days)
        client.command(_RECORD_STATE, {"number": latest, "retention_days": settings.retention_days})
    finally:
        client.close()


def _create_database(settings: Settings) -> None:
    client = connect(settings, None, _TIMEOUT_S)
    try:
        version = client.query("SELECT version()").result_rows[0][0]
        if tuple(int(part) for part in version.split(".")[:2]) < _OLDEST_VERSION:
            oldest = ".".join(map(str, _OLDEST_VERSION))
            raise RuntimeError(f"ClickHouse {version} is too old: flamehouse needs {oldest} or newer")
        client.command(
            "CREATE DATABASE IF NOT EXISTS {name:Identifier}", {"name": settings.clickhouse_database}
        )
    finally:
        client.close()


def _apply_since(client: Client, number: int) -> int:
    """Apply the migrations after `number`; the number of the last there is."""
    for script in sorted(
        files("flamehouse.store.schema").joinpath("migrations").iterdir(), key=lambda file: file.name
    ):
        if not script.name.endswith(".sql") or int(script.name.removesuffix(".sql")) <= number:
            continue
        for statement in statements(script.read_text()):
            client.command(statement, settings=_DDL_SETTINGS)
        number = int(script.name.removesuffix(".sql"))
    return number


def _set_retention(client: Client, days: int) -> None:
    for table, expires in _EXPIRES.items():
        if days:
            client.command(expires, {"days": days})
        elif client.query(_HAS_TTL, {"table": table}).result_rows[0][0]:
            client.command("ALTER TABLE {table:Identifier} REMOVE TTL", {"table": table})


def statements(script: str) -> Iterator[str]:
    """The statements of a migration file, which are ended by `;`; comments have lines of their own."""
    text = "\n".join(line for line in script.splitlines() if not line.startswith("--"))
    return (statement for part in text.split(";") if (statement := part.strip()))
