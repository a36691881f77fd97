"""The table that the bench prints: measurement, our result, comparison and target."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import starmap

_HEADINGS = ("measurement", "ours", "compared with", "figure", "target", "")


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One measurement as text; `figure` is the ratio or amount to compare with the target."""

    what: str
    ours: str
    beside: str = ""
    figure: float | None = None
    at_least: float | None = None
    at_most: float | None = None

    @property
    def target(self) -> str:
        if self.at_least is not None:
            return f"at least {self.at_least:g}"
        return f"at most {self.at_most:g}" if self.at_most is not None else ""

    @property
    def verdict(self) -> str:
        if self.figure is None:
            return ""
        met = (self.at_least is None or self.figure >= self.at_least) and (
            self.at_most is None or self.figure <= self.at_most
        )
        return "" if not self.target else "met" if met else "MISSED"

    @property
    def cells(self) -> Sequence[str]:
        figure = "" if self.figure is None else f"{self.figure:.3g}"
        return (self.what, self.ours, self.beside, figure, self.target, self.verdict)


def table(title: str, lines: Iterable[Line]) -> str:
    """Return the lines as text with aligned columns."""
    rows = [_HEADINGS, *(line.cells for line in lines)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    body = ("  ".join(starmap(str.ljust, zip(row, widths, strict=True))).rstrip() for row in rows)
    return "\n".join((f"\n{title}", "-" * len(title), *body))


def mb(size: float) -> str:
    """Return a number of bytes in decimal megabytes."""
    return f"{size / 1e6:.1f} MB"
