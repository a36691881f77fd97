"""Samples the CPU time of this process's Python threads by stack.

A sample reads each thread's CPU clock, and the stack of each thread whose clock advanced. If the process was idle, a
sample reads only the process's clock. Threads of ClickHouse's engine run no Python and are not sampled.
"""

import sys
import threading
import time
from collections import Counter
from collections.abc import Mapping
from types import CodeType, FrameType
from typing import Final

type Stack = tuple[tuple[CodeType, int], ...]
"""The functions of a stack with their current lines, leaf first."""

_IDLE_NS: Final = 1_000_000
"""A process that used less CPU time than this since the last sample is idle."""
_OF_THREAD: Final = 4
_SCHEDULED: Final = 2
"""Parts of Linux's id of a thread's CPU clock: CPUCLOCK_PERTHREAD_MASK and CPUCLOCK_SCHED of
include/linux/posix-timers_types.h.
"""


def is_supported() -> bool:
    """Return whether this system has a CPU clock for each thread."""
    return sys.platform == "linux"


class CpuSampler:
    """Adds up CPU time by stack. The thread that calls `sample` is not sampled."""

    def __init__(self) -> None:
        self._process_ns = 0
        self._clocks: dict[int, int] = {}
        self._stacks: Counter[Stack] = Counter()

    @property
    def total_ns(self) -> int:
        """The CPU time sampled since the last `take`."""
        return self._stacks.total()

    def sample(self) -> None:
        """Add the CPU time of each thread since the last sample to its current stack."""
        used = time.process_time_ns()
        if used - self._process_ns < _IDLE_NS:
            return
        self._process_ns = used
        self._sample_threads()

    def _sample_threads(self) -> None:
        own = threading.get_ident()
        frames = sys._current_frames()  # noqa: SLF001  # documented, and the only access to the stacks of other threads
        clocks = {}
        for thread in threading.enumerate():
            frame = frames.get(thread.ident or 0)
            if frame is None or thread.ident == own or thread.native_id is None:
                continue
            used = _cpu_ns(thread.native_id)
            clocks[thread.native_id] = used
            if (spent := used - self._clocks.get(thread.native_id, used)) > 0:
                self._stacks[_stack_of(frame)] += spent
        self._clocks = clocks

    def take(self) -> Mapping[Stack, int]:
        """Return the CPU time in nanoseconds by stack, and start over; time until the next sample is not counted."""
        taken, self._stacks, self._clocks = self._stacks, Counter(), {}
        return taken


def _cpu_ns(native_id: int) -> int:
    """Return the CPU time of a thread in nanoseconds; 0 if the thread has ended."""
    try:
        return time.clock_gettime_ns(~native_id << 3 | _OF_THREAD | _SCHEDULED)
    except OSError:
        return 0


def _stack_of(frame: FrameType) -> Stack:
    frames = []
    each: FrameType | None = frame
    while each is not None:
        frames.append((each.f_code, each.f_lineno or each.f_code.co_firstlineno))
        each = each.f_back
    return tuple(frames)
