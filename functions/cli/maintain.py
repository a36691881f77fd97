"""`flamehouse maintain`: make the roll-ups of a database that no local server maintains."""

from contextlib import closing

import click

from cli.database import existing_database
from flamehouse.store.connection.data_folder import STOP_SERVER, locked
from flamehouse.store.connection.errors import exit_on_failure
from flamehouse.store.maintenance import maintain as maintain_database
from flamehouse.store.maintenance import maintenance_client


@click.command()
@click.option("--seconds", type=int, default=600, show_default=True, help="About how long it may take.")
def maintain(seconds: int) -> None:
    """Make the roll-ups of hours that have ended, and drop what an older version left: of ./data, DATA_DIR or CLICKHOUSE_DSN.

    A local server does this by itself. Results of queries are the same without; those of many hours take longer.
    """
    with exit_on_failure():
        settings = existing_database()
        with locked(settings, STOP_SERVER), closing(maintenance_client(settings)) as clickhouse:
            done = maintain_database(clickhouse, seconds)
    state = "is maintained" if done else f"needs more than {seconds} s of maintenance: run it again"
    click.echo(f"database {settings.clickhouse_database} {state}")
