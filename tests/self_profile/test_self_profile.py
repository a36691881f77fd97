"""The local server's own profile: the CPU time of its Python threads by stack, stored for a tenant and never about itself alone."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from flamehouse.errors import OperatorError
from flamehouse.services import Services
from flamehouse.settings import Settings
from flamehouse.store import Store
from self_profile.cpu_sampler import CpuSampler
from self_profile.thread import SelfProfile, open_self_profile
from tests.support.queries.queries import Server
from tests.support.servers.doubles import CannedStore

SECOND_NS = 1_000_000_000
START_NS = 1_790_000_000 * SECOND_NS


def burn(stopping: threading.Event) -> None:
    while not stopping.is_set():
        sum(range(1_000))


@contextmanager
def threads() -> Iterator[None]:
    """One thread that computes, and one that waits."""
    stopping = threading.Event()
    running = [
        threading.Thread(target=burn, args=(stopping,)),
        threading.Thread(target=stopping.wait),
    ]
    for thread in running:
        thread.start()
    try:
        yield
    finally:
        stopping.set()
        for thread in running:
            thread.join()


class Clock:
    """Unix time in nanoseconds, which tests move."""

    def __init__(self) -> None:
        self.ns = START_NS

    def __call__(self) -> int:
        return self.ns


def sample_half_a_second(profile: SelfProfile) -> None:
    """Sample until the computing thread has had half a second of CPU time, however busy the machine is."""
    for _ in range(1_000):
        time.sleep(profile.step())
        if profile.sampled_ns > SECOND_NS // 2:
            return


def test_cpu_time_goes_to_the_stacks_that_use_it() -> None:
    sampler = CpuSampler()
    with threads():
        while sampler.total_ns < SECOND_NS // 10:
            sampler.sample()
            time.sleep(0.005)
    stacks = sampler.take()
    burning = sum(
        spent for stack, spent in stacks.items() if "burn" in {code.co_qualname for code, _ in stack}
    )
    assert burning > 0.9 * sum(stacks.values())
    assert (sampler.total_ns, sampler.take()) == (0, {})


@pytest.mark.parametrize("place", ["embedded"], indirect=True, scope="session")
def test_a_profile_is_stored_for_the_tenant(store: Store, settings: Settings, tenant: str) -> None:
    clock = Clock()
    profile = SelfProfile(Services(settings=settings, store=store), tenant, clock)
    with threads():
        sample_half_a_second(profile)
        clock.ns += 10 * SECOND_NS
        profile.step()
    start_ms = START_NS // 1_000_000
    server = Server.on(store, settings, tenant)
    graph = server.flamegraph(start_ms, start_ms + 20_000, selector='{service_name="flamehouse"}')
    assert "burn" in graph.names
    assert "SelfProfile.step" not in graph.names
    assert graph.total > SECOND_NS // 2


def test_nothing_is_stored_before_ten_seconds_or_for_an_idle_server() -> None:
    store, clock = CannedStore(), Clock()
    profile = SelfProfile(Services(settings=Settings(), store=store), "anonymous", clock)
    clock.ns += 60 * SECOND_NS
    for _ in range(10):
        time.sleep(profile.step())
    assert store.calls == []
    clock.ns = START_NS
    with threads():
        sample_half_a_second(profile)
    assert store.calls == []


def test_it_is_off_by_default() -> None:
    assert open_self_profile(Services(settings=Settings(), store=CannedStore())) is None


def test_an_invalid_tenant_is_an_error() -> None:
    services = Services(settings=Settings(self_profile="a b"), store=CannedStore())
    with pytest.raises(OperatorError, match="invalid tenant 'a b' in SELF_PROFILE"):
        open_self_profile(services)
