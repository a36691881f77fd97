"""Turns uploads into INSERTs: one per week of profile time, since a week is a partition, and more for a large upload.

Each INSERT has a name, from which the caller forms its deduplication token. Which profiles an INSERT contains depends
only on the uploads, so every process makes the same INSERTs.
"""

from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple
from uuid import uuid4

from flamehouse.model.profile import SeriesProfile, Upload
from flamehouse.store.write.row_binary import profile_row, symbols_row
from flamehouse.store.write.seen_ids import FreshSymbols, Known, SymbolScope
from flamehouse.units import DAYS_PER_WEEK, FIRST_MONDAY, NS_PER_DAY

_MAX_SAMPLES: Final = 100_000
"""The maximum of an upload's samples per INSERT, rounded up to whole profiles. Almost every upload has fewer."""


class _Part(NamedTuple):
    """An INSERT of profiles: the week's number, and the number of this part of a large upload."""

    week: int
    number: int

    @property
    def name(self) -> str:
        return f"{self.week}:part{self.number}" if self.number else str(self.week)


class _Row(NamedTuple):
    upload: Upload
    profile: SeriesProfile
    with_labels: bool

    def encode(self) -> bytes:
        return profile_row(self.upload.tenant, self.upload.id, self.profile, with_labels=self.with_labels)


class Batch:
    """Uploads to store together: run the `inserts` in order, then call `stored`.

    Alternatively, run `symbols` and `profiles` separately, in this order: rows of symbols may be inserted repeatedly.
    Rows are encoded only when their INSERT is due.
    """

    def __init__(self, uploads: Sequence[Upload], known: Known) -> None:
        self._known = known
        self._rows: dict[_Part, list[_Row]] = {}
        self._symbols: dict[SymbolScope, FreshSymbols] = {}
        self._series: set[tuple[str, int, int]] = set()
        self._read: set[tuple[SymbolScope, int]] = set()
        for upload in uploads:
            samples = 0
            for profile in upload.profiles:
                self._add(upload, profile, samples // _MAX_SAMPLES)
                samples += profile.sample_count

    def inserts(self) -> Iterator[tuple[str, bytes]]:
        """The name of each INSERT, and its rows for the table `ingest`.

        The INSERTs of a small batch also contain its symbols. A large batch starts with separate INSERTs of symbols.
        Their names are unique, since each process has different symbols to store.
        """
        if self._is_small:
            for part, rows in self._rows.items():
                yield part.name, _joined(rows) + b"".join(self._symbols_of(part.week))
            return
        yield from self.symbols()
        yield from self.profiles()

    def profiles(self) -> Iterator[tuple[str, bytes]]:
        """The INSERTs of profiles, as in `inserts`."""
        for part, rows in self._rows.items():
            yield part.name, _joined(rows)

    def symbols(self) -> Iterator[tuple[str, bytes]]:
        """The INSERTs of symbols, as in `inserts`, for the weeks that have any."""
        for week in self._weeks:
            for rows in self._symbols_of(week):
                yield f"{week}:symbols:{uuid4().hex}", rows

    @property
    def _is_small(self) -> bool:
        parts = len(self._rows) == len(self._weeks)
        return parts and all(each.is_small for each in self._symbols.values())

    @property
    def _weeks(self) -> Sequence[int]:
        return [*dict.fromkeys(part.week for part in self._rows)]

    def stored(self) -> None:
        """Remember the stored series and symbols; call this after all inserts have succeeded."""
        self.symbols_stored()
        self.profiles_stored()

    def symbols_stored(self) -> None:
        """Remember the symbols; call this after their rows are stored."""
        for scope, symbols in self._symbols.items():
            symbols.remember(self._known, scope)

    def profiles_stored(self) -> None:
        """Remember the series; call this after the rows of profiles are stored."""
        for tenant, day, fingerprint in self._series:
            self._known.add(("series", tenant, day), (fingerprint,))

    def _symbols_of(self, week: int) -> Iterator[bytes]:
        """The symbols of a week, as rows: those of all small services together, those of a large one in pieces."""
        time_ns = max(0, week * DAYS_PER_WEEK + FIRST_MONDAY) * NS_PER_DAY
        small: list[bytes] = []
        for (tenant, service, of_week), symbols in self._symbols.items():
            if of_week != week or not symbols:
                continue
            rows = (symbols_row(tenant, service, time_ns, piece) for piece in symbols.pieces())
            if symbols.is_small:
                small += rows
            else:
                yield from rows
        if small:
            yield b"".join(small)

    def _add(self, upload: Upload, profile: SeriesProfile, number: int) -> None:
        week = week_of(profile.time_ns)
        row = _Row(upload, profile, self._is_new(upload.tenant, profile))
        self._rows.setdefault(_Part(week, number), []).append(row)
        scope = (upload.tenant, profile.service, week)
        if (scope, id(profile.symbols)) not in self._read:
            self._read.add((scope, id(profile.symbols)))
            self._symbols.setdefault(scope, FreshSymbols()).add_unknown(profile.symbols, self._known, scope)

    def _is_new(self, tenant: str, profile: SeriesProfile) -> bool:
        """Whether the series of the profile is not yet stored for its day."""
        day = profile.time_ns // NS_PER_DAY
        series = (tenant, day, profile.fingerprint)
        if series in self._series or profile.fingerprint in self._known.of(("series", tenant, day)):
            return False
        self._series.add(series)
        return True


def _joined(rows: Sequence[_Row]) -> bytes:
    return b"".join(row.encode() for row in rows)


def week_of(time_ns: int) -> int:
    """The number of the ISO week (UTC) that contains the time."""
    return (time_ns // NS_PER_DAY - FIRST_MONDAY) // DAYS_PER_WEEK
