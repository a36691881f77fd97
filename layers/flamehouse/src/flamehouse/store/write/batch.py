"""Turns uploads into INSERTs: one per week of profile time, since a week is a partition."""

from collections.abc import Iterator, Sequence

from flamehouse.model.profile import SeriesProfile, Upload
from flamehouse.store.write.row_binary import profile_row, symbols_row
from flamehouse.store.write.seen_ids import FreshSymbols, Known, SymbolScope
from flamehouse.units import DAYS_PER_WEEK, FIRST_MONDAY, NS_PER_DAY


class Batch:
    """Uploads to store together: run the `inserts` in order, then call `stored`.

    Alternatively, run `symbols` and `profiles` separately, in this order: rows of symbols may be inserted repeatedly.
    """

    def __init__(self, uploads: Sequence[Upload], known: Known) -> None:
        self._known = known
        self._rows: dict[int, list[bytes]] = {}
        self._symbols: dict[SymbolScope, FreshSymbols] = {}
        self._series: set[tuple[str, int, int]] = set()
        self._read: set[tuple[SymbolScope, int]] = set()
        for upload in uploads:
            for profile in upload.profiles:
                self._add(upload, profile)

    def inserts(self) -> Iterator[tuple[int, bytes]]:
        """The number of each week, and its rows for the table `ingest`."""
        for week, rows in self.profiles():
            yield week, rows + self._symbols_of(week)

    def profiles(self) -> Iterator[tuple[int, bytes]]:
        """The rows of profiles in `inserts`."""
        for week, rows in self._rows.items():
            yield week, b"".join(rows)

    def symbols(self) -> Iterator[tuple[int, bytes]]:
        """The rows of symbols in `inserts`, for the weeks that have any."""
        for week in self._rows:
            if rows := self._symbols_of(week):
                yield week, rows

    def stored(self) -> None:
        """Remember the stored series and symbols; call this after every insert has succeeded."""
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

    def _symbols_of(self, week: int) -> bytes:
        time_ns = max(0, week * DAYS_PER_WEEK + FIRST_MONDAY) * NS_PER_DAY
        return b"".join(
            symbols_row(tenant, service, time_ns, symbols)
            for (tenant, service, of_week), symbols in self._symbols.items()
            if of_week == week and symbols
        )

    def _add(self, upload: Upload, profile: SeriesProfile) -> None:
        week = week_of(profile.time_ns)
        row = profile_row(upload.tenant, upload.id, profile, with_labels=self._is_new(upload.tenant, profile))
        self._rows.setdefault(week, []).append(row)
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


def week_of(time_ns: int) -> int:
    """The number of the ISO week (UTC) that contains the time."""
    return (time_ns // NS_PER_DAY - FIRST_MONDAY) // DAYS_PER_WEEK
