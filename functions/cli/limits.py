"""`flamehouse limits`: the upload and query limits of tenants, and their label rules."""

from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import asdict

import click

from cli.database import existing_database
from cli.options import json_option
from cli.output import print_json, print_table
from flamehouse.errors import OperatorError, RpcError
from flamehouse.model.limits import DEFAULTS
from flamehouse.store.connection.client import ClickHouse
from flamehouse.store.connection.data_folder import STOP_SERVER, locked
from flamehouse.store.connection.errors import exit_on_failure
from flamehouse.store.limits import every_limits, store_limits, stored_limits
from flamehouse.store.read.reader import Reader

_EVERYONE = "*"
"""The command-line name for the defaults of all tenants."""


@click.group()
def limits() -> None:
    """Show or set the limits of tenants in ./data, DATA_DIR or CLICKHOUSE_DSN; * means the defaults."""


@limits.command()
@json_option
def show(*, as_json: bool) -> None:
    """Print the limits that are set. Running processes apply changes within a minute."""
    with _opened() as reader:
        found = {tenant or _EVERYONE: asdict(of_tenant) for tenant, of_tenant in every_limits(reader).items()}
    chosen = {
        tenant: {name: value for name, value in of_tenant.items() if value is not None}
        for tenant, of_tenant in found.items()
    }
    if as_json:
        print_json(chosen)
        return
    rows = [(tenant, name, str(value)) for tenant, named in chosen.items() for name, value in named.items()]
    print_table(("tenant", "limit", "value"), rows)


@limits.command(name="set")
@click.argument("tenant")
@click.argument("changes", metavar="NAME=VALUE...", nargs=-1, required=True)
def set_(tenant: str, changes: Sequence[str]) -> None:
    """Set limits of TENANT, or of * for all: uploads_per_second=50 bytes_per_day=0 label_rules='pod=drop'.

    The limits are uploads_per_second, bytes_per_day, series_per_day, query_seconds_per_day and label_rules. 0 means no
    limit, and an empty value restores the default.

    uploads_per_second and query_seconds_per_day apply to each process: on AWS, each instance of a function counts by
    itself. The others apply to all processes together.
    """
    with _opened() as reader:
        of_tenant = DEFAULTS if tenant == _EVERYONE else tenant
        store_limits(reader, of_tenant, stored_limits(reader, of_tenant).changed(changes))
    click.echo(f"set the limits of {tenant}; running processes apply them within a minute")


@contextmanager
def _opened() -> Iterator[Reader]:
    with exit_on_failure():
        settings = existing_database()
        with locked(settings, STOP_SERVER), closing(ClickHouse(settings)) as clickhouse:
            try:
                yield Reader(clickhouse=clickhouse, settings={})
            except RpcError as error:
                raise OperatorError(error.message) from error
