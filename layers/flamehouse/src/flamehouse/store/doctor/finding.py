"""Findings of an examination, and the input of its checks."""

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from flamehouse.settings import Settings
from flamehouse.store.connection.client import ClickHouse


class Severity(StrEnum):
    """The severity of a finding: a fault loses or rejects profiles, now or later; a warning costs time or money."""

    OK = "ok"
    WARNING = "warning"
    FAULT = "fault"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """The result of a check; `advice` says what to do, and is empty if nothing is wrong."""

    check: str
    severity: Severity
    text: str
    advice: str = ""

    def __str__(self) -> str:
        """Return the finding in one line."""
        line = f"{self.severity:<8} {self.check}: {self.text}"
        return f"{line}; {self.advice}" if self.advice else line


@dataclass(frozen=True, slots=True, kw_only=True)
class Thresholds:
    """The values from which a check warns or reports a fault."""

    latency_ms: float = 100
    skew_warning_s: float = 2
    skew_fault_s: float = 60
    parts_warning: int = 300
    parts_fault: int = 1_000
    """ClickHouse delays inserts into a partition with this many parts (parts_to_delay_insert)."""
    hours_without_rollups: int = 24


@dataclass(frozen=True, slots=True, kw_only=True)
class Examination:
    """A database to examine as the user in `settings`, who should have the grants of `roles`.

    `clock` returns Unix time in seconds.
    """

    clickhouse: ClickHouse
    settings: Settings
    roles: tuple[str, ...]
    clock: Callable[[], float] = time.time
    thresholds: Thresholds = field(default_factory=Thresholds)


type Check = Callable[[Examination], Iterator[Finding]]
"""Yields at least one finding. Raises ClickHouseError if the database fails."""

type Checks = Mapping[str, Check]
"""Checks by name, in the order in which they run."""
