"""The retention of profiles, which the database records with its migrations and enforces through its tables' TTLs."""

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

from clickhouse_connect.driver.client import Client

from flamehouse.errors import OperatorError
from flamehouse.settings import Settings
from flamehouse.store.connection.client import connect
from flamehouse.store.schema.state import UNSETTLED, State, as_argument, in_words, state_of
from flamehouse.store.sql import SqlFile

DEFAULT_DAYS: Final = 30
"""The retention of a new database."""
MAX_DAYS: Final = 10_000
"""A row's time plus the retention must be before 2106, when ClickHouse's DateTime overflows and rows expire at once."""

_ARGUMENT: Final = re.compile(r"([0-9]{1,9})d?")
_TIMEOUT_S: Final = 600

_SQL: Final = SqlFile(__file__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Expiry:
    """When the rows of a table expire: `extra_days` after the retention, counted from `since`, SQL for a row's time."""

    since: str
    extra_days: int = 0

    @property
    def sql(self) -> str:
        """SQL of a row's expiry time, with the parameter `days`."""
        extra = f" + {self.extra_days}" if self.extra_days else ""
        return f"{self.since} + toIntervalDay({{days:UInt32}}{extra})"


EXPIRIES: Final[Mapping[str, Expiry]] = {
    "series": Expiry(since="day", extra_days=1),
    "sampled_profiles": Expiry(since="toDateTime(time)"),
    "rollups": Expiry(since="hour", extra_days=1),
    "stacktraces": Expiry(since="week", extra_days=7),
    "functions": Expiry(since="week", extra_days=7),
    "locations": Expiry(since="week", extra_days=7),
    "mappings": Expiry(since="week", extra_days=7),
    "uploads": Expiry(since="toDateTime(received)", extra_days=7),
}
"""All tables with an expiry. A row for an hour, day or week remains until that whole period has expired."""


class RetentionError(OperatorError):
    """A retention that needs the operator's confirmation."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Expired:
    """The data that a shorter retention deletes; `bytes` is an estimate, as is `profiles` above 65,536."""

    profiles: int
    bytes: int
    oldest: str


@contextmanager
def opened(settings: Settings) -> Iterator[Client]:
    """A client of the existing database in `settings`.

    Raises: OperatorError if the database does not exist.
    """
    name = settings.clickhouse_database
    client = connect(settings, None, _TIMEOUT_S)
    try:
        if not client.query(_SQL("exists"), {"name": name}).result_rows[0][0]:
            raise OperatorError(f"unknown database {name!r}: CLICKHOUSE_DATABASE selects another")
        client.database = name
        yield client
    finally:
        client.close()


def expired_under(client: Client, days: int) -> Expired:
    """The data that a retention of `days` would delete; 0 deletes nothing."""
    if not days:
        return Expired(profiles=0, bytes=0, oldest="")
    parameters = {"days": days}
    [(profiles, oldest)] = client.query(_SQL("expired_profiles"), parameters).result_rows
    size = 0.0
    for table, expiry in EXPIRIES.items():
        sql = _SQL("expired_bytes", table=table, expires_at=expiry.sql)
        size += client.query(sql, {**parameters, "table": table}).result_rows[0][0]
    return Expired(profiles=profiles, bytes=round(size), oldest=str(oldest or ""))


@dataclass(frozen=True, slots=True, kw_only=True)
class Recorded:
    """A recorded retention in days (0: forever), and the current migration of the database."""

    number: int
    days: int


def recorded(client: Client) -> Recorded:
    """The retention of a database.

    Raises: OperatorError if it was never set.
    """
    state = state_of(lambda sql: client.query(sql).result_rows)
    if state.days is None:
        raise OperatorError("the database is not set up; run: flamehouse migrate")
    return Recorded(number=state.number, days=state.days)


def is_shorter(days: int, current: int) -> bool:
    """Whether a retention of `days` is shorter than `current`; 0 means forever."""
    return bool(days) and (not current or days < current)


def settle(client: Client, number: int, wanted: int | None) -> int:
    """Apply the recorded retention, or a longer one if `wanted`; return it in days.

    `number` is the current migration of the database.

    Raises: RetentionError if `wanted` is shorter, or if nothing is recorded and the retention would delete profiles.
    """
    state = state_of(lambda sql: client.query(sql).result_rows)
    days = _chosen(client, state, wanted)
    if (state.number, state.days, state.settled) != (number, days, True):
        apply(client, number, days)
    return days


def apply(client: Client, number: int, days: int) -> None:
    """Set the TTL of every table and record the retention; ClickHouse's next merges delete expired data."""
    client.command(_SQL("record"), {"number": number, "retention_days": UNSETTLED})
    for table, expiry in EXPIRIES.items():
        if days:
            client.command(f"ALTER TABLE {table} MODIFY TTL {expiry.sql}", {"days": days})
        elif client.query(_SQL("has_ttl"), {"table": table}).result_rows[0][0]:
            client.command("ALTER TABLE {table:Identifier} REMOVE TTL", {"table": table})
    client.command(_SQL("record"), {"number": number, "retention_days": days})


def days_of(argument: str) -> int:
    """Parse `30d`, `30` or `forever` into days.

    Raises: ValueError for any other text, or above 10,000 days.
    """
    if argument == "forever":
        return 0
    found = _ARGUMENT.fullmatch(argument)
    if not found or int(found[1]) > MAX_DAYS:
        raise ValueError(f"invalid retention {argument!r}: use days from 1d to {MAX_DAYS}d, or forever")
    return int(found[1])


def _chosen(client: Client, state: State, wanted: int | None) -> int:
    if state.days is None:
        days = DEFAULT_DAYS if wanted is None else wanted
        if stored := expired_under(client, days).profiles:
            raise RetentionError(
                f"the database records no retention, and {days} days would delete {stored:,} profiles; to set it, run: "
                f"flamehouse retention set {as_argument(days)} --yes"
            )
        return days
    if wanted is not None and is_shorter(wanted, state.days):
        raise RetentionError(
            f"RETENTION_DAYS is {wanted}, but the database retains profiles {in_words(state.days)}: unset it, or "
            f"delete the older ones with: flamehouse retention set {as_argument(wanted)} --yes"
        )
    return state.days if wanted is None else wanted
