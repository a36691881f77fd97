"""`python -m tools.live_rust`: the real Rust SDK profiles the CPU of a program with its pprof-rs backend.

The SDK: grafana.com/docs/pyroscope/latest/configure-client/language-sdks/rust
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Final

from tools.live import Live, build_with, copy_sources, fetch_with, main


def _prepare(folder: Path) -> Sequence[str]:
    copy_sources(__file__, folder)
    fetch_with(folder, "cargo", "fetch", "--quiet")
    build_with(folder, "cargo", "build", "--quiet", "--release", "--target-dir", "target")
    return ("target/release/live-rust",)


LIVE: Final = Live(
    client="rust",
    needs=("cargo",),
    prepare=_prepare,
    leaders={"process_cpu:cpu:nanoseconds:cpu:nanoseconds": "find_primes"},
)

if __name__ == "__main__":
    main(LIVE)
