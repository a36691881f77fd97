"""Maintenance at the times of MaintainSchedule: makes roll-ups, and deletes profiles past their tenant's retention."""

from contextlib import closing
from typing import Final

from flamehouse.deadline import time_left
from flamehouse.serverless.schedule_handler import schedule_handler
from flamehouse.services import Services
from flamehouse.store.maintenance import maintain, maintenance_client
from flamehouse.store.tenant_retention import may_expire
from flamehouse.telemetry import events
from flamehouse.telemetry.log import log

_MOST_S: Final = 840.0
_STATEMENT_S: Final = 60.0
"""The time reserved for the last statement to finish."""


def maintain_database(services: Services) -> None:
    """Make roll-ups for as long as the invocation has time; the next invocation continues from there.

    Deletes profiles past their tenant's retention if the function's user may do so (ClickHouseMaintainSecretArn).
    """
    with closing(maintenance_client(services.settings)) as clickhouse:
        seconds = max(time_left(_MOST_S) - _STATEMENT_S, 0)
        done = maintain(clickhouse, seconds, deletes=may_expire(clickhouse))
    log(events.MAINTAINED, done=done)


handler = schedule_handler(maintain_database)
