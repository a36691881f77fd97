"""Maintains a database: carries over old profiles and makes roll-ups. Query results never change.

Work proceeds in steps of limited duration, and a step may be killed at any point.
"""

from collections.abc import Callable
from dataclasses import replace
from threading import Event, Thread
from time import monotonic
from typing import Final

from clickhouse_connect.driver.exceptions import ClickHouseError

from flamehouse.settings import Settings
from flamehouse.store.connection.client import ClickHouse
from flamehouse.store.schema.carry_over import CarryOver
from flamehouse.store.write.rollups import Rollups
from flamehouse.telemetry import events
from flamehouse.telemetry.log import log

_STEP_S: Final = 5
_PAUSE_S: Final = 1
"""Between steps while there is work."""
_IDLE_S: Final = 60
"""Between steps otherwise."""
_STOP_S: Final = 30
_STATEMENT_S: Final = 600


def open_maintenance(settings: Settings) -> tuple[CarryOver, "MaintenanceThread"]:
    """The carry-over, through which queries read profiles in an older layout, and the maintenance thread.

    The thread has its own clients, so it and the queries never wait for each other.
    """
    clickhouse = maintenance_client(settings)
    carry_over = CarryOver(clickhouse)
    carry_over.begin()
    return carry_over, MaintenanceThread(Maintenance(clickhouse, carry_over), clickhouse.close)


def maintenance_client(settings: Settings) -> ClickHouse:
    """The database that `settings` name, with a long time limit for background statements."""
    return ClickHouse(replace(settings, query_timeout_s=_STATEMENT_S))


class Maintenance:
    """The maintenance of one database, step by step."""

    def __init__(self, clickhouse: ClickHouse, carry_over: CarryOver | None = None) -> None:
        self._carry_over = carry_over or CarryOver(clickhouse)
        self._rollups = Rollups(clickhouse)

    def step(self, seconds: float) -> bool:
        """Work for about `seconds`; return whether all work is done for now."""
        return self._carry_over.step(seconds) and self._rollups.step(seconds)


def maintain(clickhouse: ClickHouse, seconds: float) -> bool:
    """Work for about `seconds`, for a command or a schedule; return whether all work is done for now."""
    until = monotonic() + seconds
    maintenance = Maintenance(clickhouse)
    while not (done := maintenance.step(until - monotonic())) and monotonic() < until:
        pass
    return done


class MaintenanceThread:
    """Runs steps in its own thread until `stop`, more often while there is work; then calls `close`."""

    def __init__(self, maintenance: Maintenance, close: Callable[[], object]) -> None:
        self._maintenance = maintenance
        self._close = close
        self._stopping = Event()
        self._thread = Thread(target=self._run, name="maintenance", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Wait for the current step to end, at most 30 seconds."""
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join(_STOP_S)
        if not self._thread.is_alive():
            self._close()

    def _run(self) -> None:
        pause: float = _PAUSE_S
        while not self._stopping.wait(pause):
            try:
                pause = _IDLE_S if self._maintenance.step(_STEP_S) else _PAUSE_S
            except (ClickHouseError, OSError) as error:
                log(events.MAINTENANCE_FAILED, reason=type(error).__name__)
                pause = _IDLE_S
