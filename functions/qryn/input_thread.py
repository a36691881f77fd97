"""The thread of the local server that stores what qryn's collector inserts."""

from functools import partial
from typing import Final

from clickhouse_connect.driver.exceptions import ClickHouseError

from flamehouse.errors import OperatorError, RpcError
from flamehouse.identity.tenant import is_tenant
from flamehouse.services import Services
from flamehouse.step_thread import StepThread
from flamehouse.store.connection.client import uses_embedded
from flamehouse.store.maintenance import maintenance_client
from flamehouse.telemetry import events
from flamehouse.telemetry.log import log
from qryn.input import Input
from qryn.input_tables import has_input_tables

_STEP_S: Final = 5
_PAUSE_S: Final = 1
_FAILED_PAUSE_S: Final = 10


def open_input(services: Services) -> StepThread | None:
    """Return the thread, with its own database clients; None if the database has no tables for qryn's collector.

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
    return StepThread("qryn-input", partial(_run_step, input_), clickhouse.close)


def _run_step(input_: Input) -> float:
    """Store rows for one step; return the pause before the next one, in seconds."""
    try:
        input_.step(_STEP_S)
    except (ClickHouseError, RpcError, OSError) as error:
        log(events.QRYN_INPUT_FAILED, reason=type(error).__name__)
        return _FAILED_PAUSE_S
    return _PAUSE_S
