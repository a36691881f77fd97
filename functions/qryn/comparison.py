"""Compares qryn's totals by profile type, service and day with those of the imported profiles."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

from flamehouse.store.connection.client import ClickHouse
from flamehouse.store.sql import SqlFile
from qryn.row import ID_PREFIX, service_of, type_name
from qryn.source import Range, Source, Total, Window, parts_of

_SQL: Final = SqlFile(__file__)


class Key(NamedTuple):
    """The key of a total; `day` counts from the epoch."""

    day: int
    service: str
    profile_type: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Compared:
    """The totals of one key: qryn's with identical rows counted once, what their repetitions add, and flamehouse's."""

    key: Key
    theirs: int
    repeated: int
    ours: int

    @property
    def differs(self) -> bool:
        return self.theirs != self.ours


def compare(
    source: Source, clickhouse: ClickHouse, tenant: str, within: Range, windows: Iterable[Window]
) -> list[Compared]:
    """Return the totals of the range, sorted by day, service and type.

    Raises: ClickHouseError if either database fails.
    """
    once: dict[Key, int] = {}
    again: dict[Key, int] = {}
    for window in windows:
        for total in source.totals(within, window):
            key = _key_of(total)
            once[key] = once.get(key, 0) + total.once
            again[key] = again.get(key, 0) + total.again
    ours = _our_totals(clickhouse, tenant, within)
    return [
        Compared(key=key, theirs=once.get(key, 0), repeated=again.get(key, 0), ours=ours.get(key, 0))
        for key in sorted(once.keys() | ours.keys())
    ]


def _key_of(total: Total) -> Key:
    name, period_type, period_unit = parts_of(total.type_id)
    profile_type = f"{type_name(name, period_type)}:{total.sample_type}:{period_type}:{period_unit}"
    return Key(total.day, service_of(total.service), profile_type)


def _our_totals(clickhouse: ClickHouse, tenant: str, within: Range) -> Mapping[Key, int]:
    services: Sequence[str] = [service_of(service) for service in within.services]
    parameters = {
        "tenant": tenant,
        "from_ns": within.from_ns,
        "until_ns": within.until_ns,
        "prefix": ID_PREFIX.decode(),
        "services": services,
    }
    rows = clickhouse.rows(_SQL("totals"), parameters)
    return {Key(int(day), service, type_): int(total) for service, type_, day, total in rows}
