"""Settings for commands that work on a database."""

import os
from collections.abc import Mapping

from flamehouse.errors import OperatorError
from flamehouse.settings import Settings
from flamehouse.store.connection.data_folder import data_folder, local_environ


def database_settings(environ: Mapping[str, str] = os.environ) -> Settings:
    """Return the settings from the environment, with a database user that may create tables.

    The database is that of CLICKHOUSE_DSN, DATA_DIR or ./data.

    Raises: ValueError for an invalid setting.
    """
    # The secret is for the functions' user, which may not create tables.
    return Settings.from_env({**local_environ(environ), "CLICKHOUSE_SECRET_ARN": ""})


def existing_database(environ: Mapping[str, str] = os.environ) -> Settings:
    """Return the same settings, but only for an existing data folder: opening an embedded ClickHouse would create it.

    Raises: OperatorError if the folder does not exist.
    """
    settings = database_settings(environ)
    folder = data_folder(settings)
    if folder is not None and not folder.is_dir():
        raise OperatorError(f"no data folder {folder}: set DATA_DIR or CLICKHOUSE_DSN")
    return settings
