"""What the entries of OTLP's tables are called in a pprof: by their index, as 0 stands for nothing in both."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from google.protobuf.message import Message

from flamehouse.errors import invalid_argument


@dataclass(frozen=True, slots=True, kw_only=True)
class Numbering:
    """The numbers of one table's entries. What a client put at index 0 all the same has the number after the last."""

    table: str
    count: int
    has_0: bool
    """Whether there is something at index 0."""

    @classmethod
    def of[Entry: Message](cls, table: str, entries: Sequence[Entry]) -> "Numbering":
        return cls(table=table, count=len(entries), has_0=bool(entries) and entries[0].ByteSize() > 0)

    def number(self, index: int) -> int:
        """RpcError invalid_argument for an index beyond the table. 0 is beyond none, which may be left out then."""
        if not 0 <= index < (self.count or 1):
            raise invalid_argument(f"index {index} is out of range: {self.table} has {self.count} entries")
        return index or (self.count if self.has_0 else 0)

    def unchecked(self, indices: Sequence[int]) -> Sequence[int]:
        """As `number`, for many, whether there are such entries or not."""
        return [index or self.count for index in indices] if self.has_0 else indices

    def check(self, numbers: Collection[int]) -> None:
        """RpcError invalid_argument for numbers that no entry has, nor nothing."""
        for number in (min(numbers), max(numbers)) if numbers else ():
            if number != self.count or not self.has_0:
                self.number(number)

    def index(self, number: int) -> int:
        """The index of what has this number, which is not 0."""
        return number if number < self.count else 0
