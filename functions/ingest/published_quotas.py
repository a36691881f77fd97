"""The limits of tenants as a blob: the worker reads them from ClickHouse for functions that must not wake it."""

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
    """Replace the published quotas if they are a minute old; the first blob is written once a tenant has a limit.

    A failure is not raised, as the uploads are stored; the code that fails logs it.
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
    """Return the published quotas; empty if the worker has published none. Raises RpcError if they are unreadable."""
    found = services.blobs.get(QUOTAS)
    try:
        return Quotas.parse(found.content) if found else Quotas()
    except ValueError as error:
        raise RpcError(Code.UNAVAILABLE, f"invalid {QUOTAS}: {error}") from error
