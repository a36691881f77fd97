"""`flamehouse migrate`: creates or upgrades the database in CLICKHOUSE_DSN."""

import os
from contextlib import closing
from dataclasses import replace
from typing import Final

import click

from cli.database import database_settings
from flamehouse.errors import OperatorError
from flamehouse.settings import Settings
from flamehouse.store.connection.data_folder import STOP_SERVER, locked
from flamehouse.store.connection.errors import exit_on_failure
from flamehouse.store.maintenance import maintenance_client
from flamehouse.store.schema.carry_over import CarryOver
from flamehouse.store.schema.migrate import migrate as migrate_database
from flamehouse.store.schema.state import in_words
from qryn.input_tables import create_input_tables

_CARRY_OVER_S: Final = 60
"""The interval between progress messages."""


@click.command()
@click.option(
    "--retention-days",
    type=int,
    help="Retention of a new database, or a longer one for an existing one; 0 means forever. [RETENTION_DAYS, or 30]",
)
@click.option("--qryn-input", is_flag=True, help="Also create the tables that qryn's collector inserts into.")
def migrate(*, retention_days: int | None, qryn_input: bool) -> None:
    """Create or upgrade the database in CLICKHOUSE_DSN. Does nothing if it is up to date."""
    with exit_on_failure():
        if not os.environ.get("CLICKHOUSE_DSN"):
            raise OperatorError("CLICKHOUSE_DSN is not set: use https://user:password@host:8443")
        settings = database_settings()
        if retention_days is not None:
            settings = replace(settings, retention_days=retention_days)
        with locked(settings, STOP_SERVER):
            migrated = migrate_database(settings)
            _carry_over(settings)
            if qryn_input:
                _create_qryn_input(settings)
    new = "new " if migrated.created else ""
    others = f" (other databases on this server: {', '.join(migrated.others)})" if migrated.others else ""
    click.echo(
        f"{new}database {settings.clickhouse_database} is up to date{others}; "
        f"profiles are retained {in_words(migrated.retention_days)}"
    )


def _create_qryn_input(settings: Settings) -> None:
    with closing(maintenance_client(settings)) as clickhouse:
        create_input_tables(clickhouse, settings)


def _carry_over(settings: Settings) -> None:
    with closing(maintenance_client(settings)) as clickhouse:
        carry_over = CarryOver(clickhouse)
        while not carry_over.carry(_CARRY_OVER_S):
            click.echo("carrying profiles over to their new table; this may be interrupted and run again")
