"""The limits of tenants as a blob: the worker, which reaches ClickHouse, publishes them for functions that may not."""

import time
from typing import Final

from flamehouse.blobs.keys import QUOTAS
from flamehouse.errors import Code, RpcError
from flamehouse.model.quotas import Quotas
from flamehouse.services import Services
from flamehouse.settings import DIRECT
from flamehouse.units import NS_PER_S

_EVERY_NS: Final = 60 * NS_PER_S


def publish(services: Services) -> None:
    """Replace the published quotas if they are a minute old; publish none while no tenant has a limit.

    A failure is logged by what fails, and not raised: the uploads are stored.
    """
    if services.settings.ingest_mode == DIRECT:
        return
    try:
        found = services.blobs.head(QUOTAS)
        if found is not None and time.time_ns() - found.modified_ns < _EVERY_NS:
            return
        quotas = services.store.quotas()
        if quotas.limits or found is not None:
            services.blobs.put(QUOTAS, quotas.serialize())
    except RpcError:
        return


def published(services: Services) -> Quotas:
    """Return the published quotas; none before the worker's first batch. Raises RpcError if they cannot be read."""
    found = services.blobs.get(QUOTAS)
    try:
        return Quotas.parse(found.content) if found else Quotas()
    except ValueError as error:
        raise RpcError(Code.UNAVAILABLE, f"invalid {QUOTAS}: {error}") from error
