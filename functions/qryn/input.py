"""Stores the rows that qryn's collector inserts as profiles, each exactly once, and deletes stored and rejected rows.

Any number of processes may do so concurrently: an upload's id is derived from its row, so ClickHouse drops duplicates
of other processes. Parts of the table are dropped by name, so no unread row is dropped.
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from time import monotonic
from typing import Any, Final
from uuid import UUID

from clickhouse_connect.driver.exceptions import DatabaseError

from flamehouse.errors import PASSING, Code, OperatorError, RpcError
from flamehouse.identity.tenant import CHARACTERS, is_tenant
from flamehouse.services import Services
from flamehouse.store.connection.client import ClickHouse
from flamehouse.store.maintenance import maintenance_client
from flamehouse.store.sql import SqlFile
from flamehouse.store.write.ledger import stored_uploads
from flamehouse.telemetry import events
from flamehouse.telemetry.log import log
from ingest.pipeline import upload_of
from ingest.profile.checked import Checks
from qryn.history import Receipt
from qryn.input_tables import has_input_tables
from qryn.reading import read_row
from qryn.row import Row
from qryn.source import names_of, nodes_of, text_of

_SQL: Final = SqlFile(__file__)
_CHUNK_ROWS: Final = 200
_PARTS: Final = 64
_THREADS: Final = 16
"""Concurrent inserts, which the server batches."""
_ATTEMPTS: Final = 5
"""The number of attempts for a row that ClickHouse rejects while it stores others."""
_PASSING: Final = PASSING | {Code.CANCELED}
_GONE: Final = frozenset({232, 384})
"""NO_SUCH_DATA_PART, PART_IS_TEMPORARILY_LOCKED: the part is being merged, and the merged part is read instead."""
_MAX_REASON_CHARS: Final = 4_096


class _NotStoredError(Exception):
    """ClickHouse did not store the row; the next step retries."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Arrived:
    """A row of `qryn_rows`."""

    row_id: UUID
    received_ns: int
    row: Row


