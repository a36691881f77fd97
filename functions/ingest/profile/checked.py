"""Validates the profiles of an upload, and records the reason for each rejection."""

from dataclasses import dataclass, replace
from typing import Final

from flamehouse import memory
from flamehouse.errors import RpcError, invalid_argument
from flamehouse.settings import Settings
from ingest.profile.incoming import IncomingProfile
from ingest.profile.series_labels import SERVICE_NAME, UNKNOWN_SERVICE
from ingest.profile.validate import ValidProfile, validate

_MAX_PARTS: Final = 4_000_000
"""The limit for all profiles of an upload together: gzip can expand a few bytes to gigabytes of messages."""
_PART_BYTES: Final = 64
"""The bytes of memory that a part takes until the upload's rows are made."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckedProfile:
    """One profile of an upload, or the reason why it is rejected. `id` is the client's id of it."""

    id: str
    profile: ValidProfile | RpcError

    @property
    def is_timed(self) -> bool:
        """Whether it has its own time."""
        return isinstance(self.profile, RpcError) or self.profile.pprof.time_nanos > 0


@dataclass(slots=True, kw_only=True)
class Checks:
    """Validates the profiles of one upload while they are read, so that rejected ones do not stay in memory."""

    settings: Settings
    received_ns: int
    past_s: int
    """How many seconds before `received_ns` the time of a profile may be; 0 means no limit."""
    parts_left: int = _MAX_PARTS

    def check(self, profile: IncomingProfile, id_: str = "") -> CheckedProfile:
        """Validate a profile, and return it or the reason why it is rejected."""
        try:
            return CheckedProfile(id=id_, profile=self.accept(profile))
        except RpcError as error:
            return CheckedProfile(id=id_, profile=error.alone())

    def accept(self, profile: IncomingProfile) -> ValidProfile:
        """Return the profile, with a service name.

        Raises:
            RpcError: `invalid_argument` for an invalid profile and, once the upload is too large, for all further ones.
        """
        if self.parts_left >= 0:
            valid = validate(_with_service_name(profile), self.settings, self.received_ns, self.past_s)
            memory.add_work(valid.part_count * _PART_BYTES)
            self.parts_left -= valid.part_count
            if self.parts_left >= 0:
                return valid
        raise invalid_argument(
            f"the upload's profiles have more than {_MAX_PARTS} samples, locations, functions and other parts"
        )


def _with_service_name(profile: IncomingProfile) -> IncomingProfile:
    if profile.labels.get(SERVICE_NAME):
        return profile
    return replace(profile, labels={**profile.labels, SERVICE_NAME: UNKNOWN_SERVICE})
