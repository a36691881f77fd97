"""The command `flamehouse`: what an operator does to a database.

    CLICKHOUSE_DSN=https://user:password@host:8443 flamehouse migrate --retention-days 30

The environment holds the settings of `flamehouse.settings`.
"""

import argparse
import logging
import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Final
from urllib.parse import urlsplit

from clickhouse_connect.driver.exceptions import ClickHouseError

from flamehouse.settings import Settings
from flamehouse.store.migrate import migrate

_SCHEMES: Final = ("https", "http", "chdb")


def main(arguments: Sequence[str] | None = None, environ: Mapping[str, str] = os.environ) -> None:
    """Carry out one command; SystemExit with one line where it cannot be."""
    options = _parser().parse_args(arguments)
    # It logs with a stack trace what it raises as well.
    logging.getLogger("clickhouse_connect").setLevel(logging.CRITICAL)
    try:
        settings = _settings(environ, options.retention_days)
        migrate(settings)
    except (ValueError, RuntimeError) as error:
        raise SystemExit(f"flamehouse: {error}") from error
    except ClickHouseError as error:
        raise SystemExit(f"flamehouse: ClickHouse: {_reason(error)}") from error
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
    if urlsplit(environ.get("CLICKHOUSE_DSN", "")).scheme not in _SCHEMES:
        raise ValueError("CLICKHOUSE_DSN must name a ClickHouse: https://user:password@host:8443")
    settings = Settings.from_env(environ)
    if retention_days is None:
        retention_days = settings.retention_days
    if retention_days < 0:
        raise ValueError(f"a retention of {retention_days} days is none: 0 keeps profiles for ever")
    # The DSN's user may make tables; the secret's, whom the functions ask as, may not.
    return replace(settings, retention_days=retention_days, clickhouse_secret_arn="")


def _reason(error: ClickHouseError) -> str:
    """What went wrong, in a line: of a connection, the last attempt's own words."""
    cause = error.__cause__ or error
    return str(getattr(cause, "reason", cause)).partition("\n")[0]


if __name__ == "__main__":
    main()