@dataclass(slots=True, kw_only=True)
class Input:
    """Stores the rows in the database `clickhouse` as profiles of one tenant, through `services`."""

    clickhouse: ClickHouse
    services: Services
    tenant: str
    _failures: Counter[bytes] = field(default_factory=Counter)
    _reached: dict[str, int] = field(default_factory=dict)
    """The number of leading rows of each part that are stored or rejected."""
    _takes_rows: bool = False
    """Whether ClickHouse has stored a row in this step; if so, a failure is the fault of the row that fails."""

    def step(self, seconds: float) -> bool:
        """Store rows for about `seconds`; return whether all rows are done.

        Raises: ClickHouseError if the database fails.
        """
        until = monotonic() + seconds
        self._takes_rows = False
        parts = self.clickhouse.rows(_SQL("parts"), {"limit": _PARTS})
        self._reached = {part: self._reached.get(part, 0) for part, _ in parts}
        done = len(parts) < _PARTS
        with ThreadPoolExecutor(_THREADS, thread_name_prefix="qryn-input") as threads:
            for part, rows in parts:
                done = self._store_part(threads.map, part, int(rows), until) and done
        return done

    def _store_part(self, run: Callable[..., Any], part: str, rows: int, until: float) -> bool:
        """Store the rows of a part and drop the part; return whether it was dropped.

        Stops once the clock reaches `until`; the next step continues from there.
        """
        read, done = self._reached[part], True
        for first in range(read, rows, _CHUNK_ROWS):
            if monotonic() > until:
                return False
            chunk = self._rows(part, first)
            read += len(chunk)
            done = self._store(run, part, chunk) and done
            if done:
                self._reached[part] = read
        return done and read == rows and self._drop(part)

    def _store(self, run: Callable[..., Any], part: str, chunk: Sequence[_Arrived]) -> bool:
        """Store or reject rows; return whether all of them are done."""
        ids = {arrived.row_id: arrived.row.upload_id(self.tenant) for arrived in chunk}
        stored = {
            id_ for _, id_ in stored_uploads(self.clickhouse, {(self.tenant, id_) for id_ in ids.values()})
        }
        missing = [arrived for arrived in chunk if ids[arrived.row_id] not in stored]
        outcomes = [*zip(missing, run(self._outcome, missing), strict=True)]
        failed = [arrived for arrived, outcome in outcomes if isinstance(outcome, _NotStoredError)]
        rejected: dict[UUID, str] = {
            arrived.row_id: outcome for arrived, outcome in outcomes if isinstance(outcome, str)
        }
        self._takes_rows = self._takes_rows or any(outcome is None for _, outcome in outcomes)
        if self._takes_rows:
            self._failures.update({ids[arrived.row_id] for arrived in failed})
        hopeless = [each.row_id for each in failed if self._failures[ids[each.row_id]] >= _ATTEMPTS]
        rejected |= dict.fromkeys(hopeless, f"ClickHouse rejected the profile {_ATTEMPTS} times")
        self._reject(part, rejected)
        return all(arrived.row_id in rejected for arrived in failed)

    def _outcome(self, arrived: _Arrived) -> str | _NotStoredError | None:
        """Store one row; return the reason if it is invalid, and an error if ClickHouse did not store it."""
        checks = Checks(
            settings=self.services.settings,
            received_ns=arrived.received_ns,
            past_s=self.services.ingest_past_s,
        )
        receipt = Receipt(tenant=self.tenant, received_ns=arrived.received_ns)
        try:
            rows = upload_of(
                read_row(arrived.row, arrived.row.upload_id(self.tenant), checks),
                receipt,
                self.services.settings,
            )
            if rows.upload is not None and not rows.rejected:
                self.services.store.insert(rows.upload)
        except RpcError as error:
            return _NotStoredError() if error.code in _PASSING else error.message
        except Exception as error:  # noqa: BLE001  # one row must not stop the rows after it
            return f"the row cannot be read: {type(error).__name__}"
        return next((error.message for error in rows.rejected.values()), None)

    def _reject(self, part: str, reasons: Mapping[UUID, str]) -> None:
        """Copy rows into `qryn_rejected`, with their reasons."""
        by_reason: dict[str, list[str]] = {}
        for row_id, reason in reasons.items():
            text = reason[:_MAX_REASON_CHARS].encode(errors="replace").decode()
            by_reason.setdefault(text, []).append(str(row_id))
        for reason, row_ids in by_reason.items():
            parameters = {"reason": reason, "part": part, "row_ids": row_ids}
            self.clickhouse.command(_SQL("reject"), parameters)
            log(events.QRYN_ROWS_REJECTED, rows=len(row_ids), reason=reason)

    def _drop(self, part: str) -> bool:
        try:
            self.clickhouse.command(_SQL("drop_part"), {"part": part})
        except DatabaseError as error:
            if error.code not in _GONE:
                raise
            return False
        return True

    def _rows(self, part: str, first: int) -> list[_Arrived]:
        parameters = {"part": part, "first": first, "end": first + _CHUNK_ROWS}
        columns = self.clickhouse.columns(_SQL("rows"), parameters, text=False)
        return [_arrived(values) for values in zip(*columns, strict=True)]


def input_of(services: Services) -> Input | None:
    """Return the input of the settings' database and tenant; None if it has no tables for qryn's collector.

    Raises: OperatorError for an invalid QRYN_INPUT_TENANT, ClickHouseError if the database fails.
    """
    tenant = services.settings.qryn_input_tenant
    if not is_tenant(tenant):
        raise OperatorError(f"invalid QRYN_INPUT_TENANT {tenant!r}: use {CHARACTERS}")
    clickhouse = maintenance_client(services.settings)
    if not has_input_tables(clickhouse):
        clickhouse.close()
        return None
    return Input(clickhouse=clickhouse, services=services, tenant=tenant)


def _arrived(values: Sequence[Any]) -> _Arrived:
    (row_id, received, time, type_, service, types, period_type, period_unit, *more) = values
    (tags, duration, payload_type, payload, sums, tree, functions) = more
    row = Row(
        timestamp_ns=int(time),
        duration_ns=int(duration),
        type=text_of(type_),
        period_type=text_of(period_type),
        period_unit=text_of(period_unit),
        service=text_of(service),
        sample_types=[(text_of(name), text_of(unit)) for name, unit in types],
        tags=[(text_of(name), text_of(value)) for name, value in tags],
        payload_type=text_of(payload_type),
        payload=payload,
        values={text_of(name): int(total) for name, total, _ in sums},
        tree=nodes_of(tree),
        functions=names_of(functions),
    )
    return _Arrived(row_id=row_id, received_ns=int(received), row=row)
