"""The limits of a tenant: how much it may send and query, and the rules for its labels."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, fields, replace
from typing import Final, Self

from flamehouse.label_rules import parse_label_rules
from flamehouse.units import MAX_INT64

DEFAULTS: Final = ""
"""The pseudo-tenant of the default limits."""
NO_LIMIT: Final = 0

type Sent = Mapping[str, int]
"""The bytes of upload bodies by tenant."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """The limits of one tenant, or the defaults for all. None means the default, 0 no limit."""

    uploads_per_second: int | None = None
    bytes_per_day: int | None = None
    """Bytes of upload bodies as received, per UTC day."""
    series_per_day: int | None = None
    query_seconds_per_day: int | None = None
    label_rules: str | None = None
    """Rules in the notation of LABEL_RULES, applied on top of that setting's."""

    def __post_init__(self) -> None:
        parse_label_rules(self.label_rules or "")

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read the output of `serialize`; limits of a later version are ignored.

        Raises ValueError for anything else.
        """
        values = json.loads(text)
        if not isinstance(values, dict):
            raise ValueError("limits must be a JSON object")  # noqa: TRY004  # the caller reads JSON
        return cls(**{name: values[name] for name in NAMES if values.get(name) is not None})

    def serialize(self) -> str:
        """Return the limits that are set, as JSON."""
        return json.dumps({name: value for name, value in asdict(self).items() if value is not None})

    def over(self, defaults: Self) -> Self:
        """Return these limits, completed with the defaults."""
        own = {name: value for name, value in asdict(self).items() if value is not None}
        return replace(defaults, **own)

    def changed(self, changes: Iterable[str]) -> Self:
        """Return these limits, changed by `NAME=VALUE`; an empty value restores the default.

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
