"""The store over a ClickHouse database: each query and insert with its limits, its tag and its errors for clients.

A function on AWS runs one kind of query, or inserts. It starts faster without the other modules, so each method imports
the module that it needs.
"""

from __future__ import annotations

from contextlib import ExitStack, contextmanager, suppress
from dataclasses import replace
from functools import cached_property, partial
from threading import Lock
from typing import TYPE_CHECKING, Concatenate

from flamehouse.deadline import time_limit
from flamehouse.errors import RpcError
from flamehouse.identity.tenant import split
from flamehouse.model.limits import NO_LIMIT, Limits
from flamehouse.settings import STAGED
from flamehouse.store import Store
from flamehouse.store.cached_limits import CachedLimits
from flamehouse.store.connection.client import ClickHouse
from flamehouse.store.connection.errors import TO_READERS, TO_WRITERS, as_rpc_errors
from flamehouse.store.connection.query_tag import current_tag
from flamehouse.store.limiter import Limiter
from flamehouse.store.read.reader import Reader
from flamehouse.store.read.retention import CachedRetention
from flamehouse.telemetry import metrics
from flamehouse.telemetry.request import current

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path

    from flamehouse.identity.tenant import Tenants
    from flamehouse.model.analysis import Analysis
    from flamehouse.model.call_tree import CutTree, StacktraceQuery
    from flamehouse.model.diff_tree import DiffTree
    from flamehouse.model.heatmap import Heatmap, HeatmapQuery
    from flamehouse.model.label_sets import LabelSetsQuery
    from flamehouse.model.labels import LabelSet
    from flamehouse.model.merged_profile import MergedProfile
    from flamehouse.model.profile import Upload
    from flamehouse.model.profile_query import ProfileQuery
    from flamehouse.model.quotas import Quotas
    from flamehouse.model.selector import Matcher
    from flamehouse.model.series import SeriesQuery, SeriesResult
    from flamehouse.model.setting import Setting
    from flamehouse.model.time_range import TimeRange
    from flamehouse.model.usage import Usage
    from flamehouse.settings import Settings
    from flamehouse.store import Failures, Record, UploadKey
    from flamehouse.store.connection.client import ServerSettings
    from flamehouse.store.read.function_names import FunctionNames
    from flamehouse.store.schema.carry_over import CarryOver
    from flamehouse.store.sent_bytes import SentBytes
    from flamehouse.store.uploads import Uploads
    from flamehouse.store.write.log.writer import Replay
    from flamehouse.store.write.writer import Writer

_LIMITS_S = 1
"""How long a request waits for the limits, which are read at most once a minute."""


