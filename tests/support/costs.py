"""What a piece of work may cost: the time of the processor, and memory beyond what was taken before."""

import resource
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

_PROCESS = Path("/proc/self")


@contextmanager
def costing_at_most(*, seconds: float = float("inf"), mib: float = float("inf")) -> Iterator[None]:
    """Fail if what is done in this context takes longer, or at any moment more memory.

    `seconds` tells work that has a bound from work that has none: several times what a busy machine takes.
    """
    # Linux forgets the most that was ever taken when it is told to; elsewhere memory that was freed counts for nothing.
    with suppress(OSError):
        (_PROCESS / "clear_refs").write_text("5")
    before, started = _most_kib(), time.process_time()
    yield
    took, grown = time.process_time() - started, (_most_kib() - before) / 1024
    assert (took < seconds, grown < mib) == (True, True), f"took {took:.1f} s and {grown:.0f} MiB"


def _most_kib() -> int:
    """The most memory that the process took, now or since it was forgotten."""
    with suppress(OSError):
        lines = (_PROCESS / "status").read_text().splitlines()
        return int(next(line for line in lines if line.startswith("VmHWM:")).split()[1])
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
