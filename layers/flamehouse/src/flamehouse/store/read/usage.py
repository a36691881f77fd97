"""The usage of each tenant and service: uploads, profiles, series, samples and bytes."""

from dataclasses import dataclass
from typing import Final

from flamehouse.store.read.reader import Reader
from flamehouse.store.sql import SqlFile

_SQL: Final = SqlFile(__file__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """The usage of a tenant's service.

    `bytes` on disk are an estimate: its share of the profiles' bytes, by samples.
    """

    tenant: str
    service: str
    uploads: int
    profiles: int
    series: int
    samples: int
    bytes: int


def usage_since(reader: Reader, since_s: int) -> list[Usage]:
    """Return the usage by profiles whose time is `since_s` (Unix time) or later, the largest first."""
    return [
        Usage(
            tenant=tenant,
            service=service,
            uploads=uploads,
            profiles=profiles,
            series=series,
            samples=samples,
            bytes=size,
        )
        for tenant, service, uploads, profiles, series, samples, size in reader.rows(
            _SQL("usage"), {"since": since_s}
        )
    ]
