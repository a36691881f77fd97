"""The local server's thread that stores what qryn's collector inserts."""

from functools import partial
from typing import Final

from clickhouse_connect.driver.exceptions import ClickHouseError

from flamehouse.errors import RpcError
from flamehouse.services import Services
from flamehouse.step_thread import StepThread
from flamehouse.store.connection.client import uses_embedded
from flamehouse.telemetry import events
from flamehouse.telemetry.log import log
from qryn.input import Input, input_of

_STEP_S: Final = 5
_PAUSE_S: Final = 1
_FAILED_PAUSE_S: Final = 10


def open_input(services: Services) -> StepThread | None:
    """Return the thread, with its own database clients; None if the database has no tables for qryn's collector.

    Raises: OperatorError for an invalid QRYN_INPUT_TENANT, ClickHouseError if the database fails.
    """
    input_ = None if uses_embedded(services.settings) else input_of(services)
    if input_ is None:
        return None
    return StepThread("qryn-input", partial(_run_step, input_), input_.clickhouse.close)


def _run_step(input_: Input) -> float:
    """Run one step; return the pause before the next one, in seconds."""
    try:
        input_.step(_STEP_S)
    except (ClickHouseError, RpcError, OSError) as error:
        log(events.QRYN_INPUT_FAILED, reason=type(error).__name__)
        return _FAILED_PAUSE_S
    return _PAUSE_S
