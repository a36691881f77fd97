"""What a format's parser hands on: series labels and a pprof message, whatever the client sent."""

from dataclasses import dataclass

from flamehouse.pb import profile_pb2


@dataclass(frozen=True, slots=True, kw_only=True)
class IncomingProfile:
    """One profile as it came in, neither validated nor split.

    `labels` holds `__name__` and whatever the request said of the series; `pprof.time_nanos` is 0 where the
    profile carries no time of its own.
    """

    labels: dict[str, str]
    pprof: profile_pb2.Profile
