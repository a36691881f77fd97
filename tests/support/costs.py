"""Limits on the cost of a piece of work: processor time, and memory beyond that in use before."""

import resource
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

_PROCESS = Path("/proc/self")


@contextmanager
def costing_at_most(*, seconds: float = float("inf"), mib: float = float("inf")) -> Iterator[None]:
    """Fails if the work in this context takes more time or, at any moment, more memory.

    `seconds` distinguishes bounded from unbounded work: it is several times what a busy machine takes.
    """
    # Linux can reset the peak; elsewhere only growth beyond the earlier peak is measured.
    with suppress(OSError):
        (_PROCESS / "clear_refs").write_text("5")
    before, started = _most_kib(), time.process_time()
    yield
    took, grown = time.process_time() - started, (_most_kib() - before) / 1024
    assert (took < seconds, grown < mib) == (True, True), f"took {took:.1f} s and {grown:.0f} MiB"


def _most_kib() -> int:
    """Returns the peak memory of the process, since its start or the last reset."""
    with suppress(OSError):
        lines = (_PROCESS / "status").read_text().splitlines()
        return int(next(line for line in lines if line.startswith("VmHWM:")).split()[1])
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
