"""Uploads that can be counted: how often each occurs in every table of samples or totals."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from flamehouse.model.profile import Upload
from flamehouse.pb.push_pb2 import RawProfileSeries
from flamehouse.pb.querier_pb2 import FlameGraph
from flamehouse.settings import Settings
from flamehouse.store import Store
from tests.support.queries.queries import Server, some_monday_ms
from tests.support.servers.doubles import CannedStore
from tests.support.uploads.profiles import labels_of, pprof_of, sample
from tests.support.uploads.uploads import series

type Counts = Mapping[str, Mapping[str, int]]
"""The count of each upload by table and week; `shared` is the stack that all have in common."""

_SHARED = "shared"
_MINUTE = 60_000
_HOUR = 60 * _MINUTE
_WEEK = 7 * 24 * _HOUR
_FIRST = 10 * _HOUR + 10 * _MINUTE
_RANGES = {
    "samples": (_FIRST, _FIRST + 4 * _MINUTE),
    "rollups": (10 * _HOUR, 12 * _HOUR),
}
"""Ranges from a Monday's midnight that cover all profiles: one reads only their samples, the other valid roll-ups."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Counted:
    """A tenant's numbered uploads of one series: each has a profile in the week of `monday` and one in the next."""

    server: Server
    monday: int

    @classmethod
    def on(cls, store: Store, settings: Settings, tenant: str | None = None) -> "Counted":
        return cls(server=Server.on(store, settings, tenant), monday=some_monday_ms())

    def through(self, server: Server) -> "Counted":
        """Returns the same uploads, sent to and counted by another server."""
        return replace(self, server=server)

    @property
    def mondays(self) -> tuple[int, int]:
        return (self.monday, self.monday + _WEEK)

    def series(self, number: int, **labels: str) -> RawProfileSeries:
        """Returns the series of the push of upload `number`."""
        return upload_series(self.monday, number, **labels)

    def send(self, number: int) -> int:
        """Sends an upload; returns the status."""
        return self.server.send_push(self.series(number)).status_code

    def upload(self, number: int, **labels: str) -> Upload:
        """Returns the upload that the store receives."""
        store = CannedStore(retention=0)
        server = Server.on(store, Settings(), self.server.client.tenant)
        server.push(self.series(number, **labels))
        ((_, upload),) = store.calls
        assert isinstance(upload, Upload)
        return upload

    def counts(self) -> Counts:
        """Returns the counts in the server's responses."""
        return {
            f"{table}, week {week}": counts
            for week, monday in enumerate(self.mondays, 1)
            for table, counts in self._week_counts(monday).items()
        }

    def services(self) -> list[str]:
        """Returns the services on the days of the profiles."""
        return self.server.label_values(*self.mondays, "service_name")

    def _week_counts(self, monday: int) -> dict[str, dict[str, int]]:
        flamegraphs = {
            table: self.server.flamegraph(monday + start, monday + end)
            for table, (start, end) in _RANGES.items()
        }
        start, end = _RANGES["samples"]
        points = [
            point
            for _, points in self.server.series(monday + start, monday + end, step=0.001)
            for point in points
        ]
        return {
            "profiles": {_name(at - monday - _FIRST): int(total) // 2 for at, total in points},
            **{table: _selves(flamegraph) for table, flamegraph in flamegraphs.items()},
        }


def upload_series(monday: int, number: int, **labels: str) -> RawProfileSeries:
    """Returns the series that upload `number` pushes."""
    samples = [sample(["main", _SHARED], 1), sample(["main", _name(number)], 1)]
    profiles = (
        pprof_of(samples, time_ms=midnight + _FIRST + number) for midnight in (monday, monday + _WEEK)
    )
    return series(labels_of(**labels), *profiles)


def once(numbers: Iterable[int]) -> Counts:
    """Returns the counts if each of these uploads, and no other, is stored once."""
    names = {_name(number): 1 for number in numbers}
    in_samples = {_SHARED: len(names), **names} if names else {}
    tables = {"profiles": names, **dict.fromkeys(_RANGES, in_samples)}
    return {f"{table}, week {week}": counts for week in (1, 2) for table, counts in tables.items()}


def _name(number: int) -> str:
    return f"upload {number}"


def _selves(flamegraph: FlameGraph) -> dict[str, int]:
    """Returns the value of every leaf."""
    return {
        flamegraph.names[name]: self_
        for level in flamegraph.levels[1:]
        for self_, name in zip(level.values[2::4], level.values[3::4], strict=True)
        if flamegraph.names[name] != "main"
    }
