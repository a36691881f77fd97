"""`flamehouse migrate`: create or upgrade the database that CLICKHOUSE_DSN names."""

import os
from dataclasses import replace

import click

from cli.database import database_settings
from flamehouse.errors import OperatorError
from flamehouse.store.connection.data_folder import STOP_SERVER, locked
from flamehouse.store.connection.errors import told_to_operators
from flamehouse.store.schema.migrate import migrate as migrate_database
from flamehouse.store.schema.retention import in_words


@click.command()
@click.option(
    "--retention-days",
    type=int,
    help="Retention of a new database, or a longer one of another; 0 is for ever. [RETENTION_DAYS, or 30]",
)
def migrate(retention_days: int | None) -> None:
    """Create or upgrade the database that CLICKHOUSE_DSN names. Harmless if it is up to date."""
    with told_to_operators():
        if not os.environ.get("CLICKHOUSE_DSN"):
            raise OperatorError("CLICKHOUSE_DSN must name a ClickHouse, and is not set")
        settings = database_settings()
        if retention_days is not None:
            settings = replace(settings, retention_days=retention_days)
        with locked(settings, STOP_SERVER):
            migrated = migrate_database(settings)
    new = "new " if migrated.created else ""
    others = f" (other databases here: {', '.join(migrated.others)})" if migrated.others else ""
    click.echo(
        f"{new}database {settings.clickhouse_database} is up to date{others}; "
        f"profiles are retained {in_words(migrated.retention_days)}"
    )