class ClickHouseStore(Store):
    """The profiles of every tenant in one database."""

    def __init__(
        self,
        clickhouse: ClickHouse,
        writer: Writer | None,
        settings: Settings,
        carry_over: CarryOver | None = None,
        *,
        uploads: ClickHouse | None = None,
    ) -> None:
        """`uploads` is the database for everything but queries, with its own handles if the engine is embedded.

        Otherwise, uploads would wait for the handles that queries use. Without a `writer`, each upload is a separate
        INSERT.
        """
        self._clickhouse = clickhouse
        self._uploads = uploads or clickhouse
        self._carry_over = carry_over
        self._opened: Uploads | None = None
        self._opening = Lock()
        self._cached_limits = CachedLimits(Limits(series_per_day=settings.max_series_per_day))
        self._limiter = Limiter()
        self._is_staged = settings.ingest_mode == STAGED
        self._retention = CachedRetention(settings.retention_days)
        self._time_limit_s = settings.query_timeout_s
        self._limits: ServerSettings = {
            "max_execution_time": settings.query_timeout_s,
            "timeout_overflow_mode": "throw",
            "max_memory_usage": settings.query_memory_bytes,
            "max_result_bytes": settings.max_answer_bytes,
        }
        if writer is not None:
            self._opened = self._open(writer)

    def open_log(self, folder: Path, replay: Replay, *, fsync: bool) -> None:
        """Insert what earlier processes left in the log in `folder`, and write through that log from then on.

        `replay` parses a record of the log. This process must be the only one that writes to the database.
        """
        self._written().open_log(folder, replay, fsync=fsync)

    def insert(self, upload: Upload, record: Record | None = None) -> None:
        self._written().insert(upload, record)

    def insert_batch(self, uploads: Sequence[tuple[Upload, Record]]) -> Failures:
        return self._written().insert_batch(uploads)

    def in_ledger(self, keys: Sequence[UploadKey]) -> set[UploadKey]:
        return self._written().in_ledger(keys)

    def profile_types(self, tenants: Tenants, within: TimeRange) -> list[str]:
        from flamehouse.store.read.labels import profile_types

        return self._result(profile_types, tenants, within)

    def label_names(self, tenants: Tenants, matchers: Sequence[Matcher], within: TimeRange) -> list[str]:
        from flamehouse.store.read.labels import label_names

        return self._result(label_names, tenants, matchers, within)

    def label_values(
        self, tenants: Tenants, name: str, matchers: Sequence[Matcher], within: TimeRange
    ) -> list[str]:
        from flamehouse.store.read.labels import label_values

        return self._result(label_values, tenants, name, matchers, within)

    def label_sets(self, tenants: Tenants, query: LabelSetsQuery) -> list[LabelSet]:
        from flamehouse.store.read.labels import label_sets

        return self._result(label_sets, tenants, query)

    def profile_times(self, tenants: Tenants) -> TimeRange | None:
        from flamehouse.store.read.profile_stats import profile_times

        return self._result(profile_times, tenants)

    def analyze(self, tenants: Tenants, matchers: Sequence[Matcher], within: TimeRange) -> Analysis:
        from flamehouse.store.read.analyze import analyze

        return self._result(analyze, tenants, matchers, within)

    def select_series(self, tenants: Tenants, query: SeriesQuery) -> list[SeriesResult]:
        from flamehouse.store.read.series import select_series

        return self._result(select_series, tenants, query)

    def select_heatmap(self, tenants: Tenants, query: HeatmapQuery) -> Heatmap:
        from flamehouse.store.read.heatmap import select_heatmap

        return self._result(select_heatmap, tenants, query)

    def select_merge_stacktraces(self, tenants: Tenants, query: StacktraceQuery) -> CutTree:
        from flamehouse.store.read.stacktraces import select_merge_stacktraces

        return self._result(select_merge_stacktraces, self._names, tenants, query)

    def diff(self, tenants: Tenants, left: StacktraceQuery, right: StacktraceQuery) -> DiffTree:
        from flamehouse.store.read.diff import diff

        return self._result(diff, self._names, tenants, left, right)

    def select_merge_profile(self, tenants: Tenants, query: ProfileQuery) -> MergedProfile:
        from flamehouse.store.read.pprof.samples import select_merge_profile

        return self._result(select_merge_profile, tenants, query)

    def usage(self, tenants: Tenants, since_s: int) -> Sequence[Usage]:
        from flamehouse.store.read.usage import usage

        return self._result(usage, tenants, since_s)

    def settings(self, tenant: str) -> list[Setting]:
        from flamehouse.store.tenant_settings import settings_of

        return self._result(settings_of, tenant)

    def set_setting(self, tenant: str, setting: Setting) -> None:
        from flamehouse.store.tenant_settings import set_setting

        self._result(set_setting, tenant, setting)

    def delete_setting(self, tenant: str, name: str) -> None:
        from flamehouse.store.tenant_settings import delete_setting

        self._result(delete_setting, tenant, name)

    def retention_days(self) -> int:
        with self._reading(self._uploads) as reader:
            return self._retention.days(reader.rows)

    def limits_of(self, tenant: str) -> Limits:
        return self._cached_limits.of(tenant, self._read_limits)

    def admit_request(
        self, tenant: str, announced: int, published: Callable[[], Quotas] | None = None
    ) -> None:
        self._written().admit(announced)
        read = self._read_limits
        if published and not self._uploads.embedded:
            read = partial(self._read_published, published, asleep=self._is_staged)
        limits = self._cached_limits.of(tenant, read)
        if limits.bytes_per_day and (not self._is_staged or self._uploads.embedded):
            self._sent.refresh(tenant, partial(self._know_sent, tenant))
        self._limiter.admit_request(tenant, limits, announced)

    def admit_body(self, tenant: str, size: int) -> None:
        self._written().admit(size)
        self._limiter.admit_body(tenant, self._cached_limits.last(tenant), size)

    def quotas(self) -> Quotas:
        from flamehouse.model.quotas import Quotas
        from flamehouse.store.sent_bytes import sent_bytes, today

        limits = {tenant: each for tenant, each in self._read_limits().items() if each != Limits()}
        day = today()
        with self._limits_reader() as reader:
            has_limit = any(each.bytes_per_day for each in limits.values())
            return Quotas(limits=limits, day=day, sent=sent_bytes(reader, day) if has_limit else {})

    def settle(self) -> None:
        """Wait until every upload acknowledged so far is in the tables. Queries do this themselves."""
        with as_rpc_errors(TO_WRITERS), time_limit(self._time_limit_s):
            self._settle()

    def check(self) -> None:
        self._written().check()

    def stop(self, tag: str) -> None:
        self._clickhouse.stop(tag)

    def close(self) -> bool:
        """Insert the content of the log, then close the connections; False if queries still run in this process."""
        if self._opened:
            self._opened.stop()
        closed = [each.close() for each in {self._uploads, self._clickhouse}]
        return all(closed)

    @contextmanager
    def query_reader(self) -> Iterator[Reader]:
        """Run one query, which sees every upload acknowledged before it; its duration counts for each of its tenants.

        Raises RpcError, including on a timeout.
        """
        with ExitStack() as counted:
            for tenant in split(current().tenant):
                limits = self._cached_limits.of(tenant, self._read_limits, at_once=False)
                counted.enter_context(self._limiter.query(tenant, limits))
            with self._reading(self._clickhouse) as reader:
                self._settle()
                yield reader

    def _result[**P, T](
        self, query: Callable[Concatenate[Reader, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        with self.query_reader() as reader:
            return query(reader, *args, **kwargs)

    @contextmanager
    def _reading(self, clickhouse: ClickHouse) -> Iterator[Reader]:
        """Run one query within a time limit. Raises RpcError."""
        settings = {**self._limits, "log_comment": current_tag()}
        timing = metrics.timed(metrics.QUERY_MILLISECONDS, route=current().route or "none")
        with timing, as_rpc_errors(TO_READERS), time_limit(self._time_limit_s):
            reader = Reader(clickhouse=clickhouse, settings=settings)
            yield replace(reader, profiles=self._carry_over.source) if self._carry_over else reader

    def _written(self) -> Uploads:
        """Return the part that stores uploads, opened on the first call."""
        with self._opening:
            if self._opened is None:
                self._opened = self._open()
            return self._opened

    def _open(self, writer: Writer | None = None) -> Uploads:
        from flamehouse.store.uploads import Uploads

        return Uploads(self._uploads, writer, self._series_per_day, self._time_limit_s)

    def _settle(self) -> None:
        if self._opened:
            self._opened.settle()

    @cached_property
    def _names(self) -> FunctionNames:
        from flamehouse.store.read.function_names import FunctionNames

        return FunctionNames()

    @cached_property
    def _sent(self) -> SentBytes:
        from flamehouse.store.sent_bytes import SentBytes

        return SentBytes()

    def _read_published(self, published: Callable[[], Quotas], *, asleep: bool) -> Mapping[str, Limits]:
        """Read ClickHouse's limits, or the published ones if ClickHouse may be `asleep` or does not respond."""
        if not asleep:
            with suppress(RpcError):
                return self._read_limits()
        quotas = published()
        self._limiter.know(quotas.day, quotas.sent)
        return quotas.limits

    def _know_sent(self, tenant: str) -> None:
        from flamehouse.store.sent_bytes import sent_bytes, today

        day = today()
        with self._limits_reader() as reader:
            self._limiter.know(day, sent_bytes(reader, day, [tenant]))

    def _read_limits(self) -> Mapping[str, Limits]:
        from flamehouse.store.limits import every_limits

        with self._limits_reader() as reader:
            return every_limits(reader)

    @contextmanager
    def _limits_reader(self) -> Iterator[Reader]:
        with as_rpc_errors(TO_READERS), time_limit(_LIMITS_S):
            yield Reader(clickhouse=self._uploads, settings={"max_execution_time": _LIMITS_S})

    def _series_per_day(self, tenant: str) -> int:
        return self.limits_of(tenant).series_per_day or NO_LIMIT


def open_store(settings: Settings, carry_over: CarryOver | None = None) -> ClickHouseStore:
    """The store in `settings`, which must already be migrated. Clients are created on first use."""
    clickhouse = ClickHouse(settings)
    uploads = ClickHouse(settings) if clickhouse.embedded else clickhouse
    return ClickHouseStore(clickhouse, None, settings, carry_over, uploads=uploads)
