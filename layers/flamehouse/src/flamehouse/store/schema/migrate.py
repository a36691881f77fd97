"""Upgrades a database to this code's schema.

The schema consists of the numbered files in `migrations/`, which are applied in order and never change after release.
The table `migrations` records the applied ones and the retention. Every statement may run twice, so an interrupted
migration can run again.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from string import Template
from typing import Final

from clickhouse_connect.driver.client import Client

from flamehouse.settings import Settings
from flamehouse.store.connection.client import connect
from flamehouse.store.schema.carry_over import drop_old_layout
from flamehouse.store.schema.retention import settle
from flamehouse.store.schema.state import scripts
from flamehouse.store.schema.statements import statements
from flamehouse.store.schema.views import replace_views

OLDEST_VERSION = (26, 1)
_TIMEOUT_S = 600
_DDL_SETTINGS = {"allow_suspicious_low_cardinality_types": 1}

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

_EXISTS = "SELECT count() FROM system.databases WHERE name = {name:String}"

_OTHERS = """
SELECT DISTINCT database
FROM system.tables
WHERE database != {name:String} AND name = 'migrations'
    AND database IN (SELECT database FROM system.tables WHERE name = 'ingest' AND engine = 'Null')
ORDER BY database
"""

_LAST_NUMBER = "SELECT argMax(number, applied) FROM migrations"

WINDOWS: Final[Mapping[str, int]] = {
    "non_replicated_deduplication_window": 10_000,
    "replicated_deduplication_window": 100_000,
    "replicated_deduplication_window_seconds": 7_200,
}
"""How many deduplication tokens a table remembers, and for how long; replaces `$exactly_once` in migrations."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Migrated:
    """An up-to-date database: whether it is new, its retention in days (0: forever), and other flamehouse databases."""

    created: bool
    retention_days: int
    others: tuple[str, ...] = ()


def migrate(settings: Settings) -> Migrated:
    """Create or upgrade the database in `settings`; does nothing if it is up to date.

    The database stores the retention. RETENTION_DAYS sets it in a new database (30 days by default), can lengthen it in
    an existing one, and never shortens it.

    Raises: RuntimeError for a ClickHouse too old to store uploads exactly once; RetentionError for a shorter
    retention.
    """
    created, others = _create_database(settings)
    client = connect(settings, settings.clickhouse_database, _TIMEOUT_S)
    try:
        client.command(_CREATE_HISTORY)
        number = client.query(_LAST_NUMBER).result_rows[0][0]
        latest = _apply_since(client, number)
        if not number:
            # No earlier version reads or writes a new database.
            drop_old_layout(client)
        days = settle(client, latest, settings.retention_days)
        replace_views(client)
    finally:
        client.close()
    return Migrated(created=created, retention_days=days, others=others)


def version_of(text: str) -> tuple[int, ...]:
    """Return the first two numbers of a ClickHouse version such as `26.1.2.3`."""
    return tuple(int(part) for part in text.split(".")[:2])


def migration(number: int) -> list[str]:
    """Return the statements of a migration."""
    return _statements(scripts()[number - 1])


def _statements(script: Path) -> list[str]:
    windows = ", ".join(f"{name} = {value}" for name, value in WINDOWS.items())
    return [*statements(Template(script.read_text()).safe_substitute(exactly_once=windows))]


def _create_database(settings: Settings) -> tuple[bool, tuple[str, ...]]:
    """Create the database if it does not exist; return whether it was created, and the other flamehouse databases."""
    client = connect(settings, None, _TIMEOUT_S)
    try:
        version = client.query("SELECT version()").result_rows[0][0]
        if version_of(version) < OLDEST_VERSION:
            oldest = ".".join(map(str, OLDEST_VERSION))
            raise RuntimeError(f"ClickHouse {version} is too old: flamehouse needs {oldest} or newer")
        name = {"name": settings.clickhouse_database}
        if client.query(_EXISTS, name).result_rows[0][0]:
            return False, ()
        others = tuple(database for (database,) in client.query(_OTHERS, name).result_rows)
        client.command("CREATE DATABASE IF NOT EXISTS {name:Identifier}", name)
    finally:
        client.close()
    return True, others


def _apply_since(client: Client, number: int) -> int:
    """Apply the migrations after `number`; return the number of the last one applied to the database."""
    for script in scripts():
        if int(script.name.removesuffix(".sql")) <= number:
            continue
        for statement in _statements(script):
            client.command(statement, settings=_DDL_SETTINGS)
        number = int(script.name.removesuffix(".sql"))
    return number
