"""The id of a profile type: `name:sample_type:sample_unit:period_type:period_unit`, with an optional `:delta`."""

from dataclasses import dataclass
from typing import Self

from flamehouse.errors import invalid_argument

_FORM = "<name>:<sample-type>:<sample-unit>:<period-type>:<period-unit>(:delta)"


@dataclass(frozen=True, slots=True, kw_only=True)
class ProfileType:
    """The five parts of a profile type id; any of them may be empty."""

    name: str
    sample_type: str
    sample_unit: str
    period_type: str
    period_unit: str

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read an id of five or six parts; the sixth (`delta`) is ignored.

        Raises RpcError(INVALID_ARGUMENT) otherwise.
        """
        parts = text.split(":")
        if len(parts) not in (5, 6):
            raise invalid_argument(
                f'profile-type selection must be of the form {_FORM}, got({len(parts)}): "{text}"'
            )
        name, sample_type, sample_unit, period_type, period_unit = parts[:5]
        return cls(
            name=name,
            sample_type=sample_type,
            sample_unit=sample_unit,
            period_type=period_type,
            period_unit=period_unit,
        )

    @property
    def id(self) -> str:
        return f"{self.name}:{self.sample_type}:{self.sample_unit}:{self.period_type}:{self.period_unit}"
