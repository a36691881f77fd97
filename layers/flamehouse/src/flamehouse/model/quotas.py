"""The limits of all tenants and what they have sent today: enough to admit uploads while ClickHouse sleeps."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Self

from flamehouse.model.limits import Limits, Sent


@dataclass(frozen=True, slots=True, kw_only=True)
class Quotas:
    """The stored limits by tenant, and the bytes that each tenant has sent on `day` (days since the epoch, UTC)."""

    limits: Mapping[str, Limits] = field(default_factory=dict)
    day: int = 0
    sent: Sent = field(default_factory=dict)

    @classmethod
    def parse(cls, text: bytes) -> Self:
        """Read the output of `serialize`. Raises ValueError for anything else."""
        try:
            document = json.loads(text)
            return cls(
                limits={tenant: Limits.parse(limits) for tenant, limits in document["limits"].items()},
                day=int(document["day"]),
                sent={tenant: int(size) for tenant, size in document["sent"].items()},
            )
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise ValueError(f"expected the limits of tenants: {error}") from error

    def serialize(self) -> bytes:
        """Return the quotas as JSON."""
        limits = {tenant: limits.serialize() for tenant, limits in self.limits.items()}
        return json.dumps({"limits": limits, "day": self.day, "sent": dict(self.sent)}).encode()
