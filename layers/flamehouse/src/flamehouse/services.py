"""What a request handler works with; built once per process, on the first request."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Final

from flamehouse.aws.objects import ObjectStorage
from flamehouse.blobs import blobs_of
from flamehouse.circuit import Circuit
from flamehouse.settings import DIRECT, STAGED, Settings
from flamehouse.store import Store

_DAY_S: Final = 86_400


def nothing() -> None:
    """The check of a process that is ready once it runs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Services:
    """The settings and the store of this process. An app carries `app.state.services`, a callable that returns it.

    `check` is what has to return before the process calls itself ready; RpcError says why it is not. On AWS it is
    nothing: /ready is open to everyone there, and asking ClickHouse Cloud would wake it at a price.
    """

    settings: Settings
    store: Store
    check: Callable[[], None] = nothing
    circuit: Circuit = field(default_factory=Circuit)
    """Whether ClickHouse took the last uploads, where there is another way to acknowledge one."""

    def of_tenant(self, tenant: str) -> "Services":
        """These services, with the label rules of a tenant in the settings.

        Where every upload is staged ClickHouse is not queried for limits, as that would wake it.
        """
        if self.settings.ingest_mode == STAGED or not (rules := self.store.limits_of(tenant).label_rules):
            return self
        return replace(self, settings=_with_label_rules(self.settings, rules))

    @property
    def blobs(self) -> ObjectStorage:
        """The storage of blobs. RpcError if this deployment has none."""
        return blobs_of(self.settings)

    @property
    def ingest_past_s(self) -> int:
        """How far back a profile's time may lie, in seconds; 0 is no limit. RpcError if ClickHouse must be read, and fails.

        Where uploads are staged ClickHouse may be asleep, so RETENTION_DAYS counts if it is set.
        """
        expected = self.settings.retention_days
        if (
            self.settings.ingest_mode != DIRECT
            and self.settings.ingest_window_past_s < 0
            and expected is not None
        ):
            return expected * _DAY_S
        return self._or_retention(self.settings.ingest_window_past_s)

    @property
    def query_length_s(self) -> int:
        """The longest range of one query, in seconds; 0 is no limit. RpcError as above."""
        return self._or_retention(self.settings.max_query_length_s)

    @property
    def query_lookback_s(self) -> int:
        """How far back a query may reach, in seconds; 0 is no limit. RpcError as above."""
        return self._or_retention(self.settings.max_query_lookback_s)

    @property
    def adhoc_retention_s(self) -> int:
        """How long ad hoc profiles are retained, in seconds; 0 is for ever.

        RETENTION_DAYS holds if it is set, as on AWS, where the function of ad hoc profiles cannot reach ClickHouse.
        """
        expected = self.settings.retention_days
        return (self.store.retention_days() if expected is None else expected) * _DAY_S

    def _or_retention(self, seconds: int) -> int:
        return self.store.retention_days() * _DAY_S if seconds < 0 else seconds


@lru_cache(maxsize=256)
def _with_label_rules(settings: Settings, rules: str) -> Settings:
    """The settings with rules that change theirs."""
    return replace(settings, label_rules=f"{settings.label_rules},{rules}")
