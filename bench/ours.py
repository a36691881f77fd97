"""Our store: uploads go through the write path, queries through the RPCs of the app."""

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final, cast
from uuid import uuid4

from google.protobuf.message import Message

from all_in_one import create_app
from bench.rpc import RpcClient
from bench.workload import PROFILE_TYPE, Drawn, push_request
from flamehouse.model.limits import Limits
from flamehouse.model.profile import Upload
from flamehouse.model.time_range import TimeRange
from flamehouse.pb.querier_pb2 import (
    ProfileTypesRequest,
    SelectMergeStacktracesRequest,
    SelectMergeStacktracesResponse,
    SelectSeriesRequest,
)
from flamehouse.services import Services
from flamehouse.settings import Settings
from flamehouse.store import Record
from flamehouse.store.clickhouse_store import ClickHouseStore
from flamehouse.store.connection.client import ClickHouse
from flamehouse.store.maintenance import Maintenance
from flamehouse.store.schema.migrate import migrate
from flamehouse.store.write.inserts import BatchInserts
from flamehouse.store.write.writer import LoneWriter
from flamehouse.web.codec import PROTO
from ingest.pipeline import ingest
from ingest.received import Endpoint, ReceivedUpload

TENANT: Final = "anonymous"
_MAINTENANCE_S: Final = 600


class Flamehouse:
    """A database in an embedded engine; its retention is unlimited, as the workload's profiles are old."""

    def __init__(self, folder: Path, database: str) -> None:
        self.database = database
        settings = Settings(clickhouse_dsn=f"chdb://{folder}", clickhouse_database=database, retention_days=0)
        migrate(settings)
        clickhouse = ClickHouse(settings)
        self._maintenance = Maintenance(clickhouse)
        self._inserts = BatchInserts(clickhouse)
        self._services = Services(
            settings=settings, store=ClickHouseStore(clickhouse, LoneWriter(clickhouse), settings)
        )
        self._rpc = RpcClient(create_app(lambda: self._services))

    def close(self) -> None:
        self._services.store.close()

    def maintain(self) -> None:
        """Make all roll-ups."""
        if not self._maintenance.step(_MAINTENANCE_S):
            raise AssertionError(f"maintenance did not finish within {_MAINTENANCE_S} s")

    def parse(self, body: bytes) -> Upload:
        """Convert a push request to an upload: all of ingestion except the INSERT."""
        store = _Keeper()
        services = Services(settings=self._services.settings, store=cast("ClickHouseStore", store))
        received = ReceivedUpload(
            tenant=TENANT,
            endpoint=Endpoint.PUSH,
            received_ns=time.time_ns(),
            content_type=PROTO.media_type,
            body=body,
        )
        ingest(services, received)
        return store.uploads[0]

    def store(self, upload: Upload) -> None:
        """Store a single upload."""
        self._services.store.insert(upload)

    def store_together(self, uploads: Sequence[Upload]) -> None:
        """Store uploads in one INSERT, as the local server stores a segment of its log."""
        self._inserts.insert(uploads, uuid4().hex)

    def insert(self, profiles: Sequence[Drawn]) -> None:
        """Store these profiles together, each as a separate upload."""
        self.store_together([self.parse(push_request([drawn])) for drawn in profiles])

    def ask(self, rpc: str, request: Message) -> bytes:
        """Return the response of an RPC of the querier."""
        return self._rpc.querier(rpc, request)

    def flamegraph(self, within: TimeRange, service: str | None) -> bytes:
        """Call SelectMergeStacktraces for one service or all, with the default max_nodes."""
        return self._rpc.querier(
            "SelectMergeStacktraces",
            SelectMergeStacktracesRequest(
                profile_typeID=PROFILE_TYPE,
                label_selector=_selector(service),
                start=within.start_ms,
                end=within.end_ms,
            ),
        )

    def total(self, within: TimeRange, service: str | None) -> int:
        """Return the total of that flame graph."""
        return SelectMergeStacktracesResponse.FromString(self.flamegraph(within, service)).flamegraph.total

    def series(self, within: TimeRange, step_s: int, label: str) -> bytes:
        """Call SelectSeries for all services, grouped by a label."""
        return self._rpc.querier(
            "SelectSeries",
            SelectSeriesRequest(
                profile_typeID=PROFILE_TYPE,
                label_selector=_selector(None),
                start=within.start_ms,
                end=within.end_ms,
                group_by=[label],
                step=step_s,
            ),
        )

    def profile_types(self, within: TimeRange) -> bytes:
        """Call ProfileTypes."""
        return self._rpc.querier(
            "ProfileTypes", ProfileTypesRequest(start=within.start_ms, end=within.end_ms)
        )


class _Keeper:
    """Stands in for a store and keeps the uploads it receives."""

    def __init__(self) -> None:
        self.uploads: list[Upload] = []

    def admit_body(self, tenant: str, size: int) -> None:
        """Admit every upload."""

    def limits_of(self, tenant: str) -> Limits:  # noqa: ARG002  # every tenant has the same
        return Limits()

    def retention_days(self) -> int:
        return 0

    def insert(self, upload: Upload, record: Record) -> None:  # noqa: ARG002  # no log
        self.uploads.append(upload)


def _selector(service: str | None) -> str:
    return "{}" if service is None else f'{{service_name="{service}"}}'
