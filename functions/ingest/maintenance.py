"""Maintenance at the times of MaintainSchedule: makes the roll-ups of hours that have ended."""

from contextlib import closing
from typing import Final

from flamehouse.deadline import time_left
from flamehouse.serverless.schedule_handler import schedule_handler
from flamehouse.services import Services
from flamehouse.store.maintenance import maintain, maintenance_client
from flamehouse.telemetry import events
from flamehouse.telemetry.log import log

_MOST_S: Final = 840.0
_STATEMENT_S: Final = 60.0
"""The time that the statement under way at the end may need."""


def maintain_database(services: Services) -> None:
    """Make roll-ups for as long as the invocation has time; the next one goes on from there.

    Deletes nothing that tenants retain no longer: no function may delete profiles.
    """
    with closing(maintenance_client(services.settings)) as clickhouse:
        done = maintain(clickhouse, max(time_left(_MOST_S) - _STATEMENT_S, 0), deletes=False)
    log(events.MAINTAINED, done=done)


handler = schedule_handler(maintain_database)
