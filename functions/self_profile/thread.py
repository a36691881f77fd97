"""The thread of the local server that samples the process and stores the profiles.

A profile enters the pipeline directly, without a request that would itself be profiled, and this thread is not
sampled. It is stored once its CPU time is many times that of storing one, so profiles do not consist of their own
storage.
"""

import time
from collections.abc import Callable
from typing import Final

from flamehouse.errors import OperatorError, RpcError
from flamehouse.identity.tenant import CHARACTERS, is_tenant
from flamehouse.services import Services
from flamehouse.step_thread import StepThread
from flamehouse.telemetry import events
from flamehouse.telemetry.log import log
from flamehouse.units import NS_PER_S
from ingest import pipeline
from ingest.received import Endpoint, ReceivedUpload
from self_profile.cpu_sampler import CpuSampler, is_supported
from self_profile.profile import pprof_of, push_of

_PERIOD_S: Final = 0.02
_INTERVAL_NS: Final = 10 * NS_PER_S
_MIN_CPU_NS: Final = NS_PER_S // 4
"""About ten times the CPU time of storing a profile."""
_LABELS: Final = {"__name__": "process_cpu", "service_name": "flamehouse"}


def open_self_profile(services: Services) -> StepThread | None:
    """Return the thread; None if SELF_PROFILE is not set.

    Raises: OperatorError for an invalid tenant, or on a system without CPU clocks for threads.
    """
    tenant = services.settings.self_profile
    if not tenant:
        return None
    if not is_tenant(tenant):
        raise OperatorError(f"invalid tenant {tenant!r} in SELF_PROFILE: use {CHARACTERS}")
    if not is_supported():
        raise OperatorError("SELF_PROFILE needs Linux: unset it on this system")
    return StepThread("self-profile", SelfProfile(services, tenant).step, lambda: None)


class SelfProfile:
    """Samples this process, and stores a profile for `tenant` every ten seconds, unless it was idle.

    `clock` returns Unix time in nanoseconds.
    """

    def __init__(self, services: Services, tenant: str, clock: Callable[[], int] = time.time_ns) -> None:
        self._services = services
        self._tenant = tenant
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
        if now_ns - self._start_ns >= _INTERVAL_NS and self.sampled_ns >= _MIN_CPU_NS:
            self._store(now_ns)
            self._start_ns = self._clock()
        return _PERIOD_S

    def _store(self, now_ns: int) -> None:
        profile = pprof_of(self._sampler.take(), start_ns=self._start_ns, end_ns=now_ns)
        received = ReceivedUpload(
            tenant=self._tenant,
            endpoint=Endpoint.PUSH,
            received_ns=now_ns,
            content_type="application/proto",
            body=push_of(profile, _LABELS).SerializeToString(),
        )
        try:
            outcome = pipeline.ingest(self._services, received)
        except RpcError as error:
            log(events.SELF_PROFILE_FAILED, reason=error.code.wire_name)
            return
        if outcome.error is not None:
            log(events.SELF_PROFILE_FAILED, reason=outcome.error.code.wire_name)
