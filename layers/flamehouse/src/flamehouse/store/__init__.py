"""Where profiles are kept: a ClickHouse database, asked and filled through one object."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from flamehouse.flamegraph import CutTree
from flamehouse.flamegraph_diff import DiffTree
from flamehouse.merged_profile import MergedProfile
from flamehouse.profile import Upload
from flamehouse.selector import Matcher
from flamehouse.settings import Settings
from flamehouse.store import (
    analysis_query,
    diff_query,
    heatmap_query,
    labels_query,
    pprof_query,
    series_query,
    stacktraces_query,
    stats_query,
    tenant_settings,
)
from flamehouse.store.cardinality import SeriesBudget
from flamehouse.store.client import ClickHouse, ServerSettings
from flamehouse.store.deadline import time_limit
from flamehouse.store.embedded import embedded_path
from flamehouse.store.failures import TO_READERS, TO_WRITERS, told_to_clients
from flamehouse.store.journal import Journal
from flamehouse.store.model import (
    Analysis,
    Heatmap,
    HeatmapQuery,
    LabelSet,
    LabelSetsQuery,
    ProfileQuery,
    SeriesQuery,
    SeriesResult,
    StacktraceQuery,
)
from flamehouse.store.names import FunctionNames
from flamehouse.store.tag import current_tag
from flamehouse.store.tenant_settings import Setting
from flamehouse.store.writer import GroupWriter, LoneWriter, Writer
from flamehouse.timerange import TimeRange

__all__ = ["Store", "open_store"]


class Store:
    """The profiles of every tenant. Methods may be called from several threads.

    They raise RpcError alone: `invalid_argument` for what ClickHouse finds wrong in a question (a regular
    expression), `unavailable` and `deadline_exceeded` where it cannot answer, `resource_exhausted` where it must not.
    """

    def __init__(self, clickhouse: ClickHouse, writer: Writer, settings: Settings) -> None:
        self._clickhouse = clickhouse
        self._writer = writer
        self._names = FunctionNames(clickhouse)
        self._budget = SeriesBudget(clickhouse, settings.max_series_per_day)
        self._time_limit_s = settings.query_timeout_s
        self._limits: ServerSettings = {
            "max_execution_time": settings.query_timeout_s,
            "timeout_overflow_mode": "throw",
            "max_memory_usage": settings.query_memory_bytes,
            "max_result_bytes": settings.max_answer_bytes,
        }

    def insert(self, upload: Upload) -> None:
        """Store the upload, exactly once however often it comes; returns when it is stored for good."""
        with told_to_clients(TO_WRITERS), time_limit(self._time_limit_s):
            self._budget.check(upload)
            self._writer.insert(upload)

    def profile_types(self, tenant: str, within: TimeRange) -> list[str]:
        """The ids of the profile types on the days that the range touches, sorted."""
        with self._asking() as settings:
            return labels_query.profile_types(self._clickhouse, tenant, within, settings)

    def label_names(self, tenant: str, matchers: Sequence[Matcher], within: TimeRange) -> list[str]:
        """The names of labels on the days that the range touches, private ones included, sorted."""
        with self._asking() as settings:
            return labels_query.label_names(self._clickhouse, tenant, matchers, within, settings)

    def label_values(
        self, tenant: str, name: str, matchers: Sequence[Matcher], within: TimeRange
    ) -> list[str]:
        """The values of one label on the days that the range touches, sorted."""
        with self._asking() as settings:
            return labels_query.label_values(self._clickhouse, tenant, name, matchers, within, settings)

    def label_sets(self, tenant: str, query: LabelSetsQuery) -> list[LabelSet]:
        """The distinct label sets on the days that the range touches, sorted."""
        with self._asking() as settings:
            return labels_query.label_sets(self._clickhouse, tenant, query, settings)

    def profile_times(self, tenant: str) -> TimeRange | None:
        """The times of the tenant's first and last profile, however old; None if it has none."""
        with self._asking() as settings:
            return stats_query.profile_times(self._clickhouse, tenant, settings)

    def analyze(self, tenant: str, matchers: Sequence[Matcher], within: TimeRange) -> Analysis:
        """How much there is in [start, end) of the series that all matchers match."""
        with self._asking() as settings:
            return analysis_query.analyze(self._clickhouse, tenant, matchers, within, settings)

    def select_series(self, tenant: str, query: SeriesQuery) -> list[SeriesResult]:
        """Totals of profiles over time; the greatest series first."""
        with self._asking() as settings:
            return series_query.select_series(self._clickhouse, tenant, query, settings)

    def select_heatmap(self, tenant: str, query: HeatmapQuery) -> Heatmap:
        """How many profiles or spans had which values when. RpcError invalid_argument for too fine a question."""
        with self._asking() as settings:
            return heatmap_query.select_heatmap(self._clickhouse, tenant, query, settings)

    def select_merge_stacktraces(self, tenant: str, query: StacktraceQuery) -> CutTree:
        """The merged call tree of the samples in [start, end)."""
        with self._asking() as settings:
            return stacktraces_query.select_merge_stacktraces(
                self._clickhouse, self._names, tenant, query, settings
            )

    def diff(self, tenant: str, left: StacktraceQuery, right: StacktraceQuery) -> DiffTree:
        """The merged call trees of the samples of two selections, as one."""
        with self._asking() as settings:
            return diff_query.diff(self._clickhouse, self._names, tenant, left, right, settings)

    def select_merge_profile(self, tenant: str, query: ProfileQuery) -> MergedProfile:
        """The merged samples in [start, end), with their symbols."""
        with self._asking() as settings:
            return pprof_query.select_merge_profile(self._clickhouse, tenant, query, settings)

    def settings(self, tenant: str) -> list[Setting]:
        """What Grafana's apps keep for the tenant, sorted by name."""
        with self._asking() as settings:
            return tenant_settings.settings_of(self._clickhouse, tenant, settings)

    def set_setting(self, tenant: str, setting: Setting) -> None:
        """Keep the setting; RpcError already_exists where one that was modified later is kept."""
        with self._asking() as settings:
            tenant_settings.set_setting(self._clickhouse, tenant, setting, settings)

    def delete_setting(self, tenant: str, name: str) -> None:
        """Keep the setting no longer."""
        with self._asking() as settings:
            tenant_settings.delete_setting(self._clickhouse, tenant, name, settings)

    def check(self) -> None:
        """Return once ClickHouse has answered; RpcError unavailable where it does not."""
        with self._asking() as settings:
            self._clickhouse.rows("SELECT 1", settings=settings)

    def stop(self, tag: str) -> None:
        """Stop what is being asked under this tag, of questions alone: they get RpcError canceled."""
        self._clickhouse.stop(tag)

    def close(self) -> None:
        """Let go of the database; what was acknowledged is in it."""
        self._clickhouse.close()

    @contextmanager
    def _asking(self) -> Iterator[ServerSettings]:
        """One question: its queries take these settings and end with its time, and their errors are RpcErrors."""
        with told_to_clients(TO_READERS), time_limit(self._time_limit_s):
            yield {**self._limits, "log_comment": current_tag()}


def open_store(settings: Settings) -> Store:
    """The store that `settings` name, migrated before. Clients are made when they are first needed."""
    clickhouse = ClickHouse(settings)
    writer: Writer
    if clickhouse.embedded:
        writer = GroupWriter(clickhouse, Journal(Path(embedded_path(settings.clickhouse_dsn))))
        writer.recover()
    else:
        writer = LoneWriter(clickhouse)
    return Store(clickhouse, writer, settings)
