"""What the commands on a database share: the settings that name it."""

import os
from collections.abc import Mapping

from flamehouse.errors import OperatorError
from flamehouse.settings import Settings
from flamehouse.store.connection.data_folder import data_folder


def database_settings(environ: Mapping[str, str] = os.environ) -> Settings:
    """The settings of the environment, for a user that may create tables: CLICKHOUSE_DSN, or DATA_DIR, or ./data.

    Raises: ValueError for an invalid setting.
    """
    dsn = environ.get("CLICKHOUSE_DSN") or f"chdb://{environ.get('DATA_DIR') or './data'}"
    # The secret's user, which the functions use, may not create tables.
    return Settings.from_env({**environ, "CLICKHOUSE_DSN": dsn, "CLICKHOUSE_SECRET_ARN": ""})


def existing_database(environ: Mapping[str, str] = os.environ) -> Settings:
    """The settings as above, of a data folder that exists: opening an embedded ClickHouse would create it.

    Raises: OperatorError if there is no such folder.
    """
    settings = database_settings(environ)
    folder = data_folder(settings)
    if folder is not None and not folder.is_dir():
        raise OperatorError(f"there is no data folder {folder}; DATA_DIR or CLICKHOUSE_DSN names another")
    return settings
