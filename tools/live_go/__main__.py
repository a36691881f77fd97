"""`python -m tools.live_go`: the real Go SDK profiles CPU, memory, locks and goroutines of a program.

The SDK: grafana.com/docs/pyroscope/latest/configure-client/language-sdks/go_push
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Final

from tools.live import Live, build_with, copy_sources, fetch_with, main

_HEAP: Final = "memory:{}:space:bytes"


def _prepare(folder: Path) -> Sequence[str]:
    copy_sources(__file__, folder)
    fetch_with(folder, "go", "mod", "download")
    build_with(folder, "go", "build", "-o", "program", ".")
    return ("./program",)


LIVE: Final = Live(
    client="go",
    needs=("go",),
    prepare=_prepare,
    leaders={
        "process_cpu:cpu:nanoseconds:cpu:nanoseconds": "main.findPrimes",
        _HEAP.format("alloc_space:bytes"): "main.remember",
        _HEAP.format("alloc_objects:count"): "main.remember",
        "mutex:delay:nanoseconds:contentions:count": "sync.(*Mutex).Unlock",
        "block:delay:nanoseconds:contentions:count": "sync.(*Mutex).Lock",
        "goroutines:goroutine:count:goroutine:count": "runtime.gopark",
    },
)

if __name__ == "__main__":
    main(LIVE)
