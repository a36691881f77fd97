"""Reads instruments: a call tree copied from Xcode's Instruments (Edit > Deep Copy), in tab-separated columns.

A row is a frame with its total, self value and name: `4.93 s  100.0%`, `846.00 ms`, ` main`. The name's indent is the
depth of the frame. Without a column of self values, these are the totals minus those of the callees.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from flamehouse.errors import invalid_argument
from ingest.formats import Parsed
from ingest.formats.stacks.app_name import SampleType, sample_type_of
from ingest.formats.stacks.stack_profile import CPU_TIME, MeasuredStacks, Stack, upload_of_measured
from ingest.formats.stacks.text_lines import split_lines
from ingest.request.body import WHOLE_BODY
from ingest.request.json_fields import shown
from ingest.request.query import IngestRequest

_TOTALS: Final = ("Weight", "Running Time", "Bytes Used")
_OWN: Final = ("Self Weight", "Self")
_NAMES: Final = ("Symbol Name", "Symbol Names")
_VALUE: Final = re.compile(r"\s*([\d.,]{1,20})\s*([^\W\d]*)")

_CYCLES: Final = SampleType(metric="process_cpu", type="cycles", unit="count")
_COUNT: Final = SampleType(metric="process_cpu", type="samples", unit="count")
_BYTES: Final = sample_type_of("bytes")
_UNITS: Final[Mapping[str, tuple[SampleType, float]]] = {
    "ns": (CPU_TIME, 1),
    "us": (CPU_TIME, 1e3),
    "µs": (CPU_TIME, 1e3),
    "μs": (CPU_TIME, 1e3),
    "ms": (CPU_TIME, 1e6),
    "s": (CPU_TIME, 1e9),
    "min": (CPU_TIME, 60e9),
    "h": (CPU_TIME, 3_600e9),
    "Bytes": (_BYTES, 1),
    "KB": (_BYTES, 1 << 10),
    "KiB": (_BYTES, 1 << 10),
    "MB": (_BYTES, 1 << 20),
    "MiB": (_BYTES, 1 << 20),
    "GB": (_BYTES, 1 << 30),
    "GiB": (_BYTES, 1 << 30),
    "cycles": (_CYCLES, 1),
    "c": (_CYCLES, 1),
    "Kc": (_CYCLES, 1e3),
    "Mc": (_CYCLES, 1e6),
    "Gc": (_CYCLES, 1e9),
    "Tc": (_CYCLES, 1e12),
    "": (_COUNT, 1),
}
"""The sample type and factor of each unit. Units of size are powers of 1,024."""


@dataclass(slots=True, kw_only=True)
class _Row:
    """A frame below `depth` others. `own` is its self value, from the column or else computed from its callees."""

    depth: int
    name: str
    own: float


def parse(request: IngestRequest, parts: Mapping[str, bytes]) -> Parsed:
    """Returns one profile of CPU time, bytes, cycles or counts, depending on the unit of the first row."""
    lines = split_lines(parts.get(WHOLE_BODY, b""))
    header = next((number for number, line in enumerate(lines) if line), 0)
    columns = _Columns.of(_decoded(lines[header], header + 1))
    rows = [
        columns.row(_decoded(line, at + 1), at + 1) for at, line in enumerate(lines) if at > header and line
    ]
    if columns.own is None:
        _subtract_callees(rows)
    measured = MeasuredStacks(
        sample_type=columns.sample_type or _COUNT, count=len(rows), stacks=_stacks(rows)
    )
    return upload_of_measured(request, [measured])


@dataclass(slots=True, kw_only=True)
class _Columns:
    """The columns of the total, the self value and the name, and the sample type and indent of the first row."""

    total: int
    own: int | None
    name: int
    sample_type: SampleType | None = None
    indent: int = 0

    @classmethod
    def of(cls, header: str) -> "_Columns":
        names = [name.strip() for name in header.split("\t")]

        def find(wanted: Sequence[str]) -> int | None:
            return next((at for at, name in enumerate(names) if name in wanted), None)

        total, name = find(_TOTALS), find(_NAMES)
        if total is None or name is None:
            raise invalid_argument(
                f"expected a tab-separated header with {' or '.join(_TOTALS)} and {_NAMES[0]}, found '{shown(header)}'"
            )
        return cls(total=total, own=find(_OWN), name=name)

    def row(self, line: str, number: int) -> _Row:
        """Reads a row, whose unit must belong to the sample type of the first row."""
        cells = line.split("\t")
        if len(cells) <= self.name:
            raise invalid_argument(f"line {number}: expected {self.name + 1} tab-separated columns")
        name = cells[self.name].strip()
        indent = len(cells[self.name]) - len(cells[self.name].lstrip())
        value = self._value(cells[self.total], number)
        if self.sample_type is None:
            raise invalid_argument(f"line {number}: expected a value in column {self.total + 1}")
        if self.own is not None:
            value = self._value(cells[self.own], number)
        if not self.indent:
            self.indent = indent + 1
        return _Row(depth=indent + 1 - self.indent, name=name, own=value)

    def _value(self, cell: str, number: int) -> float:
        found = _VALUE.match(cell)
        if found is None:
            return 0
        digits, unit = found[1], found[2]
        digits = digits.replace(",", "") if "." in digits else digits.replace(",", ".")
        type_, factor = _UNITS.get(unit, (None, 0))
        if type_ is None:
            raise invalid_argument(
                f"line {number}: unknown unit '{shown(unit)}' (known: {', '.join(filter(None, _UNITS))})"
            )
        self.sample_type = self.sample_type or type_
        try:
            value = float(digits) * factor
        except ValueError as error:
            raise invalid_argument(f"line {number}: expected a number, found '{shown(digits)}'") from error
        if value and type_ is not self.sample_type:
            raise invalid_argument(
                f"line {number}: the unit '{unit}' is not a unit of {self.sample_type.type}"
            )
        return value


def _subtract_callees(rows: Sequence[_Row]) -> None:
    """Computes the self value of each row: its total minus those of its direct callees."""
    above: list[_Row] = []
    totals = [row.own for row in rows]
    for row, total in zip(rows, totals, strict=True):
        del above[max(row.depth, 0) :]
        if above:
            above[-1].own -= total
        above.append(row)


def _stacks(rows: Sequence[_Row]) -> Iterator[Stack]:
    names: list[str] = []
    for number, row in enumerate(rows, 1):
        if not 0 <= row.depth <= len(names):
            raise invalid_argument(
                f"row {number}: '{shown(row.name)}' is indented by more than one level from the row above "
                "or less than the first row"
            )
        del names[row.depth :]
        names.append(row.name)
        value = round(row.own)
        if value > 0:
            yield [*names], value


def _decoded(line: bytes, number: int) -> str:
    try:
        return line.decode()
    except UnicodeDecodeError as error:
        raise invalid_argument(f"line {number} is not UTF-8 text: {error.reason}") from error
