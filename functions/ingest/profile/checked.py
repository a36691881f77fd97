"""Profiles of an upload after validation: the good ones, and why each of the others is rejected."""

from dataclasses import dataclass, replace
from typing import Final

from flamehouse import memory
from flamehouse.errors import RpcError, invalid_argument
from flamehouse.settings import Settings
from ingest.profile.incoming import IncomingProfile
from ingest.profile.series_labels import SERVICE_NAME, UNKNOWN_SERVICE
from ingest.profile.validate import ValidProfile, validate

_MAX_PARTS: Final = 4_000_000
"""Of all profiles of an upload: gzip makes gigabytes of messages of a few bytes."""
_PART_BYTES: Final = 64
"""What a part takes in memory, until the upload is stored."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckedProfile:
    """One profile of an upload, or why it is rejected. `id` is the client's name for it."""

    id: str
    profile: ValidProfile | RpcError

    @property
    def is_timed(self) -> bool:
        """Whether it is stored under a time of its own, if at all."""
        return isinstance(self.profile, RpcError) or self.profile.pprof.time_nanos > 0


@dataclass(slots=True, kw_only=True)
class Checks:
    """Validates the profiles of one upload, each as soon as it is read: a rejected one need not be held in memory."""

    settings: Settings
    received_ns: int
    past_s: int
    """How far before `received_ns` the time of a profile may lie; 0 is no limit."""
    parts_left: int = _MAX_PARTS

    def check(self, profile: IncomingProfile, id_: str = "") -> CheckedProfile:
        """The profile, valid or rejected."""
        try:
            return CheckedProfile(id=id_, profile=self.accept(profile))
        except RpcError as error:
            return CheckedProfile(id=id_, profile=error.alone())

    def accept(self, profile: IncomingProfile) -> ValidProfile:
        """The profile, with a service name.

        Raises:
            RpcError: `invalid_argument` for an invalid profile, and for every profile from the first on that makes the
                upload too large.
        """
        if self.parts_left >= 0:
            valid = validate(_with_service_name(profile), self.settings, self.received_ns, self.past_s)
            memory.take(valid.part_count * _PART_BYTES)
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
