"""Numbers the entries of OTLP's tables for pprof: numbers are indices, because 0 means none in both formats."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from google.protobuf.message import Message

from flamehouse.errors import invalid_argument


@dataclass(frozen=True, slots=True, kw_only=True)
class Numbering:
    """The numbers of one table's entries. An entry that a client puts at index 0 gets the number after the last."""

    table: str
    count: int
    has_0: bool
    """Whether index 0 has an entry."""

    @classmethod
    def of[Entry: Message](cls, table: str, entries: Sequence[Entry]) -> "Numbering":
        return cls(table=table, count=len(entries), has_0=bool(entries) and entries[0].ByteSize() > 0)

    def number(self, index: int) -> int:
        """Returns the number of the entry at an index.

        Raises RpcError(INVALID_ARGUMENT) for an index beyond the table; 0 is valid even for an empty table.
        """
        if not 0 <= index < (self.count or 1):
            raise invalid_argument(f"index {index} is out of range: {self.table} has {self.count} entries")
        return index or (self.count if self.has_0 else 0)

    def unchecked(self, indices: Sequence[int]) -> Sequence[int]:
        """Like `number`, for many indices, without a check."""
        return [index or self.count for index in indices] if self.has_0 else indices

    def check(self, numbers: Collection[int]) -> None:
        """Raises RpcError(INVALID_ARGUMENT) for a number that is neither 0 nor that of an entry."""
        for number in (min(numbers), max(numbers)) if numbers else ():
            if number != self.count or not self.has_0:
                self.number(number)

    def index(self, number: int) -> int:
        """Returns the index of the entry with this number, which is not 0."""
        return number if number < self.count else 0
