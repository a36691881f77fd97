"""The thread of the local server that stores what qryn's collector inserts."""

from collections.abc import Callable
from threading import Event, Thread
from typing import Final

from clickhouse_connect.driver.exceptions import ClickHouseError

from flamehouse.errors import OperatorError, RpcError
from flamehouse.identity.tenant import is_tenant
from flamehouse.services import Services
from flamehouse.store.connection.client import uses_embedded
from flamehouse.store.maintenance import maintenance_client
from flamehouse.telemetry import events
from flamehouse.telemetry.log import log
from qryn.input import Input
from qryn.input_tables import has_input_tables

_STEP_S: Final = 5
_PAUSE_S: Final = 1
_FAILED_PAUSE_S: Final = 10
_STOP_S: Final = 30


class InputThread:
    """Runs steps until `stop`, one after another while there are rows; then calls `close`."""

    def __init__(self, input_: Input, close: Callable[[], object]) -> None:
        self._input = input_
        self._close = close
        self._stopping = Event()
        self._thread = Thread(target=self._run, name="qryn-input", daemon=True)

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
                self._input.step(_STEP_S)
                pause = _PAUSE_S
            except (ClickHouseError, RpcError, OSError) as error:
                log(events.QRYN_INPUT_FAILED, reason=type(error).__name__)
                pause = _FAILED_PAUSE_S


def open_input(services: Services) -> InputThread | None:
    """The thread, with database clients of its own; None if the database has no tables for qryn's collector.

    Raises: OperatorError for an invalid QRYN_INPUT_TENANT, ClickHouseError if the database fails.
    """
    settings = services.settings
    if uses_embedded(settings):
        return None
    tenant = settings.qryn_input_tenant
    if not is_tenant(tenant):
        raise OperatorError(f"invalid QRYN_INPUT_TENANT {tenant!r}: use letters, digits and !-_.*'()")
    clickhouse = maintenance_client(settings)
    if not has_input_tables(clickhouse):
        clickhouse.close()
        return None
    input_ = Input(clickhouse=clickhouse, services=services, tenant=tenant)
    return InputThread(input_, clickhouse.close)
