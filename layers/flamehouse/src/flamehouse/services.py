"""The objects that request handlers work with; built once per process."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import TYPE_CHECKING

from flamehouse.circuit import Circuit
from flamehouse.query_queue import QueryQueue, large_upload_queue, upload_queue
from flamehouse.settings import DIRECT, Settings
from flamehouse.store import Store
from flamehouse.units import S_PER_DAY

if TYPE_CHECKING:
    from flamehouse.aws.objects import ObjectStorage


_SMALL_UPLOAD_BYTES = 1 << 20


def nothing() -> None:
    """The readiness check of a process that is ready as soon as it runs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Services:
    """The settings and the store of this process.

    `app.state.services` is a callable that returns them without blocking.

    `check` returns if the process is ready, and otherwise raises RpcError with the reason. On AWS it does nothing:
    /ready needs no credential there, and a query would wake ClickHouse Cloud, which costs money.
    """

    settings: Settings
    store: Store
    check: Callable[[], None] = nothing
    circuit: Circuit = field(default_factory=Circuit)
    """Whether ClickHouse stored the last uploads, for deployments that can acknowledge them without it."""
    queries: QueryQueue = field(default_factory=QueryQueue)
    uploads: QueryQueue = field(default_factory=upload_queue)
    large_uploads: QueryQueue = field(default_factory=large_upload_queue)
    refusal_delay_s: float = 0
    """The delay of a response to a request over a limit; 0 on AWS, where a waiting function costs money."""

    def uploads_of(self, size: int) -> QueryQueue:
        """Return the queue for uploads of `size` bytes as sent; small uploads never wait for places of large ones."""
        return self.uploads if size <= _SMALL_UPLOAD_BYTES else self.large_uploads

    def of_tenant(self, tenant: str) -> "Services":
        """Return these services, with the tenant's label rules added to the settings."""
        if not (rules := self.store.limits_of(tenant).label_rules):
            return self
        return replace(self, settings=_with_label_rules(self.settings, rules))

    @property
    def blobs(self) -> "ObjectStorage":
        """The storage of blobs. Raises RpcError if this deployment has none."""
        from flamehouse.blobs import blobs_of  # noqa: PLC0415  # queries need no objects

        return blobs_of(self.settings)

    @property
    def ingest_past_s(self) -> int:
        """How far back a profile's time may lie, in seconds; 0 means no limit. Raises RpcError if ClickHouse fails.

        If uploads are staged, ClickHouse may be asleep, so RETENTION_DAYS applies if it is set.
        """
        expected = self.settings.retention_days
        if (
            self.settings.ingest_mode != DIRECT
            and self.settings.ingest_window_past_s < 0
            and expected is not None
        ):
            return expected * S_PER_DAY
        return self._or_retention(self.settings.ingest_window_past_s)

    @property
    def query_length_s(self) -> int:
        """The longest range of one query, in seconds; 0 means no limit. Raises RpcError if ClickHouse fails."""
        return self._or_retention(self.settings.max_query_length_s)

    @property
    def query_lookback_s(self) -> int:
        """How far back a query may reach, in seconds; 0 means no limit. Raises RpcError if ClickHouse fails."""
        return self._or_retention(self.settings.max_query_lookback_s)

    @property
    def adhoc_retention_s(self) -> int:
        """How long ad hoc profiles are retained, in seconds; 0 means forever.

        RETENTION_DAYS applies if it is set, as on AWS, where the function for ad hoc profiles cannot reach
        ClickHouse.
        """
        expected = self.settings.retention_days
        return (self.store.retention_days() if expected is None else expected) * S_PER_DAY

    def _or_retention(self, seconds: int) -> int:
        return self.store.retention_days() * S_PER_DAY if seconds < 0 else seconds


@lru_cache(maxsize=256)
def _with_label_rules(settings: Settings, rules: str) -> Settings:
    """Return the settings with `rules` applied on top of their own."""
    return replace(settings, label_rules=f"{settings.label_rules},{rules}")
