"""Where tests run: the repository, and a ClickHouse with the functions deployed over it."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

REPO: Final = Path(__file__).resolve().parents[3]


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A ClickHouse, and the functions over it if they are deployed."""

    dsn: str
    url: str | None = None
    credential: str = field(default="", repr=False)
