"""Objects that the handlers of one Lambda process share, each created at the first event that needs it."""

import os
from functools import cache

from flamehouse.services import Services
from flamehouse.settings import Settings
from flamehouse.store.clickhouse_store import open_store
from flamehouse.telemetry.on_lambda import Telemetry


@cache
def services() -> Services:
    """Return the services that the environment configures. Raises ValueError for an invalid environment."""
    settings = Settings.from_env(os.environ)
    return Services(settings=settings, store=open_store(settings))


@cache
def telemetry() -> Telemetry:
    """Return the logger and metrics of this process."""
    return Telemetry()
