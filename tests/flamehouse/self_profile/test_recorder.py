"""This process's own profile: the CPU time of its Python threads by stack, and when it is stored."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from flamehouse.errors import Code, RpcError
from flamehouse.pb.profile_pb2 import Profile
from flamehouse.self_profile.cpu_sampler import CpuSampler
from flamehouse.self_profile.recorder import Recorder

SECOND_NS = 1_000_000_000
START_NS = 1_790_000_000 * SECOND_NS
INTERVAL_S = 10


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


def sample_half_a_second(recorder: Recorder) -> None:
    """Samples until the computing thread has had half a second of CPU time, however busy the machine is."""
    for _ in range(1_000):
        time.sleep(recorder.step())
        if recorder.sampled_ns > SECOND_NS // 2:
            return


def functions_of(profile: Profile) -> set[str]:
    return {profile.string_table[function.name] for function in profile.function}


def test_cpu_time_is_attributed_to_the_stacks_that_use_it() -> None:
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


def test_a_profile_has_the_stacks_and_the_time_since_the_last_one() -> None:
    stored: list[Profile] = []
    clock = Clock()
    recorder = Recorder(stored.append, INTERVAL_S, clock)
    for _ in range(2):
        with threads():
            sample_half_a_second(recorder)
            clock.ns += INTERVAL_S * SECOND_NS
            recorder.step()
    assert [profile.time_nanos for profile in stored] == [START_NS, START_NS + INTERVAL_S * SECOND_NS]
    for profile in stored:
        assert profile.duration_nanos == INTERVAL_S * SECOND_NS
        assert sum(sample.value[0] for sample in profile.sample) > SECOND_NS // 2
        assert "burn" in functions_of(profile)
        assert "Recorder.step" not in functions_of(profile)


def test_nothing_is_stored_before_the_interval_ends_or_for_an_idle_process() -> None:
    stored: list[Profile] = []
    clock = Clock()
    recorder = Recorder(stored.append, INTERVAL_S, clock)
    clock.ns += 60 * SECOND_NS
    for _ in range(10):
        time.sleep(recorder.step())
    assert stored == []
    clock.ns = START_NS
    with threads():
        sample_half_a_second(recorder)
    assert stored == []


def test_a_profile_that_cannot_be_stored_is_logged_and_dropped(caplog: pytest.LogCaptureFixture) -> None:
    def fail(_: Profile) -> None:
        raise RpcError(Code.UNAVAILABLE, "object storage is unavailable")

    clock = Clock()
    recorder = Recorder(fail, INTERVAL_S, clock)
    with threads():
        sample_half_a_second(recorder)
        clock.ns += INTERVAL_S * SECOND_NS
        recorder.step()
    assert "a profile of this server was not stored: unavailable" in caplog.text
    assert recorder.sampled_ns == 0
