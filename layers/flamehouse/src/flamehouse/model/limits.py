"""The limits of a tenant: how much it may send and query, and the rules for its labels."""

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass, fields, replace
from typing import Final, Self

from flamehouse.label_rules import parse_label_rules
from flamehouse.units import MAX_INT64

NO_LIMIT: Final = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """The limits of a tenant, or the defaults of all. None follows the defaults; a number of 0 is no limit."""

    uploads_per_second: int | None = None
    bytes_per_day: int | None = None
    """Bodies of uploads as received, in a UTC day."""
    series_per_day: int | None = None
    query_seconds_per_day: int | None = None
    label_rules: str | None = None
    """Rules in the words of LABEL_RULES, which change those of the setting."""

    def __post_init__(self) -> None:
        parse_label_rules(self.label_rules or "")

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read what `serialize` wrote; limits of a later version are ignored. ValueError for anything else."""
        values = json.loads(text)
        if not isinstance(values, dict):
            raise ValueError("limits must be a JSON object")  # noqa: TRY004  # the caller reads JSON
        return cls(**{name: values[name] for name in NAMES if values.get(name) is not None})

    def serialize(self) -> str:
        """The limits that are set, as JSON."""
        return json.dumps({name: value for name, value in asdict(self).items() if value is not None})

    def over(self, defaults: Self) -> Self:
        """These limits, with the defaults where they have none."""
        own = {name: value for name, value in asdict(self).items() if value is not None}
        return replace(defaults, **own)

    def changed(self, changes: Iterable[str]) -> Self:
        """These limits, changed by `NAME=VALUE`; an empty value goes back to the default.

        Raises: ValueError for an unknown name or an invalid value.
        """
        values: dict[str, int | str | None] = {}
        for change in changes:
            name, equals, text = change.partition("=")
            if name not in NAMES or not equals:
                raise ValueError(f"invalid limit {change!r}: use NAME=VALUE with one of {', '.join(NAMES)}")
            values[name] = (text if name == "label_rules" else _number(change, text)) if text else None
        return replace(self, **values)  # type: ignore[arg-type]  # each value was read as its field's type


NAMES: Final = tuple(field.name for field in fields(Limits))


def _number(change: str, text: str) -> int:
    if not text.isascii() or not text.isdigit() or int(text) > MAX_INT64:
        raise ValueError(f"invalid limit {change!r}: use a whole number, or 0 for no limit")
    return int(text)
