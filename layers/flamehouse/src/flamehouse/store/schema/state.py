"""The recorded state of a database, and the migrations that this code has.

Every process that queries reads both. `migrate` and `retention` change a database.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from flamehouse.store.sql import SqlFile

_SQL: Final = SqlFile(__file__)
MIGRATIONS: Final = Path(__file__).with_name("migrations")

UNSETTLED: Final = 2**32 - 1
"""Recorded while the TTLs change. After an interruption, the previous retention is applied again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """The recorded state of a database: its last migration, and its retention (None: never set; 0: forever).

    `settled` is false if the last change of the retention was interrupted.
    """

    number: int
    days: int | None
    settled: bool


def state_of(rows: Callable[[str], Sequence[Sequence[Any]]]) -> State:
    """The state of the database that `rows` queries."""
    [(number, days, ever_set, changing)] = rows(_SQL("state", unsettled=str(UNSETTLED)))
    return State(number=number, days=days if ever_set else None, settled=bool(ever_set) and not changing)


def scripts() -> list[Path]:
    """The files of the migrations, in order."""
    return sorted(MIGRATIONS.glob("*.sql"))


def latest_number() -> int:
    """The number of the latest migration in this code."""
    return int(scripts()[-1].stem)


def in_words(days: int) -> str:
    """The retention in words, for messages."""
    return f"for {days} day{'s' if days != 1 else ''}" if days else "forever"


def as_argument(days: int) -> str:
    """The retention as an argument of `flamehouse retention set`."""
    return f"{days}d" if days else "forever"
