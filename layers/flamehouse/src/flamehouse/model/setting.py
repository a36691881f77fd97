"""A setting that Grafana's apps store for a tenant."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """A name and a value; `modified_at` in milliseconds since the epoch."""

    name: str
    value: str
    modified_at: int
