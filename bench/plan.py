"""The sizes of a full run, and of a small run that only tests the bench itself."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """The sizes of the workloads. Calls are timed `repeats` times; profiles are stored `group` at a time."""

    repeats: int = 7
    services: int = 10
    spans: int = 20
    """The number of spans per profile, in measurements of spans."""
    short: int = 60
    """Profiles per service in the smaller workload, 15 s apart; `long` is that of the larger one, an hour."""
    long: int = 240
    stacks: int = 5_000
    drawn: int = 1_000
    group: int = 20
    days: int = 7
    per_hour: int = 60
    """Profiles per hour of one service, for queries of up to 72 hours over HTTP."""
    maintenance_s: float = 60
    """The wait until the maintenance that makes their roll-ups begins."""
    deep_profiles: int = 60
    pods: int = 1_000
    profiles_per_pod: int = 6
    drawn_per_pod: int = 100
    lone_uploads: int = 40
    groups: int = 5
    rate_s: float = 10
    rate_uploads: int = 1_500
    """Uploads prepared for each measurement of a rate, which ends early if they run out."""
    clients: tuple[int, ...] = (1, 4, 16)


QUICK = Plan(
    repeats=2,
    services=2,
    short=4,
    long=16,
    stacks=400,
    drawn=80,
    group=8,
    days=1,
    per_hour=1,
    maintenance_s=0,
    deep_profiles=3,
    pods=20,
    profiles_per_pod=2,
    drawn_per_pod=10,
    lone_uploads=4,
    groups=1,
    rate_s=1,
    rate_uploads=60,
)
