"""The command `flamehouse`: what an operator does to a database.

    CLICKHOUSE_DSN=https://user:password@host:8443 flamehouse migrate --retention-days 30

The environment holds the settings of `flamehouse.settings`.
"""

import argparse
import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace

from flamehouse.settings import Settings
from flamehouse.store.connection.errors import told_to_operators
from flamehouse.store.schema.migrate import migrate


def main(arguments: Sequence[str] | None = None, environ: Mapping[str, str] = os.environ) -> None:
    """Carry out one command; SystemExit with one line where it cannot be."""
    options = _parser().parse_args(arguments)
    with told_to_operators():
        settings = _settings(environ, options.retention_days)
        migrate(settings)
    kept = f"for {settings.retention_days} days" if settings.retention_days else "for ever"
    sys.stdout.write(f"database {settings.clickhouse_database} is up to date; profiles are kept {kept}\n")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="flamehouse")
    commands = parser.add_subparsers(required=True, metavar="command")
    command = commands.add_parser("migrate", help="make or upgrade the database that CLICKHOUSE_DSN names")
    command.add_argument(
        "--retention-days",
        type=int,
        help="how long profiles are kept; 0 keeps them for ever (RETENTION_DAYS, or 30)",
    )
    return parser


def _settings(environ: Mapping[str, str], retention_days: int | None) -> Settings:
    if not environ.get("CLICKHOUSE_DSN"):
        raise ValueError("CLICKHOUSE_DSN must name a ClickHouse, and is not set")
    settings = Settings.from_env(environ)
    if retention_days is None:
        retention_days = settings.retention_days
    # The DSN's user may make tables; the secret's, whom the functions ask as, may not.
    return replace(settings, retention_days=retention_days, clickhouse_secret_arn="")


if __name__ == "__main__":
    main()
