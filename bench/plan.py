"""How much is measured: the figures that count, and a small run that only shows that the bench works."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """Sizes of the workloads. Times are repeated `repeats` times; profiles are stored `group` at a time."""

    repeats: int = 7
    services: int = 10
    spans: int = 20
    """Of each profile, where they are measured."""
    short: int = 60
    """Profiles of each service, 15 s apart, in the smaller workload; in the larger it is an hour of them."""
    long: int = 240
    stacks: int = 5_000
    drawn: int = 1_000
    group: int = 20
    days: int = 7
    deep_profiles: int = 60
    pods: int = 1_000
    profiles_per_pod: int = 6
    drawn_per_pod: int = 100
    lone_uploads: int = 40
    groups: int = 5
    rate_s: float = 10
    rate_uploads: int = 1_500
    """Uploads made beforehand for the measurement of rates; it ends early where they do not last."""
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
    deep_profiles=3,
    pods=20,
    profiles_per_pod=2,
    drawn_per_pod=10,
    lone_uploads=4,
    groups=1,
    rate_s=1,
    rate_uploads=60,
)
