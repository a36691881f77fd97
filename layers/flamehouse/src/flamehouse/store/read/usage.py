"""What each tenant and service sends and stores: uploads, profiles, series, samples and bytes."""

from collections.abc import Sequence
from typing import Final

from flamehouse.identity.tenant import Tenants
from flamehouse.model.usage import Usage
from flamehouse.store.read.reader import Reader
from flamehouse.store.read.tenants import TenantRows
from flamehouse.store.sql import SqlFile

_SQL: Final = SqlFile(__file__)


def usage(reader: Reader, tenants: Tenants, since_s: int) -> Sequence[Usage]:
    """The usage by profiles at `since_s` (Unix time) or later, largest first; of all tenants if `tenants` is empty."""
    rows = TenantRows.of(tenants) if tenants else None
    sql = _SQL("usage", tenants=rows.sql if rows else "true")
    found = reader.rows(sql, {**(rows.parameters if rows else {}), "since": since_s})
    every = sum(samples for *_, samples, _, _ in found)
    return [
        Usage(
            tenant=tenant,
            service=service,
            uploads=uploads,
            profiles=profiles,
            series=series,
            samples=samples,
            bytes=stored,
            bytes_sent=sent,
            share=round(samples / every, 6),
        )
        for tenant, service, uploads, profiles, series, samples, stored, sent in found
    ]
