"""`flamehouse retention`: how long a database retains profiles."""

import click

from cli.database import existing_database
from cli.units import size_in_words
from flamehouse.errors import OperatorError
from flamehouse.store.connection.data_folder import STOP_SERVER, locked
from flamehouse.store.connection.errors import exit_on_failure
from flamehouse.store.schema import retention as state
from flamehouse.store.schema.carry_over import has_old_layout


@click.group()
def retention() -> None:
    """Show or set how long a database retains profiles: of ./data, DATA_DIR or CLICKHOUSE_DSN."""


@retention.command()
def show() -> None:
    """Print the retention."""
    with exit_on_failure():
        settings = existing_database()
        with locked(settings, STOP_SERVER), state.opened(settings) as client:
            days = state.recorded(client).days
    click.echo(f"database {settings.clickhouse_database} retains profiles {state.in_words(days)}")


@retention.command(name="set")
@click.argument("days", metavar="DAYS")
@click.option("--yes", is_flag=True, help="Delete the profiles that a shorter retention does not cover.")
def set_(days: str, *, yes: bool) -> None:
    """Retain profiles for DAYS: 30d, or forever. A shorter retention needs --yes, and reports what it deletes."""
    with exit_on_failure():
        wanted = state.days_of(days)
        settings = existing_database()
        with locked(settings, STOP_SERVER), state.opened(settings) as client:
            if has_old_layout(lambda sql: client.query(sql).result_rows):
                raise OperatorError(
                    "the database has profiles in the layout of an older version; first run: flamehouse maintain"
                )
            before = state.recorded(client)
            if state.is_shorter(wanted, before.days):
                _confirm(state.expired_under(client, wanted), wanted, yes=yes)
            state.apply(client, before.number, wanted)
    click.echo(
        f"database {settings.clickhouse_database} retains profiles {state.in_words(wanted)} "
        f"(before: {state.in_words(before.days)})"
    )


def _confirm(expired: state.Expired, days: int, *, yes: bool) -> None:
    """Print what will be deleted. Raises OperatorError without `yes`."""
    oldest = f", the oldest of {expired.oldest}" if expired.oldest else ""
    text = f"{expired.profiles:,} profiles, {size_in_words(expired.bytes)} on disk{oldest}"
    if not yes:
        raise OperatorError(
            f"a retention of {days} days deletes {text}; to delete them, "
            f"run: flamehouse retention set {state.as_argument(days)} --yes"
        )
    click.echo(f"ClickHouse deletes {text}")
