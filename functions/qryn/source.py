"""Reads profiles and totals from the tables of a qryn database, in windows of bounded size."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import batched
from typing import Any, Final

from flamehouse.errors import OperatorError
from flamehouse.store.connection.client import ClickHouse
from flamehouse.store.sql import SqlFile
from flamehouse.units import NS_PER_HOUR
from qryn.row import Node, Row

_SQL: Final = SqlFile(__file__)
_FINEST_NS: Final = 10**6
_FINER: Final = 60
_MAX_WINDOW_ROWS: Final = 20_000
_MAX_WINDOW_BYTES: Final = 64 << 20
_MAX_BOUND: Final = 2_000
"""The maximum number of ids per query: a server accepts parameters of up to 128 KiB."""
_MAX_TAGS: Final = 100_000
"""The number of series with cached tags."""
_TREE: Final = ("tree", "functions")
_EMPTY_TREE: Final = (
    "CAST([], 'Array(Tuple(UInt64, UInt64, UInt64, Array(Tuple(String, Int64, Int64))))')",
    "CAST([], 'Array(Tuple(UInt64, String))')",
)
_TYPES_OF_VALUES: Final = "arrayMap(x -> (splitByChar(':', x.1)[1], splitByChar(':', x.1)[2]), values_agg)"


@dataclass(frozen=True, slots=True, kw_only=True)
class Range:
    """A time range in nanoseconds since the epoch that excludes `until_ns`, and services; empty means all services."""

    from_ns: int
    until_ns: int
    services: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """The values of `timestamp_ns` from `first` to `last`, and the number of rows."""

    first: int
    last: int
    rows: int
    bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """The number of rows in a range, and the times of the first and the last."""

    rows: int
    first_ns: int
    last_ns: int
    first_stored: int
    last_stored: int


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundRow:
    """A row, and the fields that identify it in its table."""

    row: Row
    fingerprint: int
    payload_hash: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Total:
    """The sum of a sample type (`type:unit`) on a day, given as days since the epoch.

    `once` counts identical rows once; `again` is what qryn adds for their repetitions.
    """

    type_id: str
    service: str
    day: int
    sample_type: str
    once: int
    again: int


@dataclass(slots=True, kw_only=True)
class Source:
    """The profiles of a qryn database. Methods raise ClickHouseError."""

    clickhouse: ClickHouse
    profiles: str
    series: str
    columns: frozenset[str]
    _tags: dict[int, Sequence[tuple[str, str]]] = field(default_factory=dict)

    @property
    def has_trees(self) -> bool:
        """Whether the table has trees, which the first version of qryn's schema lacked."""
        return self.columns.issuperset(_TREE)

    def bounds(self, within: Range) -> Bounds | None:
        """Return the bounds of the range's rows; None if it has no rows."""
        [(rows, *bounds)] = self._columns("bounds", within)
        first, last, first_stored, last_stored = map(int, bounds)
        if not rows:
            return None
        return Bounds(
            rows=int(rows), first_ns=first, last_ns=last, first_stored=first_stored, last_stored=last_stored
        )

    def windows(self, within: Range, bounds: Bounds) -> Iterator[Window]:
        """Yield windows that cover the range's rows, in order of time, within the size limits where possible."""
        yield from self._windows(within, bounds.first_stored, bounds.last_stored, NS_PER_HOUR)

    def _windows(self, within: Range, first: int, last: int, step: int) -> Iterator[Window]:
        waiting: Window | None = None
        for slot, rows, size in self._columns("sizes", within, first=first, last=last, step=step):
            start = max(int(slot) * step, first)
            end = min((int(slot) + 1) * step - 1, last)
            window = Window(first=start, last=end, rows=int(rows), bytes=int(size))
            joined = window if waiting is None else _joined(waiting, window)
            if _fits(joined):
                waiting = joined
                continue
            if waiting is not None:
                yield waiting
            waiting = None
            if _fits(window) or step <= _FINEST_NS:
                waiting = window
            else:
                yield from self._windows(within, start, end, max(step // _FINER, _FINEST_NS))
        if waiting is not None:
            yield waiting

    def rows(self, within: Range, window: Window) -> list[FoundRow]:
        """Return the rows of a window, in order of time; rows with a payload come without their trees."""
        tree, functions = self._tree_columns("if(payload = '', {column}, [])")
        return self._rows(within, window, tree, functions)

    def rows_with_trees(self, within: Range, window: Window, rows: Sequence[FoundRow]) -> list[FoundRow]:
        """Return the same rows, with their trees."""
        tree, functions = self._tree_columns("{column}")
        found: list[FoundRow] = []
        for some in batched(rows, _MAX_BOUND, strict=False):
            keys: dict[str, object] = {
                "times": [each.row.timestamp_ns for each in some],
                "fingerprints": [each.fingerprint for each in some],
                "hashes": [each.payload_hash for each in some],
            }
            found += self._rows(within, window, tree, functions, keys)
        return found

    def totals(self, within: Range, window: Window) -> Iterator[Total]:
        """Return the totals of a window's rows by type, service and day."""
        content = "sipHash64(if(payload = '', tree, []))" if self.has_trees else "''"
        rows = self._columns("totals", within, first=window.first, last=window.last, content=content)
        for type_id, service, day, sample_type, once, again in rows:
            yield Total(
                type_id=text_of(type_id),
                service=text_of(service),
                day=int(day),
                sample_type=text_of(sample_type),
                once=int(once),
                again=int(again),
            )

    def _tree_columns(self, form: str) -> Sequence[str]:
        if not self.has_trees:
            return _EMPTY_TREE
        return [form.format(column=column) for column in _TREE]

    def _rows(
        self,
        within: Range,
        window: Window,
        tree: str,
        functions: str,
        keys: Mapping[str, object] | None = None,
    ) -> list[FoundRow]:
        sample_types = "sample_types_units" if "sample_types_units" in self.columns else _TYPES_OF_VALUES
        found = self._columns(
            "rows",
            within,
            first=window.first,
            last=window.last,
            keys=keys,
            sample_types=sample_types,
            tree=f"{tree} AS the_tree",
            functions=f"{functions} AS the_functions",
        )
        self._remember_tags({int(row[8]) for row in found})
        with_tree = keys is not None or not self.has_trees
        return [self._row(values, with_tree=with_tree) for values in found]

    def _row(self, values: Sequence[Any], *, with_tree: bool) -> FoundRow:
        (
            time,
            duration,
            type_id,
            service,
            types,
            payload_type,
            payload,
            sums,
            fingerprint,
            hash_,
            tree,
            names,
        ) = values
        type_, period_type, period_unit = parts_of(text_of(type_id))
        known = with_tree or not payload
        row = Row(
            timestamp_ns=int(time),
            duration_ns=int(duration),
            type=type_,
            period_type=period_type,
            period_unit=period_unit,
            service=text_of(service),
            sample_types=[(text_of(name), text_of(unit)) for name, unit in types],
            tags=self._tags.get(int(fingerprint), ()),
            payload_type=text_of(payload_type),
            payload=payload,
            values={text_of(name): int(total) for name, total, _ in sums},
            tree=nodes_of(tree) if known else None,
            functions=names_of(names) if known else None,
        )
        return FoundRow(row=row, fingerprint=int(fingerprint), payload_hash=int(hash_))

    def _remember_tags(self, fingerprints: set[int]) -> None:
        if len(self._tags) > _MAX_TAGS:
            self._tags.clear()
        unknown = sorted(fingerprints - self._tags.keys())
        sql = _SQL("tags", series=self.series)
        for some in batched(unknown, _MAX_BOUND, strict=False):
            for fingerprint, tags in _rows_of(
                self.clickhouse.columns(sql, {"fingerprints": list(some)}, text=False)
            ):
                self._tags[int(fingerprint)] = [(text_of(name), text_of(value)) for name, value in tags]

    def _columns(
        self,
        part: str,
        within: Range,
        *,
        first: int = 0,
        last: int = 2**64 - 1,
        step: int = NS_PER_HOUR,
        keys: Mapping[str, object] | None = None,
        **sql: str,
    ) -> list[Sequence[Any]]:
        """Run a query on the selected rows and return its result."""
        time = _SQL("time")
        selected = _SQL("selected", time=time) + ("\n" + _SQL("of_rows") if keys else "")
        text = _SQL(part, profiles=self.profiles, time=time, selected=selected, **sql)
        parameters: dict[str, object] = {
            "from_ns": within.from_ns,
            "until_ns": within.until_ns,
            "services": list(within.services),
            "first": first,
            "last": last,
            **({"step": step} if part == "sizes" else {}),
            **(keys or {}),
        }
        return _rows_of(self.clickhouse.columns(text, parameters, text=False))


def open_source(clickhouse: ClickHouse, database: str) -> Source:
    """Return the source for a database, which reads distributed tables if the database has them.

    Raises: OperatorError if the database has no qryn tables.
    """
    found = {table: frozenset(names) for table, names in clickhouse.rows(_SQL("tables"))}
    suffix = "_dist" if {"profiles_dist", "profiles_series_dist"} <= found.keys() else ""
    if not {f"profiles{suffix}", f"profiles_series{suffix}"} <= found.keys():
        raise OperatorError(
            f"the database {database!r} has no qryn tables profiles and profiles_series; --database selects another"
        )
    return Source(
        clickhouse=clickhouse,
        profiles=f"profiles{suffix}",
        series=f"profiles_series{suffix}",
        columns=found[f"profiles{suffix}"],
    )


def nodes_of(tree: Sequence[Any]) -> list[Node]:
    """Return the nodes of a `tree` as ClickHouse returns it."""
    return [
        Node(
            int(parent),
            int(function),
            int(id_),
            [(text_of(name), int(own), int(all_)) for name, own, all_ in values],
        )
        for parent, function, id_, values in tree
    ]


def names_of(functions: Sequence[Any]) -> dict[int, str]:
    """Return the names in `functions` as ClickHouse returns it, by id."""
    return {int(id_): text_of(name).encode(errors="replace").decode() for id_, name in functions}


def text_of(data: bytes | str) -> str:
    """Return a ClickHouse String as text; bytes that are not UTF-8 are escaped (`surrogateescape`)."""
    return data if isinstance(data, str) else data.decode(errors="surrogateescape")


def parts_of(type_id: str) -> tuple[str, str, str]:
    """Return the type, period type and period unit of a `type_id`."""
    type_, period_type, period_unit = f"::{type_id}".rsplit(":", 2)
    return type_.removeprefix("::"), period_type, period_unit


def _joined(one: Window, other: Window) -> Window:
    return Window(first=one.first, last=other.last, rows=one.rows + other.rows, bytes=one.bytes + other.bytes)


def _fits(window: Window) -> bool:
    return window.rows <= _MAX_WINDOW_ROWS and window.bytes <= _MAX_WINDOW_BYTES


def _rows_of(columns: Sequence[Sequence[Any]]) -> list[Sequence[Any]]:
    return [*zip(*columns, strict=True)]
