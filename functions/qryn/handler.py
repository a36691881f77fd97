"""The Lambda function that stores the rows of qryn's collector, on the schedule QrynInputSchedule.

Concurrent invocations store each row once, as do several local servers.
"""

from functools import lru_cache
from typing import Final

from clickhouse_connect.driver.exceptions import ClickHouseError

from flamehouse.deadline import time_left
from flamehouse.errors import OperatorError, RpcError
from flamehouse.serverless.schedule_handler import schedule_handler
from flamehouse.services import Services
from flamehouse.telemetry import events
from flamehouse.telemetry.log import log
from qryn.input import Input, input_of

_STEP_S: Final = 240.0
_SPARE_S: Final = 30.0
"""How long the last rows of a step may run past its end."""


def store_rows(services: Services) -> None:
    """Store the waiting rows, or as many as time allows.

    Raises:
        OperatorError: if the database lacks the tables of `flamehouse migrate --qryn-input`.
        ClickHouseError: if the database fails; the rows remain.
    """
    try:
        _input_of(services).step(time_left(_STEP_S + _SPARE_S) - _SPARE_S)
    except (ClickHouseError, OperatorError, RpcError, OSError) as error:
        log(events.QRYN_INPUT_FAILED, reason=_reason_of(error))
        raise


@lru_cache(maxsize=1)
def _input_of(services: Services) -> Input:
    """Return the input; cached, as it counts the attempts at each row for the life of the process."""
    input_ = input_of(services)
    if input_ is None:
        raise OperatorError("the database has no table qryn_rows: run flamehouse migrate --qryn-input")
    return input_


def _reason_of(error: Exception) -> str:
    return str(error) if isinstance(error, OperatorError) else type(error).__name__


handler = schedule_handler(store_rows)
