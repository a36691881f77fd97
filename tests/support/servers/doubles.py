"""Doubles below and above the code under test: a store, a database and Lambda's context."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from flamehouse.identity.tenant import Tenants
from flamehouse.model.analysis import Analysis
from flamehouse.model.call_tree import NO_TREE, CutTree, StacktraceQuery
from flamehouse.model.diff_tree import NO_DIFF, DiffTree
from flamehouse.model.heatmap import Heatmap, HeatmapQuery
from flamehouse.model.label_sets import LabelSetsQuery
from flamehouse.model.labels import LabelSet
from flamehouse.model.limits import Limits
from flamehouse.model.merged_profile import NO_PROFILE, MergedProfile
from flamehouse.model.profile import Upload
from flamehouse.model.profile_query import ProfileQuery
from flamehouse.model.quotas import Quotas
from flamehouse.model.selector import Matcher
from flamehouse.model.series import SeriesQuery, SeriesResult
from flamehouse.model.time_range import TimeRange
from flamehouse.model.usage import Usage
from flamehouse.store import Record
from flamehouse.store.clickhouse_store import ClickHouseStore
from flamehouse.store.connection.client import ClickHouse, Parameters, ServerSettings

AUTHORIZED = {
    "lambda": {"tenants": ["*"], "scopes": ["admin", "ingest", "query"], "credential_id": "0123456789"}
}
"""The authorizer context in the gateway's event, for a credential with every right."""
_NO_ANALYSIS = Analysis()
_NO_HEATMAP = Heatmap(y_min=(), series=())


@dataclass(kw_only=True)
class CannedStore(ClickHouseStore):
    """A store that returns prepared results and records each call as (method, *arguments)."""

    type_ids: Sequence[str] = ()
    names: Sequence[str] = ()
    values: Sequence[str] = ()
    sets: Sequence[LabelSet] = ()
    series: Sequence[SeriesResult] = ()
    times: TimeRange | None = None
    analysis: Analysis = _NO_ANALYSIS
    heatmap: Heatmap = _NO_HEATMAP
    tree: CutTree = NO_TREE
    retention: int = 30
    calls: list[tuple[Any, ...]] = field(default_factory=list)

    def limits_of(self, tenant: str) -> Limits:  # noqa: ARG002  # as the store has it
        return Limits()

    def admit_request(
        self, tenant: str, announced: int, published: Callable[[], Quotas] | None = None
    ) -> None:
        """Admits every upload."""

    def admit_body(self, tenant: str, size: int) -> None:
        """Admits every upload."""

    def profile_types(self, tenants: Tenants, within: TimeRange) -> list[str]:
        self.calls.append(("profile_types", "|".join(tenants), within))
        return list(self.type_ids)

    def label_names(self, tenants: Tenants, matchers: Sequence[Matcher], within: TimeRange) -> list[str]:
        self.calls.append(("label_names", "|".join(tenants), tuple(matchers), within))
        return list(self.names)

    def label_values(
        self, tenants: Tenants, name: str, matchers: Sequence[Matcher], within: TimeRange
    ) -> list[str]:
        self.calls.append(("label_values", "|".join(tenants), name, tuple(matchers), within))
        return list(self.values)

    def label_sets(self, tenants: Tenants, query: LabelSetsQuery) -> list[LabelSet]:
        self.calls.append(("label_sets", "|".join(tenants), query))
        return list(self.sets)

    def select_series(self, tenants: Tenants, query: SeriesQuery) -> list[SeriesResult]:
        self.calls.append(("select_series", "|".join(tenants), query))
        return list(self.series)

    def select_heatmap(self, tenants: Tenants, query: HeatmapQuery) -> Heatmap:
        self.calls.append(("select_heatmap", "|".join(tenants), query))
        return self.heatmap

    def select_merge_stacktraces(self, tenants: Tenants, query: StacktraceQuery) -> CutTree:
        self.calls.append(("select_merge_stacktraces", "|".join(tenants), query))
        return self.tree

    def diff(self, tenants: Tenants, left: StacktraceQuery, right: StacktraceQuery) -> DiffTree:
        self.calls.append(("diff", "|".join(tenants), left, right))
        return NO_DIFF

    def profile_times(self, tenants: Tenants) -> TimeRange | None:
        self.calls.append(("profile_times", "|".join(tenants)))
        return self.times

    def analyze(self, tenants: Tenants, matchers: Sequence[Matcher], within: TimeRange) -> Analysis:
        self.calls.append(("analyze", "|".join(tenants), tuple(matchers), within))
        return self.analysis

    def select_merge_profile(self, tenants: Tenants, query: ProfileQuery) -> MergedProfile:
        self.calls.append(("select_merge_profile", "|".join(tenants), query))
        return NO_PROFILE

    def usage(self, tenants: Tenants, since_s: int) -> Sequence[Usage]:
        self.calls.append(("usage", "|".join(tenants), since_s))
        return ()

    def insert(self, upload: Upload, record: Record | None = None) -> None:  # noqa: ARG002  # no log
        self.calls.append(("insert", upload))

    def retention_days(self) -> int:
        return self.retention

    def close(self) -> bool:
        self.calls.append(("close",))
        return True


@dataclass(frozen=True, slots=True, kw_only=True)
class LambdaContext:
    """Lambda's invocation context, with the parts that our handlers use."""

    left_s: float = 29
    function_name: str = "test"

    def get_remaining_time_in_millis(self) -> int:
        return int(self.left_s * 1_000)


class RecordedClickHouse(ClickHouse):
    """A database that records the SQL that it receives."""

    def __init__(self, clickhouse: ClickHouse) -> None:
        self.embedded = clickhouse.embedded
        self.statements: list[str] = []
        self._clickhouse = clickhouse

    def rows(
        self, sql: str, parameters: Parameters | None = None, settings: ServerSettings | None = None
    ) -> Sequence[Sequence[Any]]:
        self.statements.append(sql)
        return self._clickhouse.rows(sql, parameters, settings)

    def columns(
        self,
        sql: str,
        parameters: Parameters | None = None,
        settings: ServerSettings | None = None,
        *,
        text: bool = True,
    ) -> Sequence[Sequence[Any]]:
        self.statements.append(sql)
        return self._clickhouse.columns(sql, parameters, settings, text=text)
