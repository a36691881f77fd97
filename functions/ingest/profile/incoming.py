"""The result of every format's parser: the labels of a series and a pprof message."""

from dataclasses import dataclass

from flamehouse.pb import profile_pb2


@dataclass(frozen=True, slots=True, kw_only=True)
class IncomingProfile:
    """One profile as received, neither validated nor split.

    `labels` has `__name__` and the labels of the request; `pprof.time_nanos` is 0 if the profile has no time.
    """

    labels: dict[str, str]
    pprof: profile_pb2.Profile
