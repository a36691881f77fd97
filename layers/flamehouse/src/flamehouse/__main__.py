"""The command `flamehouse`: what an operator does to a database.

    CLICKHOUSE_DSN=https://user:password@host:8443 flamehouse migrate --retention-days 30

The environment holds the settings of `flamehouse.settings`.
"""

import argparse
import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from flamehouse.errors import OperatorError
from flamehouse.settings import Settings
from flamehouse.store.connection.data_folder import data_folder, locked
from flamehouse.store.connection.errors import told_to_operators
from flamehouse.store.schema import retention
from flamehouse.store.schema.migrate import migrate

_UNITS = ("bytes", "kB", "MB", "GB", "TB")


def main(arguments: Sequence[str] | None = None, environ: Mapping[str, str] = os.environ) -> None:
    """Run one command; SystemExit with one line if it fails."""
    options = _parser().parse_args(arguments)
    with told_to_operators():
        options.run(options, environ)


def _migrate(options: argparse.Namespace, environ: Mapping[str, str]) -> None:
    if not environ.get("CLICKHOUSE_DSN"):
        raise ValueError("CLICKHOUSE_DSN must name a ClickHouse, and is not set")
    settings = _settings(environ)
    if options.retention_days is not None:
        settings = replace(settings, retention_days=options.retention_days)
    with locked(settings):
        migrated = migrate(settings)
    new = "new " if migrated.created else ""
    others = f" (other databases here: {', '.join(migrated.others)})" if migrated.others else ""
    _say(
        f"{new}database {settings.clickhouse_database} is up to date{others}; "
        f"profiles are retained {retention.in_words(migrated.retention_days)}"
    )


def _show(_options: argparse.Namespace, environ: Mapping[str, str]) -> None:
    settings = _existing(environ)
    with locked(settings), retention.opened(settings) as client:
        days = retention.recorded(client).days
    _say(f"database {settings.clickhouse_database} retains profiles {retention.in_words(days)}")


def _set(options: argparse.Namespace, environ: Mapping[str, str]) -> None:
    settings = _existing(environ)
    days = retention.days_of(options.retention)
    with locked(settings), retention.opened(settings) as client:
        state = retention.recorded(client)
        if retention.is_shorter(days, state.days):
            _confirm(options, retention.expired_under(client, days), days)
        retention.apply(client, state.number, days)
    _say(
        f"database {settings.clickhouse_database} retains profiles {retention.in_words(days)} "
        f"(before: {retention.in_words(state.days)})"
    )


def _confirm(options: argparse.Namespace, expired: retention.Expired, days: int) -> None:
    """Say what is deleted; OperatorError unless --yes was given."""
    since = f", the oldest of {expired.oldest}" if expired.oldest else ""
    text = f"{expired.profiles:,} profiles, {_size(expired.bytes)} on disk{since}"
    if not options.yes:
        raise OperatorError(
            f"a retention of {days} days deletes {text}; to delete them, "
            f"run: flamehouse retention set {retention.as_argument(days)} --yes"
        )
    _say(f"ClickHouse deletes {text}")


def _size(count: float) -> str:
    unit = 0
    while count >= 1_000 and unit < len(_UNITS) - 1:
        count, unit = count / 1_000, unit + 1
    return f"{count:.3g} {_UNITS[unit]}" if unit else f"{count:.0f} bytes"


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="flamehouse")
    commands = parser.add_subparsers(required=True, metavar="command")
    command = commands.add_parser("migrate", help="create or upgrade the database that CLICKHOUSE_DSN names")
    command.set_defaults(run=_migrate)
    command.add_argument(
        "--retention-days",
        type=int,
        help="how long a new database retains profiles, or longer than it does; 0 is for ever (RETENTION_DAYS)",
    )
    command = commands.add_parser("retention", help="how long the database retains profiles")
    verbs = command.add_subparsers(required=True, metavar="verb")
    verbs.add_parser("show", help="print it").set_defaults(run=_show)
    command = verbs.add_parser("set", help="change it")
    command.set_defaults(run=_set)
    command.add_argument("retention", help="30d, or forever")
    command.add_argument(
        "--yes", action="store_true", help="delete what a shorter retention no longer covers"
    )
    return parser


def _settings(environ: Mapping[str, str]) -> Settings:
    dsn = environ.get("CLICKHOUSE_DSN") or f"chdb://{environ.get('DATA_DIR') or './data'}"
    # The DSN's user may create tables; that of the secret, which the functions use, may not.
    return Settings.from_env({**environ, "CLICKHOUSE_DSN": dsn, "CLICKHOUSE_SECRET_ARN": ""})


def _existing(environ: Mapping[str, str]) -> Settings:
    """The settings, whose data folder must exist: opening an embedded ClickHouse would create it."""
    settings = _settings(environ)
    folder: Path | None = data_folder(settings)
    if folder is not None and not folder.is_dir():
        raise OperatorError(f"there is no data folder {folder}; DATA_DIR or CLICKHOUSE_DSN names another")
    return settings


if __name__ == "__main__":
    main()
