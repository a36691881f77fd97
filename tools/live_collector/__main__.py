"""`python -m tools.live_collector`: a real OpenTelemetry collector gets a profile over gRPC and forwards it over HTTP.

The collector: opentelemetry.io/docs/collector. Its configuration is the one in docs/clients.md.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Final

from tools.live import Live, build_with, copy_sources, fetch_with, main


def _prepare(folder: Path) -> Sequence[str]:
    copy_sources(__file__, folder)
    fetch_with(folder, "go", "mod", "download")
    build_with(folder, "go", "build", "-o", "program", ".")
    return ("./program",)


LIVE: Final = Live(
    client="collector",
    needs=("go",),
    prepare=_prepare,
    leaders={"process_cpu:cpu:nanoseconds:cpu:nanoseconds": "main.findPrimes"},
)

if __name__ == "__main__":
    main(LIVE)
