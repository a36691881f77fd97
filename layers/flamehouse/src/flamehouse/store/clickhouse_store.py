"""The store over a ClickHouse database: each query and insert with its limits, its tag and its errors for clients."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from functools import partial, wraps
from pathlib import Path
from typing import TYPE_CHECKING, Concatenate

from flamehouse.deadline import time_limit
from flamehouse.disk import Disk
from flamehouse.errors import RpcError
from flamehouse.identity.tenant import Tenants, split
from flamehouse.model.call_tree import CutTree, DiffTree
from flamehouse.model.limits import NO_LIMIT, Limits
from flamehouse.model.profile import Upload
from flamehouse.model.queries import StacktraceQuery
from flamehouse.model.quotas import Quotas
from flamehouse.settings import STAGED, Settings
from flamehouse.store import Failures, Record, Store, UploadKey, tenant_settings
from flamehouse.store.connection.client import ClickHouse, ServerSettings
from flamehouse.store.connection.errors import TO_READERS, TO_WRITERS, as_rpc_errors
from flamehouse.store.connection.query_tag import current_tag
from flamehouse.store.limiter import Limiter
from flamehouse.store.limits import CachedLimits, every_limits
from flamehouse.store.read import analyze as analysis_query
from flamehouse.store.read import diff as diff_query
from flamehouse.store.read import heatmap as heatmap_query
from flamehouse.store.read import labels as labels_query
from flamehouse.store.read import profile_stats as stats_query
from flamehouse.store.read import series as series_query
from flamehouse.store.read import stacktraces as stacktraces_query
from flamehouse.store.read import usage as usage_query
from flamehouse.store.read.function_names import FunctionNames
from flamehouse.store.read.pprof import samples as pprof_query
from flamehouse.store.read.reader import Reader
from flamehouse.store.read.retention import CachedRetention
from flamehouse.store.schema.carry_over import CarryOver
from flamehouse.store.sent_bytes import SentBytes, sent_bytes, today
from flamehouse.store.write.cardinality import SeriesBudget
from flamehouse.store.write.inserts import EMBEDDED, BatchInserts
from flamehouse.store.write.ledger import key_of
from flamehouse.store.write.writer import LoneWriter, Writer
from flamehouse.telemetry import metrics
from flamehouse.telemetry.request import current

if TYPE_CHECKING:
    from flamehouse.store.write.log.writer import Pending, Replay

_LIMITS_S = 1
"""How long a request waits for the limits to be read, once a minute."""


def _query[**P, T](
    query: Callable[Concatenate[Reader, P], T],
) -> Callable[Concatenate["ClickHouseStore", P], T]:
    """Turns a query function into a Store method with the same parameters except the reader."""

    @wraps(query)
    def ask(store: "ClickHouseStore", /, *args: P.args, **kwargs: P.kwargs) -> T:
        with store.query_reader() as reader:
            return query(reader, *args, **kwargs)

    return ask


class ClickHouseStore(Store):
    """The profiles of every tenant in one database."""

    def __init__(
        self,
        clickhouse: ClickHouse,
        writer: Writer,
        settings: Settings,
        carry_over: CarryOver | None = None,
        *,
        uploads: ClickHouse | None = None,
    ) -> None:
        """`uploads` is the database for everything but queries: in one process, they would wait for its handles."""
        self._clickhouse = clickhouse
        self._uploads = uploads or clickhouse
        self._carry_over = carry_over or CarryOver(clickhouse)
        self._writer = writer
        self._names = FunctionNames()
        self._cached_limits = CachedLimits(Limits(series_per_day=settings.max_series_per_day))
        self._limiter = Limiter()
        self._sent = SentBytes()
        self._is_staged = settings.ingest_mode == STAGED
        self._budget = SeriesBudget(self._uploads, self._series_per_day)
        self._retention = CachedRetention(settings.retention_days)
        self._time_limit_s = settings.query_timeout_s
        self._limits: ServerSettings = {
            "max_execution_time": settings.query_timeout_s,
            "timeout_overflow_mode": "throw",
            "max_memory_usage": settings.query_memory_bytes,
            "max_result_bytes": settings.max_answer_bytes,
        }

    def open_log(self, folder: Path, replay: "Replay", *, fsync: bool) -> None:
        """Insert what earlier processes left in the log in `folder`, then write through that log from now on.

        `replay` parses a record of the log. This process must be the only one that writes to the database.
        """
        # Only a local server has a log: functions on AWS start faster without these modules.
        from flamehouse.store.write.log.quarantine import Quarantine  # noqa: PLC0415
        from flamehouse.store.write.log.upload_log import UploadLog  # noqa: PLC0415
        from flamehouse.store.write.log.writer import LogWriter  # noqa: PLC0415

        disk = Disk()
        log: UploadLog[Pending] = UploadLog(folder / "log", disk, fsync=fsync)
        inserts = BatchInserts(self._uploads, EMBEDDED)
        writer = LogWriter(inserts, log, disk, Quarantine(folder / "quarantine", disk))
        writer.start(replay)
        self._writer = writer

    def insert(self, upload: Upload, record: Record | None = None) -> None:
        with (
            as_rpc_errors(TO_WRITERS),
            time_limit(self._time_limit_s),
            self._budget.taken(upload),
            metrics.timed(metrics.INSERT_MILLISECONDS),
        ):
            self._writer.insert(upload, record)
        metrics.add(metrics.SAMPLES_STORED, sum(len(profile.values) for profile in upload.profiles))

    def insert_batch(self, uploads: Sequence[tuple[Upload, Record]]) -> Failures:
        with as_rpc_errors(TO_WRITERS), metrics.timed(metrics.INSERT_MILLISECONDS):
            failures = self._writer.insert_batch(uploads, self._budget)
        stored = (upload for upload, _ in uploads if key_of(upload) not in failures)
        metrics.add(
            metrics.SAMPLES_STORED, sum(len(each.values) for upload in stored for each in upload.profiles)
        )
        return failures

    def in_ledger(self, keys: Sequence[UploadKey]) -> set[UploadKey]:
        with as_rpc_errors(TO_WRITERS), time_limit(self._time_limit_s):
            return self._writer.in_ledger(keys)

    profile_types = _query(labels_query.profile_types)
    label_names = _query(labels_query.label_names)
    label_values = _query(labels_query.label_values)
    label_sets = _query(labels_query.label_sets)
    profile_times = _query(stats_query.profile_times)
    analyze = _query(analysis_query.analyze)
    select_series = _query(series_query.select_series)
    select_heatmap = _query(heatmap_query.select_heatmap)
    select_merge_profile = _query(pprof_query.select_merge_profile)
    usage = _query(usage_query.usage)
    settings = _query(tenant_settings.settings_of)
    set_setting = _query(tenant_settings.set_setting)
    delete_setting = _query(tenant_settings.delete_setting)

    def select_merge_stacktraces(self, tenants: Tenants, query: StacktraceQuery) -> CutTree:
        with self.query_reader() as reader:
            return stacktraces_query.select_merge_stacktraces(reader, self._names, tenants, query)

    def diff(self, tenants: Tenants, left: StacktraceQuery, right: StacktraceQuery) -> DiffTree:
        with self.query_reader() as reader:
            return diff_query.diff(reader, self._names, tenants, left, right)

    def retention_days(self) -> int:
        with self._reading(self._uploads) as reader:
            return self._retention.days(reader.rows)

    def limits_of(self, tenant: str) -> Limits:
        return self._cached_limits.of(tenant, self._read_limits)

    def admit_upload(self, tenant: str, size: int, published: Callable[[], Quotas] | None = None) -> None:
        self._writer.admit(size)
        read = self._read_limits
        if published and not self._uploads.embedded:
            read = partial(self._read_published, published, asleep=self._is_staged)
        limits = self._cached_limits.of(tenant, read)
        if limits.bytes_per_day and (not self._is_staged or self._uploads.embedded):
            self._sent.refresh(tenant, partial(self._know_sent, tenant))
        self._limiter.admit_upload(tenant, limits, size)

    def quotas(self) -> Quotas:
        limits = {tenant: each for tenant, each in self._read_limits().items() if each != Limits()}
        day = today()
        with self._limits_reader() as reader:
            has_limit = any(each.bytes_per_day for each in limits.values())
            return Quotas(limits=limits, day=day, sent=sent_bytes(reader, day) if has_limit else {})

    def _read_published(self, published: Callable[[], Quotas], *, asleep: bool) -> Mapping[str, Limits]:
        """Read the published limits; unless ClickHouse may be `asleep`, only if it does not respond."""
        if not asleep:
            with suppress(RpcError):
                return self._read_limits()
        quotas = published()
        self._limiter.know(quotas.day, quotas.sent)
        return quotas.limits

    def _know_sent(self, tenant: str) -> None:
        day = today()
        with self._limits_reader() as reader:
            self._limiter.know(day, sent_bytes(reader, day, [tenant]))

    def _read_limits(self) -> Mapping[str, Limits]:
        with self._limits_reader() as reader:
            return every_limits(reader)

    @contextmanager
    def _limits_reader(self) -> Iterator[Reader]:
        with as_rpc_errors(TO_READERS), time_limit(_LIMITS_S):
            yield Reader(clickhouse=self._uploads, settings={"max_execution_time": _LIMITS_S})

    def _series_per_day(self, tenant: str) -> int:
        return self.limits_of(tenant).series_per_day or NO_LIMIT

    def settle(self) -> None:
        """Wait until every upload acknowledged so far is in the tables. Queries do this themselves."""
        with as_rpc_errors(TO_WRITERS), time_limit(self._time_limit_s):
            self._writer.settle()

    def check(self) -> None:
        with as_rpc_errors(TO_WRITERS), time_limit(self._time_limit_s):
            self._writer.check()
            self._uploads.rows("SELECT 1")

    def stop(self, tag: str) -> None:
        self._clickhouse.stop(tag)

    def close(self) -> bool:
        """Insert the content of the log, then close the connections; False if queries still run in this process."""
        self._writer.stop()
        closed = [each.close() for each in {self._uploads, self._clickhouse}]
        return all(closed)

    @contextmanager
    def query_reader(self) -> Iterator[Reader]:
        """Run one query, which sees every upload acknowledged before it; its time counts for each of its tenants.

        Raises RpcError, also on a timeout.
        """
        with ExitStack() as counted:
            for tenant in split(current().tenant):
                limits = self._cached_limits.of(tenant, self._read_limits, at_once=False)
                counted.enter_context(self._limiter.query(tenant, limits))
            with self._reading(self._clickhouse) as reader:
                self._writer.settle()
                yield reader

    @contextmanager
    def _reading(self, clickhouse: ClickHouse) -> Iterator[Reader]:
        """Run one query within a time limit. Raises RpcError."""
        settings = {**self._limits, "log_comment": current_tag()}
        timing = metrics.timed(metrics.QUERY_MILLISECONDS, route=current().route or "none")
        with timing, as_rpc_errors(TO_READERS), time_limit(self._time_limit_s):
            yield Reader(clickhouse=clickhouse, settings=settings, profiles=self._carry_over.source)


def open_store(settings: Settings, carry_over: CarryOver | None = None) -> ClickHouseStore:
    """The store in `settings`, which must already be migrated. Clients are created on first use."""
    clickhouse = ClickHouse(settings)
    uploads = ClickHouse(settings) if clickhouse.embedded else clickhouse
    return ClickHouseStore(clickhouse, LoneWriter(uploads), settings, carry_over, uploads=uploads)
