"""`flamehouse retention`: how long a database, a tenant or a service retains profiles."""

import time
from contextlib import closing
from typing import Final

import click
from clickhouse_connect.driver.client import Client

from cli.database import existing_database
from cli.output import print_table
from cli.units import size_in_words
from flamehouse.errors import OperatorError
from flamehouse.identity.tenant import is_tenant
from flamehouse.settings import Settings
from flamehouse.store.connection.data_folder import STOP_SERVER, locked
from flamehouse.store.connection.errors import exit_on_failure
from flamehouse.store.maintenance import maintenance_client
from flamehouse.store.read.reader import Reader
from flamehouse.store.schema import retention as recorded_retention
from flamehouse.store.schema.carry_over import has_old_layout
from flamehouse.store.schema.state import as_argument, in_words
from flamehouse.store.tenant_retention import (
    Retention,
    every_retention,
    expire,
    expired,
    store_retention,
    with_change,
)

_DEFAULT: Final = "default"
"""The value that removes the retention of a tenant or service."""


@click.group()
def retention() -> None:
    """Show or set how long ./data, DATA_DIR or CLICKHOUSE_DSN retains profiles."""


@retention.command()
def show() -> None:
    """Print the retention of the database, and of tenants and services that have a shorter one."""
    with exit_on_failure():
        settings = existing_database()
        with locked(settings, STOP_SERVER):
            with recorded_retention.opened(settings) as client:
                days = recorded_retention.recorded(client).days
            with closing(maintenance_client(settings)) as clickhouse:
                shorter = every_retention(clickhouse)
    click.echo(f"database {settings.clickhouse_database} retains profiles {in_words(days)}")
    if shorter:
        rows = [(each.tenant, each.service or "*", str(each.days)) for each in shorter]
        print_table(("tenant", "service", "days"), rows, right=("days",))


@retention.command(name="set")
@click.argument("days", metavar="DAYS")
@click.option("--tenant", default="", help="Only for this tenant.")
@click.option("--service", default="", help="Only for this service of the tenant.")
@click.option("--yes", is_flag=True, help="Delete the profiles that exceed a shorter retention.")
def set_(days: str, *, tenant: str, service: str, yes: bool) -> None:
    """Retain profiles for DAYS: 30d, or forever. A shorter retention reports what it deletes, and needs --yes.

    A tenant or service may have a shorter retention than the database; `default` removes it.
    """
    with exit_on_failure():
        settings = existing_database()
        with locked(settings, STOP_SERVER):
            if tenant or service:
                change = _change(tenant, service, days)
                click.echo(_set_of_tenant(settings, change, yes=yes))
            else:
                click.echo(_set_of_database(settings, recorded_retention.days_of(days), yes=yes))


def _set_of_database(settings: Settings, wanted: int, *, yes: bool) -> str:
    """Set the retention of the database; return a message about the change."""
    with recorded_retention.opened(settings) as client:
        _check_layout(client)
        before = recorded_retention.recorded(client)
        if recorded_retention.is_shorter(wanted, before.days):
            gone = recorded_retention.expired_under(client, wanted)
            oldest = f", the oldest of {gone.oldest}" if gone.oldest else ""
            _confirm(
                f"{gone.profiles:,} profiles, {size_in_words(gone.bytes)} on disk{oldest}",
                f"a retention of {wanted} days",
                as_argument(wanted),
                yes=yes,
            )
        recorded_retention.apply(client, before.number, wanted)
    return (
        f"database {settings.clickhouse_database} retains profiles {in_words(wanted)} "
        f"(before: {in_words(before.days)})"
    )


def _change(tenant: str, service: str, days: str) -> Retention:
    """Return the retention that the options name. Raises OperatorError if they are invalid."""
    if not is_tenant(tenant):
        raise OperatorError(f"invalid tenant {tenant!r}: name it with --tenant")
    wanted = 0 if days == _DEFAULT else recorded_retention.days_of(days)
    if not wanted and days != _DEFAULT:
        raise OperatorError(f"invalid retention of a tenant {days!r}: use days, such as 30d, or {_DEFAULT}")
    return Retention(tenant=tenant, service=service, days=wanted)


def _set_of_tenant(settings: Settings, change: Retention, *, yes: bool) -> str:
    """Set the retention of a tenant or service, and delete expired profiles; return a message about the change."""
    with recorded_retention.opened(settings) as client:
        _check_layout(client)
        days = recorded_retention.recorded(client).days
    if days and change.days > days:
        raise OperatorError(
            f"the database retains profiles {in_words(days)}, which no tenant can exceed; "
            f"first run: flamehouse retention set {as_argument(change.days)}"
        )
    named = (
        f"service {change.service} of tenant {change.tenant}" if change.service else f"tenant {change.tenant}"
    )
    with closing(maintenance_client(settings)) as clickhouse:
        retentions = with_change(every_retention(clickhouse), change)
        now_s = time.time()
        gone = expired(clickhouse, retentions, now_s)
        if gone.profiles:
            options = f"--tenant {change.tenant}" + (f" --service {change.service}" if change.service else "")
            argument = as_argument(change.days) if change.days else _DEFAULT
            _confirm(
                f"{gone.profiles:,} profiles of {', '.join(gone.services)}, about {size_in_words(gone.bytes)} on disk",
                f"this retention of {named}",
                f"{argument} {options}",
                yes=yes,
            )
        store_retention(Reader(clickhouse=clickhouse, settings={}), change)
        expire(clickhouse, retentions, now_s)
    return f"{named} retains profiles {in_words(change.days or days)}"


def _check_layout(client: Client) -> None:
    if has_old_layout(lambda sql: client.query(sql).result_rows):
        raise OperatorError(
            "the database has profiles in the layout of an older version; first run: flamehouse maintain"
        )


def _confirm(what: str, subject: str, arguments: str, *, yes: bool) -> None:
    """Print what will be deleted. Raises OperatorError without `yes`."""
    if not yes:
        raise OperatorError(
            f"{subject} would delete {what}; to delete them, run: flamehouse retention set {arguments} --yes"
        )
    click.echo(f"ClickHouse deletes {what}")
