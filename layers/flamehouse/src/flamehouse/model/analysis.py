"""What a query would read."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Analysis:
    """The scope of a query: counts of rows, and bytes on disk.

    `profiles` and `samples` are counted per sample type; `parts` are the parts read from the table `profiles`.
    """

    series: int = 0
    profiles: int = 0
    samples: int = 0
    parts: int = 0
    index_bytes: int = 0
    profile_bytes: int = 0
    symbol_bytes: int = 0
