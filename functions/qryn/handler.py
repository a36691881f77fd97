"""The function that stores rows of qryn's collector, at the times of QrynInputSchedule.

Several invocations at the same time store each row once, as several local servers do.
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
"""What the last rows of a step may take after its end."""


def store_rows(services: Services) -> None:
    """Store the rows that wait, or as many as there is time for.

    Raises:
        OperatorError: without the tables of `flamehouse migrate --qryn-input`.
        ClickHouseError: if the database fails. The rows stay.
    """
    try:
        _input_of(services).step(time_left(_STEP_S + _SPARE_S) - _SPARE_S)
    except (ClickHouseError, OperatorError, RpcError, OSError) as error:
        log(events.QRYN_INPUT_FAILED, reason=_reason_of(error))
        raise


@lru_cache(maxsize=1)
def _input_of(services: Services) -> Input:
    """The input, which counts the attempts at each row as long as the process lives."""
    input_ = input_of(services)
    if input_ is None:
        raise OperatorError("the database has no table qryn_rows: run flamehouse migrate --qryn-input")
    return input_


def _reason_of(error: Exception) -> str:
    return str(error) if isinstance(error, OperatorError) else type(error).__name__


handler = schedule_handler(store_rows)
