"""The thread that samples this process and stores its CPU profiles.

The thread itself is not sampled. It stores a profile only once the profile's CPU time is many times that of storing
one, so that profiles do not consist mostly of their own storage.
"""

import time
from collections.abc import Callable
from typing import Final

from flamehouse.errors import RpcError
from flamehouse.identity.tenant import CHARACTERS, is_tenant
from flamehouse.pb.profile_pb2 import Profile
from flamehouse.self_profile.cpu_sampler import CpuSampler, is_supported
from flamehouse.self_profile.pprof import pprof_of
from flamehouse.step_thread import StepThread
from flamehouse.telemetry import events
from flamehouse.telemetry.log import log
from flamehouse.units import NS_PER_S

SERVICE: Final = "flamehouse"
_PERIOD_S: Final = 0.02
_MIN_CPU_NS: Final = NS_PER_S // 4
"""About ten times the CPU time of storing a profile."""

type Store = Callable[[Profile], None]
"""Stores a profile, or passes it to the worker. Raises RpcError."""


def recording_thread(tenant: str, store: Store, interval_s: int) -> StepThread:
    """Return the thread of a `Recorder`, not started.

    Raises: ValueError for an invalid tenant in SELF_PROFILE, and on a system without a CPU clock for each thread.
    """
    if not is_tenant(tenant):
        raise ValueError(f"invalid tenant {tenant!r} in SELF_PROFILE: use {CHARACTERS}")
    if not is_supported():
        raise ValueError("SELF_PROFILE needs Linux: unset it on this system")
    return StepThread("self-profile", Recorder(store, interval_s).step, lambda: None)


class Recorder:
    """Samples this process, and stores a profile every `interval_s` seconds, or later if the process is mostly idle.

    `clock` returns Unix time in nanoseconds.
    """

    def __init__(self, store: Store, interval_s: int, clock: Callable[[], int] = time.time_ns) -> None:
        self._store = store
        self._interval_ns = interval_s * NS_PER_S
        self._clock = clock
        self._sampler = CpuSampler()
        self._start_ns = clock()

    @property
    def sampled_ns(self) -> int:
        """The CPU time of the profile so far."""
        return self._sampler.total_ns

    def step(self) -> float:
        """Take one sample, and store the profile if it is due; return the pause before the next one, in seconds."""
        self._sampler.sample()
        now_ns = self._clock()
        if now_ns - self._start_ns >= self._interval_ns and self.sampled_ns >= _MIN_CPU_NS:
            self._end(now_ns)
            self._start_ns = self._clock()
        return _PERIOD_S

    def _end(self, now_ns: int) -> None:
        profile = pprof_of(self._sampler.take(), start_ns=self._start_ns, end_ns=now_ns)
        try:
            self._store(profile)
        except RpcError as error:
            log(events.SELF_PROFILE_FAILED, reason=error.code.wire_name)
