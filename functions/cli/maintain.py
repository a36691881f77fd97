"""`flamehouse maintain`: makes the roll-ups of a database that no local server maintains."""

from contextlib import closing

import click

from cli.database import existing_database
from flamehouse.store.connection.data_folder import STOP_SERVER, locked
from flamehouse.store.connection.errors import exit_on_failure
from flamehouse.store.maintenance import maintain as maintain_database
from flamehouse.store.maintenance import maintenance_client


@click.command()
@click.option(
    "--seconds", type=int, default=600, show_default=True, help="The approximate time limit, in seconds."
)
def maintain(seconds: int) -> None:
    """Maintain ./data, DATA_DIR or CLICKHOUSE_DSN: make roll-ups, delete expired profiles, drop old tables.

    A local server does this itself. Without it, queries return the same results, but queries of many hours take longer.
    """
    with exit_on_failure():
        settings = existing_database()
        with locked(settings, STOP_SERVER), closing(maintenance_client(settings)) as clickhouse:
            done = maintain_database(clickhouse, seconds)
    state = (
        "needs no further maintenance"
        if done
        else f"needs more than {seconds} s of maintenance: run it again"
    )
    click.echo(f"database {settings.clickhouse_database} {state}")
