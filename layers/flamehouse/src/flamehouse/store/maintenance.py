"""Maintains a database: carries over old profiles, makes roll-ups, and deletes profiles that tenants no longer retain.

Work proceeds in steps of limited duration, and a step may be killed at any point.
"""

import time
from dataclasses import replace
from functools import partial
from time import monotonic
from typing import Final

from clickhouse_connect.driver.exceptions import ClickHouseError

from flamehouse.settings import Settings
from flamehouse.step_thread import StepThread
from flamehouse.store.connection.client import ClickHouse
from flamehouse.store.schema.carry_over import CarryOver
from flamehouse.store.tenant_retention import every_retention, expire
from flamehouse.store.write.rollups import Rollups
from flamehouse.telemetry import events
from flamehouse.telemetry.log import log

_STEP_S: Final = 5
_PAUSE_S: Final = 1
"""The pause between steps while there is work."""
_IDLE_S: Final = 60
"""The pause between steps otherwise."""
_STATEMENT_S: Final = 600
_EXPIRE_S: Final = 3_600
"""The time between deletions of profiles that tenants no longer retain."""


def open_maintenance(settings: Settings) -> tuple[CarryOver, StepThread]:
    """The carry-over, through which queries read profiles in an older layout, and the maintenance thread.

    The thread has its own clients, so the thread and queries never wait for each other.
    """
    clickhouse = maintenance_client(settings)
    carry_over = CarryOver(clickhouse)
    carry_over.begin()
    step = partial(_run_step, Maintenance(clickhouse, carry_over))
    return carry_over, StepThread("maintenance", step, clickhouse.close)


def maintenance_client(settings: Settings) -> ClickHouse:
    """The database in `settings`, with a long time limit for background statements."""
    return ClickHouse(replace(settings, query_timeout_s=_STATEMENT_S))


class Maintenance:
    """The maintenance of one database, step by step.

    `deletes`: whether it deletes profiles that tenants no longer retain, which needs a right that other work does not.
    """

    def __init__(
        self, clickhouse: ClickHouse, carry_over: CarryOver | None = None, *, deletes: bool = True
    ) -> None:
        self._clickhouse = clickhouse
        self._carry_over = carry_over or CarryOver(clickhouse)
        self._rollups = Rollups(clickhouse)
        self._expire_at = float("-inf") if deletes else float("inf")

    def step(self, seconds: float) -> bool:
        """Work for about `seconds`; return whether all work is done for now. Deletions may take longer."""
        if not (self._carry_over.step(seconds) and self._rollups.step(seconds)):
            return False
        # Last, so that roll-ups are made even if the user may not delete.
        if monotonic() >= self._expire_at:
            self._expire_at = monotonic() + _EXPIRE_S
            expire(self._clickhouse, every_retention(self._clickhouse), time.time())
        return True


def maintain(clickhouse: ClickHouse, seconds: float, *, deletes: bool = True) -> bool:
    """Work for about `seconds`, for a command or a schedule; return whether all work is done for now."""
    until = monotonic() + seconds
    maintenance = Maintenance(clickhouse, deletes=deletes)
    while not (done := maintenance.step(until - monotonic())) and monotonic() < until:
        pass
    return done


def _run_step(maintenance: Maintenance) -> float:
    """Work for one step; return the pause before the next one, in seconds."""
    try:
        return _IDLE_S if maintenance.step(_STEP_S) else _PAUSE_S
    except (ClickHouseError, OSError) as error:
        log(events.MAINTENANCE_FAILED, reason=type(error).__name__)
        return _IDLE_S
